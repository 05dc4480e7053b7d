// Which ACKs measure the round trip when timestamps are in use (RFC 7323 §4, appendix G).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct RoundTripSampleTests {
  private static let options: [SegmentOption] = [
    .maximumSegmentSize(1460), .sackPermitted, .windowScale(8), .timestamps(1000, 0),
  ]
  private static let settings = StackSettings.forLossTests {
    $0.usesTailLossProbe = false
    $0.usesForwardRTO = false
  }

  private func flight(_ options: [SegmentOption] = options) throws -> Flight {
    let flight = try Flight(Self.settings, options: options)
    #expect(try flight.writes(4) == [0, 1, 2, 3])
    return flight
  }

  // TS-11, RTO-4
  @Test(arguments: [true, false])
  func `an echo tells the copies apart, so a retransmission ends the backoff`(_ hasSACK: Bool)
    throws
  {
    let flight = try flight(Self.options.filter { hasSACK || $0 != .sackPermitted })
    // Nothing comes back: two timeouts.
    let sent = try flight.peer.takesSegments(for: .seconds(1))
    #expect(sent.count == 2)
    #expect(flight.peer.snapshot?.backoff == 2)
    let stamp = try #require(sent.last?.timestamps?.value)
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(1, echoing: stamp)
    let row = try #require(flight.peer.snapshot)
    #expect(row.backoff == 0)
    #expect(row.smoothedRoundTripTime > .milliseconds(100))
    #expect(row.retransmissionTimeout < .seconds(1))
  }

  // TS-11
  @Test func `without timestamps the backoff stays until something new is timed`() throws {
    let flight = try flight(Self.options.filter { $0 != .timestamps(1000, 0) })
    _ = try flight.peer.takesSegments(for: .seconds(1))
    flight.acks(1)
    #expect(flight.peer.snapshot?.backoff == 2)
  }

  // TS-11
  @Test func `a duplicate measures nothing, whatever it echoes`() throws {
    let flight = try flight()
    let before = try #require(flight.peer.snapshot)
    let stamp = flight.c.stackSYN.timestamps?.value ?? 0
    try flight.peer.advances(by: .milliseconds(150))
    for _ in 0..<5 { flight.acks(0, echoing: stamp) }
    #expect(flight.peer.snapshot?.smoothedRoundTripTime == before.smoothedRoundTripTime)
  }

  // TS-11
  @Test(arguments: [UInt32(0), 1 << 31, .max])
  func `an echo of what was never sent, or of long ago, measures nothing`(_ distance: UInt32) throws
  {
    let flight = try flight()
    let sent = try flight.peer.takesSegments(for: .seconds(1))
    let stamp = try #require(sent.last?.timestamps?.value)
    flight.acks(
      1, echoing: distance == 0 ? 0 : stamp &+ distance &+ (distance == .max ? 60_001 : 0))
    let row = try #require(flight.peer.snapshot)
    #expect(row.backoff == 2)
    #expect(row.smoothedRoundTripTime < .milliseconds(300))
  }

  // TS-11
  @Test func `many ACKs in a round trip do not wear the variation down`() throws {
    let flight = try Flight(Self.settings, options: Self.options)
    _ = try flight.grows(to: 64)
    let before = try #require(flight.peer.snapshot)
    // One round trip more, with 100 ACKs: a few steps of a quarter at most.
    _ = try flight.grows(to: 100)
    let after = try #require(flight.peer.snapshot)
    #expect(after.roundTripVariation >= before.roundTripVariation / 4)
  }

  // SYS-25, RTO-3
  @Test func `the floor of the timeout is the profile's, or the operator's`() throws {
    let short = Interval.milliseconds(1)
    let linux = try Flight(StackSettings(profile: .linux), roundTrip: short)
    #expect(linux.peer.snapshot?.retransmissionTimeout == .milliseconds(201))
    let rfc = try Flight(StackSettings(profile: .rfc), roundTrip: short)
    #expect(rfc.peer.snapshot?.retransmissionTimeout == .seconds(1))
    var settings = StackSettings()
    settings.minimumRetransmissionTimeout = .milliseconds(20)
    let chosen = try Flight(settings, roundTrip: short)
    #expect(chosen.peer.snapshot?.retransmissionTimeout == .milliseconds(21))
  }
}
