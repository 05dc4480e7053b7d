// Loss by counting (RFC 6675), for when RACK is switched off: three segments, or islands, SACKed above a
// segment make it lost.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SACKLossTests {
  private static var settings: StackSettings {
    .forLossTests {
      $0.usesRACK = false
      $0.usesTailLossProbe = false
      $0.usesForwardRTO = false
    }
  }

  private func flight(_ count: Int = 10) throws -> Flight {
    let flight = try Flight(Self.settings)
    #expect(try flight.writes(count) == Array(0..<min(count, 10)))
    try flight.peer.advances(by: .milliseconds(100))
    return flight
  }

  // SACK-10
  @Test func `three segments SACKed above it make a segment lost, two do not`() throws {
    let flight = try flight()
    flight.acks(0, sack: 1..<2)
    flight.acks(0, sack: 1..<3)
    #expect(try flight.takes() == [])
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
    #expect(flight.counters.sackRecoveries == 1)
  }

  // SYS-31
  @Test func `tcp_reordering says how many it takes`() throws {
    let flight = try flight()
    flight.peer.stack.settings.reorderingThreshold = 5
    flight.acks(0, sack: 1..<4)
    flight.acks(0, sack: 1..<5)
    #expect(try flight.takes().allSatisfy { $0 >= 10 })
    flight.acks(0, sack: 1..<6)
    #expect(try flight.takes().first == 0)
  }

  // SACK-10, SACK-11
  @Test func `one ACK that reports three segments is enough`() throws {
    let flight = try flight()
    flight.acks(0, sack: 1..<4)
    #expect(try flight.takes() == [0])
  }

  // SACK-10
  @Test func `duplicates without news in their blocks are none`() throws {
    let flight = try flight(30)
    flight.acks(0, sack: 1..<2)
    let limited = try flight.takes()
    for _ in 0..<10 { flight.acks(0, sack: 1..<2) }
    #expect(try flight.takes() == [])
    #expect(limited.allSatisfy { $0 >= 10 })
    #expect(flight.threshold == nil)
  }

  // SACK-10
  @Test func `three islands of small segments make what lies before them lost`() throws {
    var options = ConnectionOptions()
    options.noDelay = true
    let peer = ScriptedPeer(settings: Self.settings)
    let c = try peer.opensConnection(
      roundTrip: .milliseconds(100), options: [.maximumSegmentSize(1460), .sackPermitted],
      connectionOptions: options)
    for index in 0..<8 {
      try peer.appWrites(c.id, count: 10)
      try peer.expectsAtOnce(.data(seq: c.ack + index * 10, length: 10))
    }
    try peer.advances(by: .milliseconds(100))
    func island(_ index: Int) -> SegmentBlock {
      SegmentBlock(c.ack + index * 10, c.ack + index * 10 + 10)
    }
    peer.sends(.ack(seq: c.seq, ack: c.ack).sack(island(5), island(3)))
    #expect(try peer.takesSegments().isEmpty)
    peer.sends(.ack(seq: c.seq, ack: c.ack).sack(island(7), island(5), island(3)))
    let resent = try peer.takesSegments()
    #expect(resent.first?.seq == c.ack)
    // 4 and 6 have two islands and one above them.
    #expect(resent.allSatisfy { $0.end <= c.ack + 30 })
  }

  // SACK-10
  @Test func `NextSeg sends lost segments first, then new ones, while pipe is below cwnd`() throws {
    let flight = try flight(40)
    // 0 and 4 are lost. FlightSize 10 makes cwnd 5.
    flight.acks(0, sack: 1..<4)
    var sent = try flight.takes()
    for index in 5..<10 {
      try flight.peer.advances(by: .milliseconds(1))
      flight.acks(0, sack: 1..<4, 5..<index + 1)
      sent += try flight.takes()
    }
    #expect(sent.filter { $0 < 10 } == [0, 4])
    // Each once, and new ones in order.
    let new = sent.filter { $0 >= 10 }
    #expect(new == Array(10..<10 + new.count))
    try flight.peer.advances(by: .milliseconds(90))
    flight.acks(10)
    sent = try flight.takes()
    #expect(sent.allSatisfy { $0 >= 10 + new.count })
    #expect(flight.window == 5)
    #expect(flight.counters.timeouts == 0)
  }

  // SACK-10
  @Test func `the tail of a flight gets one rescue retransmission`() throws {
    let flight = try flight()
    flight.acks(0, sack: 1..<8)
    #expect(try flight.takes().first == 0)
    // Nothing new to send; 8 and 9 have nothing SACKed above them.
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(1, sack: 1..<8)
    flight.acks(8)
    let rescued = try flight.takes(for: .milliseconds(50))
    #expect(rescued == [9])
    // Once in a recovery: whatever else comes, the tail waits for its timeout.
    flight.acks(9)
    #expect(try flight.takes(for: .milliseconds(50)) == [])
  }

  // SACK-10
  @Test func `without anything new to send a segment below the highest SACKed goes out unproven`()
    throws
  {
    let flight = try flight()
    flight.acks(0, sack: 1..<7, 8..<9)
    // 0 is lost; of 7 nobody knows yet.
    let sent = try flight.takes()
    #expect(sent.first == 0)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(7, sack: 8..<9)
    #expect(try (sent + flight.takes(for: .milliseconds(10))).filter { $0 == 7 } == [7])
  }

  // SACK-10, SYS-31
  @Test func `without PRR the window has its new size at once`() throws {
    let flight = try Flight(
      .forLossTests {
        $0.usesProportionalReduction = false
        $0.usesTailLossProbe = false
      })
    let first = try flight.grows(to: 20)
    #expect(try flight.writes(60).count == 20)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first, sack: first + 1..<first + 4)
    #expect(try flight.takes() == [first])
    #expect(flight.window == 10 && flight.threshold == 10)
    // Half of the flight has to arrive before anything new leaves.
    for index in first + 5..<first + 11 { flight.acks(first, sack: first + 1..<index) }
    #expect(try flight.takes() == [])
    for index in first + 11..<first + 21 { flight.acks(first, sack: first + 1..<index) }
    #expect(try flight.takes() == Array(first + 20..<first + 29))
  }

  // SACK-11
  @Test func `two losses of one window are one reduction`() throws {
    let flight = try Flight(Self.settings)
    let first = try flight.grows(to: 20)
    #expect(try flight.writes(20).count == 20)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first, sack: first + 1..<first + 4)
    #expect(flight.threshold == 10)
    var resent = try flight.takes()
    for index in 6..<20 {
      flight.acks(first, sack: first + 1..<first + 5, first + 6..<first + index + 1)
      resent += try flight.takes()
    }
    #expect(resent == [first, first + 5])
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(first + 5, sack: first + 6..<first + 20)
    #expect(flight.threshold == 10)
    flight.acks(first + 20)
    #expect(flight.threshold == 10)
    #expect(flight.window == 10)
    #expect(flight.counters.sackRecoveries == 1)
  }

  // SACK-11
  @Test func `after a timeout no recovery begins below its recovery point`() throws {
    let flight = try Flight(Self.settings)
    try flight.writes(10)
    #expect(try flight.takes(for: .milliseconds(320)) == [0])
    #expect(flight.counters.timeouts == 1)
    #expect(flight.threshold == 5)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(1)
    _ = try flight.takes()
    for end in 5...9 { flight.acks(1, sack: 4..<end) }
    _ = try flight.takes()
    #expect(flight.threshold == 5)
    #expect(flight.counters.sackRecoveries == 0)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10)
    // Above it one may.
    let between = try #require(try flight.writes(3).last) + 1
    flight.acks(between)
    #expect(try flight.writes(4).count == 4)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(between, sack: between + 1..<between + 4)
    #expect(flight.counters.sackRecoveries == 1)
  }
}
