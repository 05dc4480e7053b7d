// Was the timeout spurious? F-RTO asks two ACKs (RFC 5682); timestamps (RFC 3522) and D-SACKs (RFC 3708)
// may know sooner. What proves to have been in vain is taken back (RFC 4015).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ForwardRTOTests {
  private static let sack: [SegmentOption] = [
    .maximumSegmentSize(1460), .windowScale(8), .sackPermitted,
  ]
  private static let stamped: [SegmentOption] = sack + [.timestamps(1, 0)]

  private static let plain: [SegmentOption] = [.maximumSegmentSize(1460), .windowScale(8)]

  /// Ten of forty segments out and a timeout since: segment 0 has been sent again just now.
  private func timedOut(
    _ options: [SegmentOption], count: Int = 40,
    _ change: (inout StackSettings) -> Void = { _ in }
  ) throws -> Flight {
    let flight = try Flight(
      .forLossTests {
        $0.usesTailLossProbe = false
        change(&$0)
      }, options: options)
    try flight.peer.appWrites(flight.c.id, count: count * flight.size)
    #expect(try flight.takes() == Array(0..<min(count, 10)))
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    try flight.peer.expects(.data(seq: flight.seq(0)), after: timeout, tolerance: .milliseconds(6))
    #expect(flight.window == 1)
    try flight.peer.advances(by: .milliseconds(10))
    return flight
  }

  // FRTO-1
  @Test(arguments: [plain, sack, stamped])
  func `ACKs that were only late: new segments instead of old ones, and all is as before`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options)
    flight.acks(1)
    #expect(try flight.takes() == [10, 11])
    flight.acks(2)
    let sent = try flight.takes()
    #expect(sent.allSatisfy { $0 >= 12 })
    #expect(flight.counters.spuriousTimeouts == 1)
    #expect(flight.window >= 10)
    #expect(flight.threshold == nil)
    #expect(flight.counters.retransmissions == 1)
  }

  // FRTO-1
  @Test func `without SACK a second ACK that does not advance sends the old segments after all`()
    throws
  {
    let flight = try timedOut(Self.plain)
    flight.acks(1)
    #expect(try flight.takes() == [10, 11])
    flight.acks(1)
    let sent = try flight.takes()
    #expect(sent.first == 1)
    #expect(sent.allSatisfy { $0 < 10 })
    #expect(flight.window <= 3)
    #expect(flight.threshold == 5)
    #expect(flight.counters.spuriousTimeouts == 0)
    // All of it arrives in the end.
    for index in 2...10 { flight.acks(index) }
    #expect(try flight.takes(for: .milliseconds(300)).allSatisfy { $0 >= 2 })
  }

  // FRTO-1
  @Test func `without SACK a duplicate as the first ACK ends the doubt`() throws {
    let flight = try timedOut(Self.plain)
    flight.acks(0)
    #expect(try flight.takes() == [])
    flight.acks(1)
    #expect(try flight.takes() == [1, 2])
    #expect(flight.counters.spuriousTimeouts == 0)
  }

  // FRTO-2
  @Test func `without SACK and without new text the old segments follow at once`() throws {
    let flight = try timedOut(Self.plain, count: 10)
    flight.acks(1)
    #expect(try flight.takes() == [1, 2])
    flight.acks(3)
    #expect(flight.counters.spuriousTimeouts == 0)
  }

  // FRTO-1
  @Test func `a window that shuts in doubt ends it, and everything is sent when it opens`() throws {
    let flight = try timedOut(Self.plain)
    flight.acks(0, window: 0)
    flight.acks(0)
    let sent = try flight.takes(for: .milliseconds(10))
    #expect(sent.first == 0)
    flight.acks(1)
    #expect(try flight.takes(for: .milliseconds(10)).allSatisfy { $0 < 10 })
  }

  // FRTO-1
  @Test(arguments: [sack, stamped])
  func `a duplicate after the new segments says that the timeout was right`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options)
    flight.acks(1)
    #expect(try flight.takes() == [10, 11])
    flight.acks(1, sack: 10..<11)
    let sent = try flight.takes()
    #expect(sent.first == 1)
    #expect(sent.allSatisfy { $0 < 10 })
    #expect(flight.window <= 3)
    #expect(flight.counters.spuriousTimeouts == 0)
    #expect(flight.threshold == 5)
  }

  // FRTO-1
  @Test(arguments: [sack, stamped])
  func `a duplicate as the first ACK says that the timeout was right`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options)
    flight.acks(0)
    #expect(try flight.takes().allSatisfy { $0 < 10 })
    flight.acks(1)
    #expect(try flight.takes().contains(1))
    #expect(flight.counters.spuriousTimeouts == 0)
  }

  // FRTO-1
  @Test(arguments: [sack, stamped])
  func `octets sent once prove it at the first ACK, as Linux has it`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options)
    flight.acks(10)
    #expect(try flight.takes().allSatisfy { $0 >= 10 })
    #expect(flight.threshold == nil)
    #expect(flight.counters.spuriousTimeouts == 1)
  }

  // FRTO-2
  @Test(arguments: [sack, stamped])
  func `without anything new to send the old segments are sent`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options, count: 10)
    flight.acks(1)
    #expect(try flight.takes() == [1, 2])
    #expect(flight.counters.spuriousTimeouts == 0)
  }

  // FRTO-2
  @Test(arguments: [sack, stamped])
  func `a second timeout of the same segment asks no more`(_ options: [SegmentOption]) throws {
    let flight = try timedOut(options)
    #expect(try flight.takes(for: .seconds(1)) == [0])
    #expect(flight.counters.timeouts == 2)
    flight.acks(1)
    #expect(try flight.takes() == [1, 2])
    flight.acks(2)
    #expect(try flight.takes().allSatisfy { (3...4).contains($0) })
    #expect(flight.counters.spuriousTimeouts == 0)
    #expect(flight.threshold == 5)
  }

  // FRTO-2
  @Test func `a timeout in the middle of a recovery is taken at its word`() throws {
    let flight = try Flight(.forLossTests { $0.usesTailLossProbe = false }, options: Self.sack)
    try flight.peer.appWrites(flight.c.id, count: 40 * flight.size)
    _ = try flight.takes()
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 2..<6)
    #expect(try flight.takes().first == 0)
    let sent = try flight.takes(for: .seconds(1))
    #expect(flight.counters.timeouts >= 1)
    #expect(sent.first(where: { $0 < 10 }) == 0)
    flight.acks(2, sack: 2..<6)
    #expect(flight.counters.spuriousTimeouts == 0)
    #expect(flight.threshold != nil)
  }

  // FRTO-1
  @Test(arguments: [sack, stamped])
  func `switched off, the ACK after a timeout brings old segments`(
    _ options: [SegmentOption]
  ) throws {
    let flight = try timedOut(options) { $0.usesForwardRTO = false }
    flight.acks(2)
    #expect(try flight.takes() == [2, 3])
    flight.acks(4)
    #expect(flight.counters.spuriousTimeouts == 0)
    #expect(flight.threshold == 5)
  }

  // FRTO-1, CUB-5
  @Test(arguments: CongestionAlgorithm.allCases)
  func `the echo of the first copy's timestamp takes the timeout back at once`(
    _ algorithm: CongestionAlgorithm
  ) throws {
    let flight = try Flight(
      .forLossTests {
        $0.usesTailLossProbe = false
        $0.congestionAlgorithm = algorithm
      }, options: Self.stamped)
    try flight.peer.appWrites(flight.c.id, count: 40 * flight.size)
    let stamp = try #require(try flight.peer.takesSegments().first?.timestamps?.value)
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    try flight.peer.expects(.data(seq: flight.seq(0)), after: timeout, tolerance: .milliseconds(6))
    try flight.peer.advances(by: .milliseconds(10))
    flight.acks(1, echoing: stamp)
    #expect(flight.window >= 10)
    #expect(flight.threshold == nil)
    #expect(try flight.takes().allSatisfy { $0 >= 10 })
  }

  // CUB-5, SACK-9
  @Test(arguments: CongestionAlgorithm.allCases)
  func `D-SACKs for all that a recovery sent again take it back`(
    _ algorithm: CongestionAlgorithm
  ) throws {
    let flight = try Flight(.forLossTests { $0.congestionAlgorithm = algorithm })
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
    #expect(flight.threshold != nil)
    // The original comes, no less than the shortest round trip after the copy; then the copy.
    try flight.peer.advances(by: .milliseconds(3))
    flight.acks(9)
    #expect(try flight.takes() == [])
    try flight.peer.advances(by: .milliseconds(97))
    flight.acks(9, sack: 0..<1)
    #expect(flight.counters.undoneRecoveries == 1)
    #expect(flight.threshold == nil)
    #expect(flight.window >= 10)
  }
}
