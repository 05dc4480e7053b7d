// Congestion control by its numbers: the initial window, slow start, avoidance, and what a loss does
// (RFC 5681 §3.1, RFC 6928), then fast recovery step by step (RFC 5681 §3.2, RFC 6582).

import Testing

@testable import UserTCP

struct CongestionControllerTests {
  // CC-2
  @Test func `the initial window is ten segments of at most 14,600 octets or two larger ones`() {
    func window(_ size: Int) -> UInt32 {
      CongestionController.initialWindow(segmentSize: size, synRetransmissions: 0)
    }
    #expect(window(536) == 5360)
    #expect(window(1448) == 14_480)
    #expect(window(1460) == 14_600)
    #expect(window(1461) == 14_600)
    #expect(window(4000) == 14_600)
    #expect(window(8960) == 17_920)
    #expect(window(65_495) == 130_990)
  }

  // CC-3
  @Test func `a SYN that was lost more than once leaves one segment`() {
    for (retransmissions, expected) in [(0, 14_480 as UInt32), (1, 14_480), (2, 1448), (6, 1448)] {
      let window = CongestionController.initialWindow(
        segmentSize: 1448, synRetransmissions: retransmissions)
      #expect(window == expected)
    }
  }
}

struct NewRenoTests {
  // CC-4
  @Test func `slow start grows by what was acknowledged, a segment at most for each ACK`() {
    var reno = NewReno(window: 10_000)
    reno.acknowledged(400, segmentSize: 1000)
    #expect(reno.window == 10_400)
    reno.acknowledged(5000, segmentSize: 1000)
    #expect(reno.window == 11_400)
  }

  // CC-5, SEC-30
  @Test func `avoidance grows by one segment for each window acknowledged, in whatever pieces`() {
    for piece: UInt32 in [1, 100, 1000, 10_000] {
      var reno = NewReno(window: 10_000)
      reno.threshold = 10_000
      var acknowledged: UInt32 = 0
      while acknowledged < 10_000 {
        #expect(reno.window == 10_000)
        reno.acknowledged(piece, segmentSize: 1000)
        acknowledged += piece
      }
      #expect(reno.window == 11_000, "in pieces of \(piece)")
    }
  }

  // CC-6
  @Test func `a loss halves what was in flight and not the window, two segments at least`() {
    var reno = NewReno(window: 100_000)
    reno.segmentLost(flight: 40_000, segmentSize: 1000)
    #expect(reno.threshold == 20_000)
    reno.segmentLost(flight: 1000, segmentSize: 1000)
    #expect(reno.threshold == 2000)
  }

  // CC-7
  @Test func `a timeout leaves one segment and halves the threshold once`() {
    var reno = NewReno(window: 50_000)
    reno.timedOut(flight: 50_000, segmentSize: 1000, isFirst: true)
    #expect(reno.window == 1000 && reno.threshold == 25_000)
    reno.timedOut(flight: 4000, segmentSize: 1000, isFirst: false)
    #expect(reno.window == 1000 && reno.threshold == 25_000)
  }

  @Test func `no window overflows`() {
    var reno = NewReno(window: (1 << 30) - 10)
    for _ in 0..<100 { reno.acknowledged(.max, segmentSize: 65_535) }
    #expect(reno.window == 1 << 30)
    reno.threshold = 1 << 29
    for _ in 0..<100 { reno.acknowledged(.max, segmentSize: 65_535) }
    #expect(reno.window == 1 << 30)
  }
}

struct FastRecoveryTests {
  private static let size = 1000
  private static let initial = SequenceNumber(0xFFFF_F000)  // wraps during the test

  /// A recovery with `segments` of data in flight from the first octet on.
  private struct Flight {
    var recovery = FastRecovery(initial: FastRecoveryTests.initial)
    var congestion = CongestionController(.reno, initialWindow: 20_000)
    var unacknowledged = FastRecoveryTests.initial + 1
    var next: SequenceNumber

    init(segments: Int) { next = unacknowledged + segments * FastRecoveryTests.size }

    mutating func duplicate() -> FastRecovery.DuplicateAction {
      recovery.duplicateArrives(
        unacknowledged: unacknowledged, next: next, segmentSize: FastRecoveryTests.size,
        threshold: 3, &congestion)
    }

    mutating func acknowledged(segments: Int) -> FastRecovery.AdvanceAction {
      let count = segments * FastRecoveryTests.size
      unacknowledged += count
      return recovery.acknowledged(
        unacknowledged, count: count, next: next, segmentSize: FastRecoveryTests.size,
        isWindowLimited: true, canSendNew: false, roundTrip: .zero, at: .zero, &congestion)
    }
  }

  // CC-9
  @Test func `the third duplicate retransmits, and only the third`() {
    var flight = Flight(segments: 10)
    #expect(flight.duplicate() == .none)
    #expect(flight.duplicate() == .none)
    #expect(flight.recovery.phase == .open)
    #expect(flight.duplicate() == .retransmit)
    #expect(flight.recovery.phase == .fastRecovery)
    #expect(flight.congestion.threshold == 5000)
    #expect(flight.congestion.window == 8000)  // ssthresh + 3 SMSS
    #expect(flight.duplicate() == .none)
    #expect(flight.congestion.window == 9000)
  }

  @Test func `duplicates count from the last advance`() {
    var flight = Flight(segments: 10)
    _ = flight.duplicate()
    _ = flight.duplicate()
    _ = flight.acknowledged(segments: 1)
    #expect(flight.duplicate() == .none)
    #expect(flight.duplicate() == .none)
    #expect(flight.duplicate() == .retransmit)
  }

  // CC-10
  @Test func `a partial ACK resends the next hole and deflates by what it acknowledged`() {
    var flight = Flight(segments: 10)
    for _ in 0..<3 { _ = flight.duplicate() }
    #expect(flight.acknowledged(segments: 3) == .retransmit)
    #expect(flight.congestion.window == 8000 - 3000 + 1000)
    #expect(flight.recovery.phase == .fastRecovery)
    #expect(flight.acknowledged(segments: 2) == .retransmit)
    #expect(flight.congestion.window == 6000 - 2000 + 1000)
  }

  @Test func `the ACK of everything ends recovery at the threshold or what is in flight`() {
    var flight = Flight(segments: 10)
    for _ in 0..<6 { _ = flight.duplicate() }
    #expect(flight.acknowledged(segments: 10) == .none)
    #expect(flight.recovery.phase == .open)
    // Nothing in flight: min(ssthresh, SMSS + SMSS).
    #expect(flight.congestion.window == 2000)
    var busy = Flight(segments: 10)
    for _ in 0..<3 { _ = busy.duplicate() }
    busy.next += 8000
    #expect(busy.acknowledged(segments: 10) == .none)
    #expect(busy.congestion.window == 5000)
  }

  // RFC 6582 §3.2 step 2.
  @Test func `duplicates that echo an ended recovery begin no other`() {
    var flight = Flight(segments: 10)
    for _ in 0..<3 { _ = flight.duplicate() }
    _ = flight.acknowledged(segments: 10)
    // The ACK is one past `recover`, not more: new data must be acknowledged first.
    flight.next += 5000
    for _ in 0..<3 { _ = flight.duplicate() }
    let wasOpened = flight.recovery.phase == .fastRecovery
    // "covers more than recover" holds for the ACK that ended recovery only if it passed it.
    #expect(!wasOpened)
    _ = flight.acknowledged(segments: 1)
    for _ in 0..<2 { #expect(flight.duplicate() == .none) }
    #expect(flight.duplicate() == .retransmit)
  }

  // RFC 6582 §4
  @Test func `after a timeout duplicates mean nothing until all of it is acknowledged`() {
    var flight = Flight(segments: 10)
    flight.recovery.timedOut(
      unacknowledged: flight.unacknowledged, next: flight.next, segmentSize: Self.size,
      isFirst: true, mayBeSpurious: false, &flight.congestion)
    #expect(flight.congestion.window == 1000 && flight.congestion.threshold == 5000)
    for _ in 0..<5 { #expect(flight.duplicate() == .none) }
    #expect(flight.acknowledged(segments: 9) == .none)
    #expect(flight.recovery.phase == .timeout)
    #expect(flight.acknowledged(segments: 1) == .none)
    #expect(flight.recovery.phase == .open)
  }

  // SEC-30
  @Test func `a flood of duplicates inflates no further than the flight`() {
    var flight = Flight(segments: 10)
    for _ in 0..<1000 { _ = flight.duplicate() }
    #expect(flight.congestion.window <= 5000 + 10_000)
  }

  @Test func `recovery still begins after gigabytes without loss`() {
    var flight = Flight(segments: 10)
    for _ in 0..<6000 {  // 6000 × 1 MB, once round the circle
      flight.next += 1_000_000
      _ = flight.acknowledged(segments: 1000)
    }
    for _ in 0..<2 { #expect(flight.duplicate() == .none) }
    #expect(flight.duplicate() == .retransmit)
  }
}
