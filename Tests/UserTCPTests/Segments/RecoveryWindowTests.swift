// What a loss that SACK shows does to the window: limited transmit before it, one reduction for it, PRR
// while it is repaired (RFC 3042, 5681 §3.2 and §4.3, 9937), and what a lying receiver can do about it.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct RecoveryWindowTests {
  private static let withoutSACK: [SegmentOption] = [.maximumSegmentSize(1460), .windowScale(8)]

  /// Ten of forty segments are out, a round trip ago.
  private func tenOut(
    _ change: (inout StackSettings) -> Void = { _ in }, options: [SegmentOption]? = nil
  ) throws -> Flight {
    let settings = StackSettings.forLossTests(change)
    let flight = try options.map { try Flight(settings, options: $0) } ?? Flight(settings)
    try flight.peer.appWrites(flight.c.id, count: 40 * flight.size)
    #expect(try flight.takes() == Array(0..<10))
    try flight.peer.advances(by: .milliseconds(100))
    return flight
  }

  // CC-11
  @Test func `without SACK the first two duplicates release a new segment each`() throws {
    let flight = try tenOut(options: Self.withoutSACK)
    for expected in [[10], [11], [0]] {
      let window = flight.window
      flight.acks(0)
      #expect(try flight.takes() == expected)
      if expected != [0] { #expect(flight.window == window) }
    }
  }

  // CC-11
  @Test func `with SACK only a duplicate with news releases a new segment`() throws {
    let flight = try tenOut()
    flight.acks(0, sack: 1..<2)
    #expect(try flight.takes() == [10])
    for _ in 0..<5 {
      flight.acks(0, sack: 1..<2)
      #expect(try flight.takes() == [])
    }
    flight.acks(0, sack: 1..<3)
    #expect(try flight.takes() == [11])
    #expect(flight.window == 10)
  }

  // CC-11
  @Test func `with three in flight and the first lost there is a fast retransmit`() throws {
    var settings = StackSettings.forLossTests()
    settings.mtu = 9040
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(
      roundTrip: .milliseconds(100), options: [.maximumSegmentSize(9000), .windowScale(8)])
    try peer.appWrites(c.id, count: 18_000)
    let first = try peer.takesSegments()
    #expect(first.count == 2)
    peer.sends(.ack(seq: c.seq, ack: first[1].end))
    try peer.appWrites(c.id, count: 90_000)
    let second = try peer.takesSegments()
    #expect(second.count == 3)
    // The first of the three is lost; every other one that arrives makes a duplicate.
    var arrived = 2
    var sent: [Segment] = []
    while arrived > 0, sent.count < 20 {
      arrived -= 1
      peer.sends(.ack(seq: c.seq, ack: second[0].seq))
      let more = try peer.takesSegments()
      sent += more
      arrived += more.count { $0.seq != second[0].seq }
    }
    #expect(sent.contains { $0.seq == second[0].seq })
    #expect(peer.stack.counters.tcp.timeouts == 0)
  }

  // CC-6
  @Test(arguments: [true, false])
  func `what limited transmit sent does not count for the threshold`(usesSACK: Bool) throws {
    let flight = try tenOut(options: usesSACK ? nil : Self.withoutSACK)
    if usesSACK {
      for end in 2...4 { flight.acks(0, sack: 1..<end) }
    } else {
      for _ in 0..<3 { flight.acks(0) }
    }
    #expect(try flight.takes() == [10, 11, 0])
    #expect(flight.threshold == 5)
  }

  // CC-6
  @Test func `the threshold is half of what was in flight, not of the window`() throws {
    let flight = try Flight()
    try flight.writes(6)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<6)
    #expect(try flight.takes() == [0])
    #expect(flight.threshold == 3)
  }

  // CC-12, SACK-11
  @Test func `two losses of one window are one reduction, a loss of the next is another`() throws {
    let flight = try tenOut()
    flight.acks(0, sack: 1..<3)
    flight.acks(0, sack: 4..<10, 1..<3)
    var resent = try flight.takes().filter { $0 < 10 }
    #expect(flight.threshold == 5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(3, sack: 4..<10)
    resent += try flight.takes().filter { $0 < 10 }
    #expect(Set(resent) == [0, 3])
    #expect(flight.threshold == 5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10)
    let top = try #require(try flight.takes().last)
    // What limited transmit and recovery sent is acknowledged: recovery is over.
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(top + 1)
    let next = try flight.takes()
    #expect(next.count >= 5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(top + 1, sack: top + 2..<top + 1 + next.count)
    #expect(try flight.takes().first == top + 1)
    #expect(try #require(flight.threshold) < 5)
  }

  // CC-12
  @Test func `two retransmissions lost in one round trip are one further reduction`() throws {
    let flight = try Flight()
    let first = try flight.grows(to: 40)
    #expect(try flight.writes(80).count == 40)
    try flight.peer.advances(by: .milliseconds(100))
    // The first two are lost, then both copies of them.
    var sent: [Int] = []
    for index in 3...40 {
      flight.acks(first, sack: first + 2..<first + index)
      sent += try flight.takes()
    }
    #expect(sent.count { $0 == first } == 1 && sent.count { $0 == first + 1 } == 1)
    let recoveries = flight.counters.sackRecoveries
    let top = try #require(sent.max())
    #expect(top >= first + 41)
    try flight.peer.advances(by: .milliseconds(105))
    for index in first + 40...top {
      flight.acks(first, sack: first + 2..<index + 1)
      sent += try flight.takes()
    }
    #expect(sent.count { $0 == first } >= 2 && sent.count { $0 == first + 1 } >= 2)
    #expect(flight.counters.sackRecoveries <= recoveries + 1)
  }

  // PRR-1
  @Test func `of twenty segments one is lost: one out for two that arrive, at every ACK`() throws {
    let flight = try Flight()
    let first = try flight.grows(to: 20)
    #expect(try flight.writes(80) == Array(first..<first + 20))
    try flight.peer.advances(by: .milliseconds(100))
    var perACK: [Int] = []
    for end in 2...20 {
      flight.acks(first, sack: first + 1..<first + end)
      let sent = try flight.takes()
      if end == 4 { #expect(sent == [first]) }
      perACK.append(sent.count)
    }
    // Limited transmit, the retransmission, then no two in a row and no long pause.
    #expect(perACK.prefix(3) == [1, 1, 1])
    let rest = perACK.dropFirst(3)
    #expect(rest.allSatisfy { $0 <= 1 })
    #expect((6...9).contains(rest.reduce(0, +)), "\(perACK)")
    for start in rest.indices.dropLast(3) {
      #expect((1...3).contains(rest[start..<start + 4].reduce(0, +)), "\(perACK)")
    }
  }

  // PRR-2
  @Test func `when everything is repaired the window is the threshold`() throws {
    let flight = try tenOut()
    for end in 2...10 { flight.acks(0, sack: 1..<end) }
    _ = try flight.takes()
    let threshold = try #require(flight.threshold)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10)
    #expect(flight.window == threshold)
  }

  // PRR-1, CC-1
  @Test func `most of a window lost: recovery is no burst and needs no timeout`() throws {
    let flight = try Flight()
    let first = try flight.grows(to: 40)
    #expect(try flight.writes(40).count == 40)
    try flight.peer.advances(by: .milliseconds(100))
    // Only the last five arrived.
    var received = Set(first + 35..<first + 40)
    var resent: [Int] = []
    var largest = 0
    flight.acks(first, sack: first + 35..<first + 40)
    for _ in 0..<40 {
      let sent = try flight.takes()
      largest = max(largest, sent.count)
      resent += sent
      try flight.peer.advances(by: .milliseconds(100))
      received.formUnion(sent)
      let gap = (first..<first + 40).first { !received.contains($0) } ?? first + 40
      if gap == first + 40 {
        flight.acks(gap)
        break
      }
      flight.acks(gap, sack: first + 35..<first + 40)
    }
    #expect(resent.sorted() == Array(first..<first + 35))
    #expect(largest <= 20)
    #expect(flight.counters.timeouts == 0)
  }

  // HS-2, CC-4
  @Test func `one ACK of twenty segments opens the first slow start by eight`() throws {
    let flight = try Flight(.forLossTests { $0.congestionAlgorithm = .cubic })
    let first = try flight.grows(to: 20)
    let window = flight.window
    #expect(try flight.writes(window).count == window)
    flight.acks(first + 20)
    #expect(flight.window == window + 8)
  }

  // HS-2, CC-4
  @Test func `after a timeout one ACK of many opens slow start by one`() throws {
    let flight = try Flight(
      .forLossTests {
        $0.congestionAlgorithm = .cubic
        $0.usesTailLossProbe = false
        $0.usesForwardRTO = false
      })
    let first = try flight.grows(to: 40)
    #expect(try flight.writes(40).count == 40)
    #expect(try flight.takes(for: .milliseconds(400)).first == first)
    #expect(flight.window == 1)
    // The rest had arrived: the hole was the first.
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first + 20)
    #expect(flight.window == 2)
  }

  // SEC-30, CC-4
  @Test(arguments: CongestionAlgorithm.allCases)
  func `ACKs of one octet each add no more than octets`(_ algorithm: CongestionAlgorithm) throws {
    let flight = try Flight(.forLossTests { $0.congestionAlgorithm = algorithm })
    try flight.writes(40)
    let before = try #require(flight.peer.snapshot).congestionWindow
    for count in 1...200 {
      flight.peer.sends(.ack(seq: flight.c.seq, ack: flight.c.ack + count))
    }
    let after = try #require(flight.peer.snapshot).congestionWindow
    #expect(after <= before + 200)
  }

  // SEC-30, LC-11
  @Test(arguments: CongestionAlgorithm.allCases)
  func `ACKs for what was never sent change nothing`(_ algorithm: CongestionAlgorithm) throws {
    let flight = try Flight(.forLossTests { $0.congestionAlgorithm = algorithm })
    try flight.writes(10)
    let before = try #require(flight.peer.snapshot)
    for ahead in [11, 20, 1000, 100_000] { flight.acks(ahead, sack: ahead + 1..<ahead + 3) }
    _ = try flight.peer.takesAll()
    let after = try #require(flight.peer.snapshot)
    #expect(after.congestionWindow == before.congestionWindow)
    #expect(after.sendQueue == before.sendQueue)
    #expect(flight.counters.acknowledgmentsOfNothing == 4)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10)
    #expect(flight.peer.snapshot?.sendQueue == 0)
  }

  // SEC-30
  @Test func `optimistic ACKs cannot make more of a window than octets sent`() throws {
    // The peer acknowledges everything the moment it is sent, whether it has arrived or not.
    let flight = try Flight(.forLossTests { $0.congestionAlgorithm = .cubic })
    try flight.peer.appWrites(flight.c.id, count: 700 * flight.size)
    var sent = 0
    for _ in 0..<20 {
      let segments = try flight.takes()
      guard let last = segments.last else { break }
      sent += segments.count
      flight.acks(last + 1)
      #expect(flight.window <= 10 + sent)
    }
  }

  // SACK-9, CC-12
  @Test func `D-SACKs in plenty do not keep a loss from being noticed for ever`() throws {
    let flight = try tenOut()
    flight.acks(1)
    // Each round trip another lie widens the reordering window, but never beyond the round trip.
    for _ in 0..<50 {
      flight.acks(1, sack: 0..<1)
      try flight.peer.advances(by: .milliseconds(1))
    }
    _ = try flight.takes()
    flight.acks(1, sack: 2..<10)
    #expect(try flight.takes(for: .milliseconds(210)).contains(1))
    #expect(flight.counters.timeouts == 0)
  }
}
