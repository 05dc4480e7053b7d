// A congestion window that is not used (RFC 7661, RFC 5681 §4.1): kept, halved, or the initial one again.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct WindowValidationTests {
  /// A window of 40 segments or a few more, all of them used in the last round trip.
  private func grown(_ change: (inout StackSettings) -> Void) throws -> (Flight, next: Int) {
    let flight = try Flight(.forLossTests(change))
    return (flight, try flight.grows(to: 40))
  }

  // CC-15
  @Test func `after four idle minutes the window is what it was`() throws {
    let (flight, _) = try grown { $0.keepsUnusedWindow = true }
    let window = flight.window
    try flight.peer.advances(by: .seconds(240))
    #expect(try flight.writes(window).count == window)
  }

  // CC-15
  @Test func `after five idle minutes it is half of that`() throws {
    let (flight, _) = try grown { $0.keepsUnusedWindow = true }
    let window = flight.window
    try flight.peer.advances(by: .seconds(301))
    #expect(flight.window == max(window / 2, 10))
    #expect(try flight.writes(window).count == max(window / 2, 10))
  }

  // CC-6, CC-15: RFC 9438 §5.8, RFC 7661 §4.3
  @Test func `while the peer's window is the limit, the congestion window does not grow`() throws {
    let flight = try Flight()
    let first = try flight.grows(to: 40)
    // From here on the peer offers 30 segments, and all of them are used in every round trip.
    let offer = UInt16(30 * flight.size / 256)
    flight.acks(first, window: offer)
    var next = first
    for _ in 0..<6 {
      let sent = try flight.writes(30)
      #expect((28...30).contains(sent.count))
      try flight.peer.advances(by: .milliseconds(100))
      next += sent.count
      flight.acks(next, window: offer)
    }
    #expect(flight.window <= 80)
    // And a loss halves what was in flight, not a window that nothing has filled.
    let sent = try flight.writes(30)
    flight.acks(next, sack: next + 1..<next + 4, window: offer)
    _ = try flight.takes()
    #expect(flight.threshold == sent.count / 2)
  }

  // CC-14, SYS-24
  @Test func `off by its knob an idle timeout takes it back to the initial window`() throws {
    let (flight, _) = try grown { $0.keepsUnusedWindow = false }
    try flight.peer.advances(by: .seconds(240))
    #expect(try flight.writes(40).count == 10)
  }

  // CC-15
  @Test func `a program that uses little of it keeps it for five minutes, then half`() throws {
    let (flight, first) = try grown { $0.keepsUnusedWindow = true }
    let window = flight.window
    var next = first
    // Four segments a round trip, ten times a second.
    func trickles(for seconds: Int) throws {
      for _ in 0..<seconds * 10 {
        next += try flight.writes(4).count
        try flight.peer.advances(by: .milliseconds(100))
        flight.acks(next)
      }
    }
    try trickles(for: 290)
    #expect(flight.window == window)
    try trickles(for: 20)
    #expect(flight.window == max(window / 2, 10))
  }

  // CC-15
  @Test func `a program that uses more than half of it keeps it`() throws {
    let (flight, first) = try grown { $0.keepsUnusedWindow = true }
    let window = flight.window
    var next = first
    for _ in 0..<3200 {
      next += try flight.writes(window * 3 / 4).count
      try flight.peer.advances(by: .milliseconds(100))
      flight.acks(next)
    }
    #expect(flight.window == window)
  }

  // CC-15
  @Test func `a loss in an unused window starts from what was used`() throws {
    let (flight, first) = try grown { $0.keepsUnusedWindow = true }
    var next = first
    for _ in 0..<40 {
      next += try flight.writes(8).count
      try flight.peer.advances(by: .milliseconds(100))
      flight.acks(next)
    }
    #expect(flight.window >= 40)
    next += try flight.writes(8).count
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(next - 8, sack: next - 7..<next)
    #expect(try flight.takes() == [next - 8])
    #expect(flight.threshold == 4)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(next)
    // Seven of eight were not sent again (§4.4.2).
    #expect(flight.window == 3)
  }
}
