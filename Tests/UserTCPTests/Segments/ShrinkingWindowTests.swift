// Whether a window may be offered smaller than before (`tcp_shrink_window`, REQUIREMENTS SYS-35), and that what was
// offered once is taken in any case.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ShrinkingWindowTests {
  /// A window of 60,000 octets, then a buffer of 10,000; what the answers to 2,000 octets offer.
  private func edges(
    shrinks: Bool
  ) throws -> (peer: ScriptedPeer, c: ScriptedConnection, edge: SequenceNumber, last: Segment) {
    var settings = StackSettings.withReceiveBuffer(60_000)
    settings.shrinksWindow = shrinks
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection()
    let edge = c.seq + Int(c.stackSYN.window)
    try peer.appConfigures(c.id) { $0.receiveBuffer = 10_000 }
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1000)))
    peer.sends(.data(seq: c.seq + 1000, ack: c.ack, ScriptedPeer.pattern(1000)))
    c.seq += 2000
    return (peer, c, edge, try #require(try peer.takesSegments(for: .milliseconds(50)).last))
  }

  // SYS-35, R9293-SHLD-14
  @Test func `without leave a window is never offered smaller than before`() throws {
    let (_, _, edge, last) = try edges(shrinks: false)
    #expect(last.ack + Int(last.window) == edge)
  }

  // SYS-35, TS-4
  @Test func `with leave it is, and what was offered once is taken all the same`() throws {
    let (peer, c, edge, last) = try edges(shrinks: true)
    #expect(last.window == 8_000)
    peer.sends(.data(seq: edge - 100, ack: c.ack, ScriptedPeer.pattern(100)))
    try peer.expectsAtOnce(.ack(ack: c.seq))
    #expect(peer.stack.counters.tcp.segmentsOutOfWindow == 0)
    #expect(peer.stack.counters.tcp.outOfOrderQueued == 1)
  }

  // SYS-35
  @Test func `a window that was shut opens when there is room`() throws {
    let (peer, c, _, _) = try edges(shrinks: true)
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1460)))
    for index in 1..<6 {
      peer.sends(.data(seq: c.seq + index * 1460, ack: c.ack, ScriptedPeer.pattern(1460)))
    }
    let full = try #require(try peer.takesSegments(for: .milliseconds(50)).last)
    #expect(full.window == 0)
    _ = try peer.appReads(c.id)
    let open = try peer.expectsAtOnce(.ack(ack: c.seq + 6 * 1460))
    #expect(open.window == 10_000)
  }
}
