// Loss by time (RFC 8985 §6): what was sent before something that has arrived, and has had the time that
// reordering takes, is lost. The round trip is 100 ms, so reordering may take 25.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct RACKTests {
  private static let stamped: [SegmentOption] = [
    .maximumSegmentSize(1460), .sackPermitted, .windowScale(8), .timestamps(1, 0),
  ]

  // RACK-3, RACK-1
  @Test func `one segment ahead makes those before it lost after the reordering window`() throws {
    let flight = try Flight()
    try flight.writes(3)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 2..<3)
    try flight.peer.expects(
      .data(seq: flight.seq(0), length: flight.size), after: .milliseconds(25))
    // The second follows when PRR lets it: with the ACK of the first at the latest.
    try flight.peer.advances(by: .milliseconds(100))
    let second = try flight.takes()
    flight.acks(1, sack: 2..<3)
    #expect(try second + flight.takes() == [1])
    #expect(flight.counters.timeouts == 0)
    #expect(flight.counters.lossProbes == 0)
  }

  // RACK-4
  @Test func `a recovery that was in vain shows that the path reorders`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
    #expect(flight.peer.snapshot?.sawReordering == false)
    // The original, which was only late, and then the copy.
    flight.acks(4)
    flight.acks(4, sack: 0..<1)
    #expect(flight.counters.undoneRecoveries == 1)
    #expect(flight.peer.snapshot?.sawReordering == true)
    // From now on a segment that three have overtaken is waited for.
    flight.acks(4, sack: 5..<8)
    #expect(try flight.takes().allSatisfy { $0 >= 10 })
  }

  // RACK-3, RACK-4
  @Test func `three segments ahead and no reordering ever seen: lost at once`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<3)
    #expect(try flight.takes() == [])
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
    #expect(flight.counters.sackRecoveries == 1)
  }

  // RACK-3
  @Test func `the reordering window runs from each segment's own time`() throws {
    let flight = try Flight()
    try flight.writes(2)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<2)
    try flight.peer.advances(by: .milliseconds(5))
    flight.acks(2)  // reordering has been seen
    for _ in 0..<4 {
      #expect(try flight.writes(1).count == 1)
      try flight.peer.advances(by: .milliseconds(10))
    }
    // 2 at 0, 3 at 10, 4 at 20, 5 at 30; the last arrives at 130.
    try flight.peer.advances(by: .milliseconds(90))
    flight.acks(2, sack: 5..<6)
    // 2 had time until 125, 3 has until 135, 4 until 145.
    #expect(try flight.takes() == [2])
    try flight.peer.advances(by: .milliseconds(2))
    flight.acks(3, sack: 5..<6)
    #expect(try flight.takes() == [])
    try flight.peer.advances(by: .milliseconds(2))
    flight.acks(6)
    #expect(try flight.takes(for: .seconds(5)) == [])
  }

  // RACK-3, CC-12
  @Test func `a retransmission that is lost is found lost by what was sent after it`() throws {
    let flight = try Flight()
    try flight.peer.appWrites(flight.c.id, count: 60 * flight.size)
    #expect(try flight.takes() == Array(0..<10))
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<4)
    let first = try flight.takes()
    #expect(first.first == 0)
    let threshold = try #require(flight.threshold)
    // The rest of the flight arrives and releases new segments after the retransmission.
    try flight.peer.advances(by: .milliseconds(5))
    flight.acks(0, sack: 1..<10)
    let new = try flight.takes().filter { $0 >= 10 }
    #expect(!new.isEmpty)
    try flight.peer.advances(by: .milliseconds(99))
    #expect(try flight.takes() == [])
    // A round trip later the new ones are there and the retransmission is not.
    flight.acks(0, sack: 10..<new.last! + 1, 1..<10)
    try flight.peer.advances(by: .milliseconds(2))
    #expect(try flight.takes().first == 0)
    #expect(flight.counters.lostRetransmissions == 1)
    #expect(flight.counters.timeouts == 0)
    // Loss of a retransmission is a second reduction.
    #expect(try #require(flight.threshold) < threshold)
  }

  // RACK-2
  @Test(arguments: [false, true])
  func `the late original of a retransmission makes nothing else lost`(stamped: Bool) throws {
    let flight = try Flight(options: stamped ? Self.stamped : Array(Self.stamped.dropLast()))
    try flight.peer.appWrites(flight.c.id, count: 10 * flight.size)
    let sent = try flight.peer.takesSegments()
    #expect(sent.count == 10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
    try flight.peer.advances(by: .milliseconds(2))
    // 2 ms cannot be its round trip: it is the first copy that came. Were it taken for the second, all
    // of 4 to 9 would have been sent before something that has arrived.
    if stamped {
      flight.acks(4, echoing: sent[0].timestamps!.value)
    } else {
      flight.acks(4)
    }
    #expect(try flight.takes() == [])
    try flight.peer.advances(by: .milliseconds(3))
    flight.acks(10)
    #expect(try flight.takes(for: .seconds(3)) == [])
    #expect(flight.counters.retransmissions == 1)
  }

  // RACK-2
  @Test func `a retransmission whose timestamp is echoed counts as arrived`() throws {
    let flight = try Flight(options: Self.stamped)
    try flight.peer.appWrites(flight.c.id, count: 40 * flight.size)
    #expect(try flight.takes() == Array(0..<10))
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 3..<6)
    let first = try flight.takes()
    #expect(first.first == 0)
    try flight.peer.advances(by: .milliseconds(100))
    _ = try flight.takes()
    // The retransmission of 0 arrived, 1 and 2 were lost with it; all of the old flight is overdue.
    flight.acks(1, sack: 3..<6)
    var resent = first + (try flight.takes())
    for _ in 0..<10 {
      try flight.peer.advances(by: .milliseconds(5))
      flight.acks(1, sack: 3..<6)
      resent += try flight.takes()
    }
    #expect(resent.contains(1))
    #expect(flight.counters.timeouts == 0)
  }

  /// A flight that has seen a reordering: segment 0 came behind 1, 10 ms late. Segments 2 to 9 are on
  /// their way since time 0, it is 110 now.
  private func reordered() throws -> Flight {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<2)
    try flight.peer.advances(by: .milliseconds(10))
    flight.acks(2)
    #expect(try flight.takes() == [])
    return flight
  }

  // RACK-4
  @Test func `once reordering was seen three segments ahead make nothing lost for min RTT by 4`()
    throws
  {
    let flight = try reordered()
    flight.acks(2, sack: 3..<8)
    #expect(try flight.takes() == [])
    try flight.peer.advances(by: .milliseconds(12))
    flight.acks(8)
    try flight.peer.advances(by: .milliseconds(10))
    flight.acks(10)
    #expect(try flight.takes(for: .seconds(3)) == [])
    #expect(flight.threshold == nil)
  }

  // RACK-4
  @Test func `what is later than the reordering window is sent again, then and not before`() throws
  {
    let flight = try reordered()
    flight.acks(2, sack: 3..<8)
    // Sent at 0; the round trip of what arrived last is 110, the window 100 / 4.
    try flight.peer.expects(.data(seq: flight.seq(2)), after: .milliseconds(25))
    #expect(flight.counters.sackRecoveries == 1)
  }

  // RACK-4
  @Test func `a D-SACK for a hasty retransmission widens the window`() throws {
    let flight = try reordered()
    flight.acks(2, sack: 3..<8)
    try flight.peer.expects(.data(seq: flight.seq(2)), after: .milliseconds(25))
    // 135: the original is there after all, then its copy.
    flight.acks(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10, sack: 2..<3)
    #expect(flight.counters.duplicatesReported == 1)
    // The next hole is given twice the window: 50 ms.
    try flight.writes(5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10, sack: 11..<15)
    try flight.peer.expects(
      .data(seq: flight.seq(10)), after: .milliseconds(49), tolerance: .milliseconds(8))
  }

  // RACK-5
  @Test func `a timeout takes for lost what is old, and leaves what is fresh`() throws {
    let flight = try Flight(
      .forLossTests {
        $0.usesTailLossProbe = false
        $0.usesForwardRTO = false
      })
    try flight.writes(2)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(2)
    // A round trip has been measured; the RTO is 300 ms or a little less.
    try flight.writes(5)
    let timeout = try #require(flight.peer.snapshot).retransmissionTimeout
    try flight.peer.advances(by: timeout - .milliseconds(40))
    #expect(try flight.writes(3) == [7, 8, 9])
    #expect(try flight.takes(for: .milliseconds(46)) == [2])
    #expect(flight.counters.timeouts == 1)
    // The five were only slow. The others are out for 50 ms of 100: not lost.
    flight.acks(7)
    #expect(try flight.takes() == [])
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(10)
    #expect(try flight.takes(for: .seconds(5)) == [])
  }

  // RACK-3, SYS-22
  @Test func `with RACK switched off one segment ahead makes nothing lost in any time`() throws {
    let flight = try Flight(.forLossTests { $0.usesRACK = false })
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<2)
    #expect(try flight.takes(for: .milliseconds(80)) == [])
  }
}
