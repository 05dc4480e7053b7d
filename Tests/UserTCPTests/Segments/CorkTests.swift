// What a program may decide about when its octets leave and when it acknowledges those of others
// (`TCP_CORK`, `TCP_QUICKACK`).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct CorkTests {
  private func corked(noDelay: Bool = false) throws -> (ScriptedPeer, ScriptedConnection) {
    var options = ConnectionOptions()
    options.cork = true
    options.noDelay = noDelay
    let peer = ScriptedPeer()
    return (peer, try peer.opensConnection(connectionOptions: options))
  }

  // SHLD-7
  @Test(arguments: [true, false])
  func `corked, what fills no segment waits 200 ms at most`(_ noDelay: Bool) throws {
    let (peer, c) = try corked(noDelay: noDelay)
    try peer.appWrites(c.id, "head")
    try peer.expectsNothing(for: .milliseconds(100))
    try peer.appWrites(c.id, "er")
    try peer.expectsNothing(for: .milliseconds(99))
    let segment = try peer.expects(.data(seq: c.ack, length: 6), within: .milliseconds(3))
    #expect(segment.flags.contains(.psh))
  }

  @Test func `corked, full segments leave at once and the rest follows when it is full too`() throws
  {
    var (peer, c) = try corked()
    try peer.appWrites(c.id, count: 4000)
    #expect(try peer.takesSegments().map(\.payload.count) == [1460, 1460])
    try peer.appWrites(c.id, count: 380)
    try peer.expectsAtOnce(.data(seq: c.ack + 2920, length: 1460))
    c.ack += 4380
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.expectsNothing(for: .seconds(5))
  }

  @Test func `the limit runs from when all before is acknowledged`() throws {
    var (peer, c) = try corked()
    try peer.appWrites(c.id, count: 1500)
    #expect(try peer.takesSegments().map(\.payload.count) == [1460])
    try peer.expectsNothing(for: .milliseconds(150))
    c.ack += 1460
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.expectsNothing(for: .milliseconds(199))
    try peer.expects(.data(seq: c.ack, length: 40), within: .milliseconds(3))
  }

  @Test func `taking the cork out, and the end of the stream, let go what waits`() throws {
    let (peer, c) = try corked()
    try peer.appWrites(c.id, "body")
    try peer.expectsNothing(for: .milliseconds(10))
    try peer.appConfigures(c.id) { $0.cork = false }
    try peer.expectsAtOnce(.data(seq: c.ack, length: 4))
    let (other, d) = try corked()
    try other.appWrites(d.id, "tail")
    try other.appFinishes(d.id)
    try other.expectsAtOnce(.fin(seq: d.ack, length: 4))
  }
}

@Suite struct QuickAcknowledgmentTests {
  // SHLD-18
  @Test func `with quick ACKs a small segment is acknowledged at once, for as long as that is set`()
    throws
  {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    var c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "1"))
    try peer.expectsNothing(for: .milliseconds(20))
    // What is owed already goes, too.
    try peer.appConfigures(c.id) { $0.quickAcknowledgment = true }
    try peer.expectsAtOnce(.ack(ack: c.seq + 1))
    for _ in 0..<50 {
      c.seq += 1
      peer.sends(.data(seq: c.seq, ack: c.ack, "2"))
      try peer.expectsAtOnce(.ack(ack: c.seq + 1))
    }
    try peer.appConfigures(c.id) { $0.quickAcknowledgment = false }
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "3"))
    try peer.expectsNothing(for: .milliseconds(20))
    try peer.expects(.ack(ack: c.seq + 2), within: .milliseconds(30))
  }
}
