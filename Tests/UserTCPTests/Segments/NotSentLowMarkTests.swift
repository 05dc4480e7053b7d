// How much may wait to be sent (`TCP_NOTSENT_LOWAT`, `tcp_notsent_lowat`, REQUIREMENTS SYS-35).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct NotSentLowMarkTests {
  private func settings(_ mark: UInt32) -> StackSettings {
    var settings = StackSettings()
    settings.notSentLowMark = mark
    return settings
  }

  // SYS-35
  @Test func `no more than the mark may wait to be sent`() throws {
    let peer = ScriptedPeer(settings: settings(10_000))
    var c = try peer.opensConnection(window: 20_000)
    // All of the flight leaves, and the mark's worth waits behind it.
    var written = 0
    for _ in 0..<5 { written += try peer.appWrites(c.id, count: 50_000) }
    let flight = try peer.takesSegments().reduce(0) { $0 + $1.payload.count }
    #expect(flight > 10_000 && flight <= 20_000)
    #expect(written - flight <= 10_000)
    #expect(peer.stack.writableBytes(c.id) == 10_000 - (written - flight))
    _ = peer.takeEvents(c.id)
    // What is acknowledged makes room for the next flight, and that for the program.
    c.ack += flight
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 20_000))
    #expect(peer.takeEvents(c.id).contains(.writable))
    #expect(peer.stack.writableBytes(c.id) >= 5_000)
  }

  // SYS-35
  @Test func `a writer hears when its octets are sent, not only when they are acknowledged`() throws
  {
    var options = ConnectionOptions()
    options.notSentLowMark = 1000
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 0, connectionOptions: options)
    #expect(try peer.appWrites(c.id, count: 5000) == 1000)
    #expect(try peer.appWrites(c.id, count: 5000) == 0)
    _ = peer.takeEvents(c.id)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 30_000))
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    #expect(peer.takeEvents(c.id).contains(.writable))
    #expect(try peer.appWrites(c.id, count: 5000) == 1000)
  }

  // SYS-35
  @Test func `a mark of nothing is taken as one, and all octets arrive`() throws {
    let peer = ScriptedPeer(settings: settings(0))
    var c = try peer.opensConnection()
    var sent = 0
    for _ in 0..<20 {
      sent += try peer.appWrites(c.id, count: 100)
      _ = try peer.acknowledges(&c, count: 1)
    }
    #expect(sent == 20)
  }

  // SEC-28
  @Test func `while memory is short no more than the least may wait to be sent`() throws {
    var settings = StackSettings()
    settings.memory = MemoryMarks(low: 0, pressure: 10_000, limit: 1 << 20)
    let peer = ScriptedPeer(settings: settings)
    let first = try peer.opensConnection(window: 0)
    try peer.appWrites(first.id, count: 20_000)
    try peer.advances(by: .milliseconds(1))
    peer.port += 1
    let second = try peer.opensConnection(window: 0)
    #expect(try peer.appWrites(second.id, count: 20_000) == settings.leastSendBuffer)
  }
}
