// The probe for a lost tail (RFC 8985 §7). The round trip is 100 ms unless a test says otherwise.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TailLossProbeTests {
  /// Five segments out, the first three acknowledged after a round trip, the others lost.
  private func lostTail(_ change: (inout StackSettings) -> Void = { _ in }) throws -> Flight {
    let flight = try Flight(.forLossTests(change))
    try flight.writes(5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(3)
    return flight
  }

  // TLP-1, TLP-2
  @Test func `two round trips after the last ACK the last segment is sent again`() throws {
    let flight = try lostTail()
    try flight.peer.expects(
      .data(seq: flight.seq(4), length: flight.size), after: .milliseconds(200))
    #expect(flight.counters.lossProbes == 1)
    #expect(flight.counters.timeouts == 0)
    #expect(flight.threshold == nil)
    // The probe's ACK shows the hole: it is repaired without a timeout.
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(3, sack: 4..<5)
    #expect(try flight.takes(for: .milliseconds(30)) == [3])
    try flight.peer.advances(by: .milliseconds(70))
    flight.acks(5)
    #expect(try flight.takes(for: .seconds(5)) == [])
    #expect(flight.counters.timeouts == 0)
    #expect(flight.threshold != nil)
  }

  // TLP-1
  @Test func `a segment alone in flight is given 200 ms more, for its delayed ACK`() throws {
    let settings = StackSettings(profile: .rfc)
    let flight = try Flight(settings, roundTrip: .milliseconds(10))
    try flight.writes(1)
    try flight.peer.expects(.data(seq: flight.seq(0)), after: .milliseconds(220))
    #expect(flight.counters.lossProbes == 1)
    #expect(flight.counters.timeouts == 0)
  }

  // TLP-1
  @Test func `the probe is never later than the timeout would be`() throws {
    let flight = try Flight(roundTrip: .milliseconds(10))
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    #expect(timeout < .milliseconds(220))
    try flight.writes(1)
    try flight.peer.expects(.data(seq: flight.seq(0)), after: timeout, tolerance: .milliseconds(6))
    // RFC 8985 §7.2: it takes the timeout's place.
    #expect(flight.counters.lossProbes == 1)
    #expect(flight.counters.timeouts == 0)
  }

  // TLP-1
  @Test func `without a round trip measured the probe comes after a second`() throws {
    let peer = ScriptedPeer(settings: .forLossTests())
    let options: [SegmentOption] = [.maximumSegmentSize(1460), .sackPermitted]
    try peer.appListens()
    peer.sends(.syn(seq: 99, options: options))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    // Sent twice: no sample (Karn), and an RTO of 3 s for the text (RTO-6).
    try peer.expects(.synAck(ack: 100), after: .seconds(1))
    peer.sends(.ack(seq: 100, ack: answer.end))
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, count: 2 * 1460)
    try peer.expectsAtOnce(.data(seq: answer.end, length: 1460))
    try peer.expectsAtOnce(.data(seq: answer.end + 1460, length: 1460))
    try peer.expects(.data(seq: answer.end + 1460, length: 1460), after: .seconds(1))
    #expect(peer.stack.counters.tcp.lossProbes == 1)
  }

  // TLP-1
  @Test func `no probe while a loss is being repaired`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<10)
    #expect(try flight.takes() == [0])
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    try flight.peer.expects(.data(seq: flight.seq(0)), after: timeout, tolerance: .milliseconds(6))
    #expect(flight.counters.lossProbes == 0)
    #expect(flight.counters.timeouts == 1)
  }

  // TLP-1
  @Test func `no probe without SACK, and none when it is switched off`() throws {
    let flights = [
      try Flight(options: [.maximumSegmentSize(1460), .windowScale(8)]),
      try Flight(.forLossTests { $0.usesTailLossProbe = false }),
    ]
    for flight in flights {
      try flight.writes(5)
      let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
      try flight.peer.expects(
        .data(seq: flight.seq(0)), after: timeout, tolerance: .milliseconds(6))
      #expect(flight.counters.lossProbes == 0)
      #expect(flight.counters.timeouts == 1)
    }
  }

  // TLP-2
  @Test func `the probe is a new segment when there is one and the peer has room`() throws {
    let flight = try Flight()
    #expect(try flight.writes(12) == Array(0..<10))
    try flight.peer.expects(
      .data(seq: flight.seq(10), length: flight.size), after: .milliseconds(200))
    #expect(flight.counters.lossProbes == 1)
    #expect(flight.counters.retransmissions == 0)
  }

  // TLP-2
  @Test func `a peer without room for more gets the last segment again`() throws {
    let flight = try Flight(options: [.maximumSegmentSize(1460), .sackPermitted])
    flight.acks(0, window: UInt16(3 * flight.size))
    #expect(try flight.writes(6) == [0, 1, 2])
    try flight.peer.expects(
      .data(seq: flight.seq(2), length: flight.size), after: .milliseconds(200))
  }

  // TLP-2
  @Test func `only one probe: without a sample since, the timeout follows`() throws {
    let flight = try lostTail()
    try flight.peer.expects(.data(seq: flight.seq(4)), after: .milliseconds(200))
    // Re-armed with the probe, a whole RTO from it.
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    try flight.peer.expects(.data(seq: flight.seq(3)), after: timeout, tolerance: .milliseconds(6))
    #expect(flight.counters.lossProbes == 1)
    #expect(flight.counters.timeouts == 1)
  }

  // TLP-2
  @Test func `after a sample there may be another probe`() throws {
    let flight = try Flight()
    #expect(try flight.writes(5).count == 5)
    try flight.peer.expects(.data(seq: flight.seq(4)), after: .milliseconds(200))
    flight.acks(5)
    try flight.writes(3)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(6)  // a round trip of what was sent once
    let smoothed = try #require(flight.peer.snapshot).smoothedRoundTripTime
    try flight.peer.expects(.data(seq: flight.seq(7)), after: smoothed * 2)
    #expect(flight.counters.lossProbes == 2)
  }

  /// Only the last of five was lost, and the probe has brought it.
  private func repairedByProbe() throws -> Flight {
    let flight = try Flight(
      .forLossTests { $0.minimumRetransmissionTimeout = .seconds(1) })
    try flight.writes(5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(4)
    // Alone in flight by now: two round trips and 200 ms.
    #expect(try flight.takes(for: .milliseconds(405)) == [4])
    #expect(flight.counters.lossProbes == 1)
    try flight.peer.advances(by: .milliseconds(100))
    return flight
  }

  // TLP-3
  @Test func `a loss that the probe repaired reduces the window all the same`() throws {
    let flight = try repairedByProbe()
    flight.acks(5)
    try flight.writes(1)
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(6)
    #expect(flight.counters.lossProbeRecoveries == 1)
    #expect(flight.threshold != nil)
    #expect(flight.counters.timeouts == 0)
  }

  // TLP-3
  @Test func `a D-SACK for the probe says that nothing was lost`() throws {
    let flight = try repairedByProbe()
    flight.acks(5, sack: 4..<5)
    try flight.writes(1)
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(6)
    #expect(flight.counters.lossProbeRecoveries == 0)
    #expect(flight.threshold == nil)
  }

  // TLP-3
  @Test func `so does a plain duplicate ACK, of a peer without D-SACK`() throws {
    let flight = try repairedByProbe()
    flight.acks(5)
    flight.acks(5)
    try flight.writes(1)
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(6)
    #expect(flight.counters.lossProbeRecoveries == 0)
    #expect(flight.threshold == nil)
  }

  // OFF-5, TLP-2
  @Test func `the probe of a super-segment is its last segment alone`() throws {
    let flight = try Flight(offloads: .all)
    try flight.writes(10)
    let probe = try flight.peer.expects(.data(seq: flight.seq(9)), after: .milliseconds(200))
    #expect(probe.payload.count == flight.size)
  }

  // OFF-5, RACK-3
  @Test func `of a super-segment of 44 the one that is missing is sent again, alone`() throws {
    let flight = try Flight(offloads: .all)
    let first = try flight.grows(to: 44)
    #expect(try flight.writes(44) == Array(first..<first + 44))
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first + 20, sack: first + 21..<first + 44)
    let resent = try flight.peer.takesSegments()
    #expect(resent.map(\.seq) == [flight.seq(first + 20)])
    #expect(resent.map(\.payload.count) == [flight.size])
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first + 44)
    #expect(try flight.takes(for: .seconds(5)) == [])
  }

  // OFF-5
  @Test func `two holes in one super-segment are filled and nothing between them`() throws {
    let flight = try Flight(offloads: .all)
    let first = try flight.grows(to: 30)
    #expect(try flight.writes(30).count == 30)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first, sack: first + 12..<first + 30, first + 1..<first + 10)
    var resent = try flight.takes()
    for ack in [1, 10, 11, 12] {
      try flight.peer.advances(by: .milliseconds(20))
      flight.acks(first + max(ack, 1), sack: first + 12..<first + 30)
      resent += try flight.takes()
    }
    flight.acks(first + 30)
    resent += try flight.takes(for: .seconds(5))
    #expect(resent == [first, first + 10, first + 11])
  }

  // TLP-1
  @Test(arguments: [1, 5, 20, 60, 100, 200] as [Int64], [1, 2, 4])
  func `a lost tail is resent within two round trips, and repaired without a timeout`(
    _ milliseconds: Int64, _ lost: Int
  ) throws {
    let flight = try Flight(roundTrip: .milliseconds(milliseconds))
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(milliseconds))
    flight.acks(10 - lost)
    let smoothed = try #require(flight.peer.snapshot).smoothedRoundTripTime
    let limit = smoothed * 2 + .milliseconds(lost == 1 ? 202 : 2)
    let start = flight.peer.now
    try flight.peer.expects(.data(seq: flight.seq(9)), within: limit)
    try flight.peer.advances(by: .milliseconds(milliseconds))
    if lost > 1 { flight.acks(10 - lost, sack: 9..<10) }
    // What the probe has shown to be missing follows at a round trip each at most.
    var missing = lost > 1 ? 10 - lost : 10
    for _ in 0..<lost where missing < 9 {
      let resent = try flight.takes(for: .milliseconds(milliseconds / 3 + 2))
      for index in resent where index == missing { missing += 1 }
      try flight.peer.advances(by: .milliseconds(milliseconds))
      flight.acks(missing == 9 ? 10 : missing, sack: 9..<10)
    }
    #expect(missing >= 9, "after \((flight.peer.now - start).nanoseconds / 1_000_000) ms")
    #expect(flight.counters.timeouts == 0)
  }
}
