// RACK's window and RACK's marks without packets (RFC 8985 §6.2), and which transmissions a timeout takes
// for lost.

import Testing

@testable import UserTCP

struct RACKWindowTests {
  private static let start = SequenceNumber(0xFFFF_F000)  // wraps during the test

  private func transmission(
    _ end: Int, sentAt milliseconds: Int64, _ flags: Transmission.Flags = []
  ) -> Transmission {
    Transmission(
      end: Self.start + end, deliveredBefore: 0, sentAt: .zero + .milliseconds(milliseconds),
      flags: flags)
  }
  private func moment(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  /// The shortest round trip is 80 ms; `isReordered` when segment 1 came after 2.
  private func rack(isReordered: Bool) -> RACK {
    var rack = RACK(start: Self.start)
    if isReordered {
      rack.delivered(transmission(2000, sentAt: 0), at: moment(80), isEchoOld: false)
      rack.delivered(transmission(1000, sentAt: 0), at: moment(90), isEchoOld: false)
    } else {
      rack.delivered(transmission(1000, sentAt: 0), at: moment(80), isEchoOld: false)
      rack.delivered(transmission(2000, sentAt: 0), at: moment(90), isEchoOld: false)
    }
    return rack
  }

  // RACK-4
  @Test func `without reordering the window is a quarter of the least round trip, or none`() {
    let rack = rack(isReordered: false)
    #expect(!rack.sawReordering)
    #expect(
      rack.reorderingWindow(isUrgent: false, smoothedRoundTrip: .seconds(1)) == .milliseconds(20))
    #expect(rack.reorderingWindow(isUrgent: true, smoothedRoundTrip: .seconds(1)) == .zero)
  }

  // RACK-4
  @Test func `with reordering the window stands also in recovery`() {
    let rack = rack(isReordered: true)
    #expect(rack.sawReordering)
    #expect(
      rack.reorderingWindow(isUrgent: true, smoothedRoundTrip: .seconds(1)) == .milliseconds(20))
  }

  // RACK-4
  @Test func `each round trip with a D-SACK adds a quarter, up to the smoothed round trip`() {
    var rack = rack(isReordered: true)
    for round in 1...10 {
      let next = Self.start + round * 10_000
      for _ in 0..<5 {
        rack.duplicateReported(acknowledged: Self.start + (round - 1) * 10_000, next: next)
      }
      let window = rack.reorderingWindow(isUrgent: true, smoothedRoundTrip: .milliseconds(150))
      #expect(window == min(.milliseconds(20) * Int64(1 + round), .milliseconds(150)))
    }
  }

  // RACK-4
  @Test func `sixteen recoveries without a D-SACK make the window narrow again`() {
    var rack = rack(isReordered: true)
    rack.duplicateReported(acknowledged: Self.start, next: Self.start + 9000)
    for recovery in 1...16 {
      #expect(
        rack.reorderingWindow(isUrgent: true, smoothedRoundTrip: .seconds(1)) == .milliseconds(40),
        "recovery \(recovery)")
      rack.recoveryEnded()
    }
    #expect(
      rack.reorderingWindow(isUrgent: true, smoothedRoundTrip: .seconds(1)) == .milliseconds(20))
  }

  // RACK-2
  @Test func `an ambiguous arrival counts only when it can be the last copy's`() {
    for (time, isEchoOld, counts) in [
      (79, false, false), (80, false, true), (200, false, true), (200, true, false),
    ] as [(Int64, Bool, Bool)] {
      var rack = rack(isReordered: false)
      let copy = transmission(500, sentAt: 100, [.ambiguous, .resent])
      rack.delivered(copy, at: moment(100 + time), isEchoOld: isEchoOld)
      #expect((rack.sentAt == moment(100)) == counts, "\(time) ms, old echo: \(isEchoOld)")
      // Late as it is, it is no sign of reordering.
      #expect(!rack.sawReordering)
    }
  }

  // RACK-2
  @Test func `the newest delivered is the last sent, and of one moment the last in sequence`() {
    var rack = RACK(start: Self.start)
    rack.delivered(transmission(3000, sentAt: 5), at: moment(90), isEchoOld: false)
    rack.delivered(transmission(2000, sentAt: 5), at: moment(90), isEchoOld: false)
    rack.delivered(transmission(9000, sentAt: 1), at: moment(90), isEchoOld: false)
    #expect(rack.sentAt == moment(5) && rack.end == Self.start + 3000)
    #expect(rack.isSuperseded(transmission(2000, sentAt: 5)))
    #expect(!rack.isSuperseded(transmission(4000, sentAt: 5)))
    #expect(rack.isSuperseded(transmission(4000, sentAt: 4)))
  }
}

struct TimeoutMarkTests {
  // RACK-5, SACK-6
  @Test func `a timeout marks the oldest and what is older than a round trip and the window`() {
    var pool = BufferPool()
    var block = ActivityBlock()
    let start = SequenceNumber(7)
    block.begin(at: start, pool: &pool)
    // A round trip of 100 ms is known; then four segments, 0, 20, 150 and 200 ms after it.
    block.append(upTo: start + 1000, at: .zero, pool: &pool)
    var delivery = Delivery()
    block.acknowledge(start + 1000, at: .zero + .milliseconds(100), echo: nil, &delivery)
    for (index, time) in [100, 120, 250, 300].enumerated() {
      block.append(
        upTo: start + 2000 + index * 1000, at: .zero + .milliseconds(Int64(time)), pool: &pool)
    }
    let hasReneged = block.timedOut(
      at: .zero + .milliseconds(350), patience: .milliseconds(125))
    #expect(!hasReneged)
    let lost = [block[0], block[1], block[2], block[3]].map { $0.flags.contains(.lost) }
    #expect(lost == [true, true, false, false])
    let octets = block.state.lost
    #expect(octets == 2000)
    block.release(to: &pool)
  }

  // SACK-6
  @Test func `a SACK of the oldest is void when the timer expires, and all others with it`() {
    var pool = BufferPool()
    var block = ActivityBlock()
    let start = SequenceNumber(7)
    block.begin(at: start, pool: &pool)
    for index in 1...3 {
      block.append(upTo: start + index * 1000, at: .zero + .seconds(Int64(index)), pool: &pool)
    }
    var delivery = Delivery()
    block.sack(
      SACKBlocks.Block(left: start, right: start + 2000), at: .zero + .seconds(4),
      pool: &pool, &delivery)
    let sacked = block.state.sacked
    #expect(delivery.sacked == 2000 && sacked == 2000)
    let hasReneged = block.timedOut(
      at: .zero + .seconds(5), patience: .zero)
    #expect(hasReneged)
    let (left, due) = (block.state.sacked, block.firstDue())
    #expect(left == 0 && due == 0)
    block.release(to: &pool)
  }
}
