// Pacing on the wire: how a flight is spread over its round trip, and where it is not.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct PacingScriptTests {
  /// A window of at least 40 segments, grown without pacing; then pacing as `change` says.
  private func grown(
    roundTrip: Interval = .milliseconds(100), _ change: (inout StackSettings) -> Void
  ) throws -> Flight {
    let flight = try Flight(.forLossTests(), roundTrip: roundTrip)
    _ = try flight.grows(to: 40, roundTrip: roundTrip)
    try flight.peer.advances(by: .milliseconds(2))
    change(&flight.peer.stack.settings)
    return flight
  }

  @Test func `a flight leaves over its round trip, in bursts of few segments`() throws {
    let flight = try grown { $0.usesPacing = true }
    let window = flight.window
    #expect(window >= 40)
    var bursts = [try flight.writes(window).count]
    for _ in 0..<100 { bursts.append(try flight.takes(for: .milliseconds(1)).count) }
    #expect(bursts.allSatisfy { $0 <= 4 })
    #expect(bursts.reduce(0, +) == window)
    // Twice the window in a round trip: half of it in a quarter.
    let early = bursts.prefix(26).reduce(0, +)
    #expect(early >= window * 2 / 5 && early <= window * 2 / 3)
    #expect(bursts.prefix(60).reduce(0, +) == window)
    let rate = try #require(flight.peer.snapshot?.pacingRate)
    #expect(rate >= window * flight.size * 18 && rate <= window * flight.size * 22)
  }

  @Test func `the ratio of slow start sets the rate`() throws {
    let flight = try grown {
      $0.usesPacing = true
      $0.pacingRatioInSlowStart = 100
    }
    let window = flight.window
    var sent = try flight.writes(window).count
    sent += try flight.takes(for: .milliseconds(50)).count
    #expect(sent >= window * 2 / 5 && sent <= window * 2 / 3)
  }

  @Test func `a short path is not paced`() throws {
    let flight = try grown(roundTrip: .milliseconds(1)) { $0.usesPacing = true }
    #expect(flight.peer.snapshot?.pacingRate == 0)
    let window = flight.window
    #expect(try flight.writes(window).count == window)
  }

  @Test func `an initial window is not paced`() throws {
    var settings = StackSettings.forLossTests()
    settings.usesPacing = true
    let flight = try Flight(settings)
    #expect(try flight.writes(10).count == 10)
    #expect(flight.peer.snapshot?.pacingRate == 0)
  }

  @Test func `off by its knob a flight leaves at once`() throws {
    let flight = try grown { $0.usesPacing = false }
    let window = flight.window
    #expect(try flight.writes(window).count == window)
  }

  @Test func `a FIN behind paced text comes after it`() throws {
    let flight = try grown { $0.usesPacing = true }
    let window = flight.window
    try flight.peer.appWrites(flight.c.id, count: window * flight.size)
    try flight.peer.appFinishes(flight.c.id)
    let segments = try flight.peer.takesSegments(for: .milliseconds(90))
    #expect(segments.count == window)
    #expect(segments.last?.flags.contains(.fin) == true)
  }
}
