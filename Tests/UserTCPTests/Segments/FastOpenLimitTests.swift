// What bounds Fast Open at a listener (RFC 7413 §5.1): how many connections may be open by a cookie alone, and
// what makes room again.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct FastOpenLimitTests {
  private let text = [UInt8]("hello".utf8)
  private let cookie: [UInt8]
  private let peer: ScriptedPeer
  private let listener: ListenerID

  init() throws {
    let mode: FastOpenMode = [.client, .server]
    peer = ScriptedPeer(settings: .changed { $0.fastOpen = mode })
    listener = try peer.appListens(backlog: 16, fastOpenBacklog: 2)
    peer.sends(.syn(seq: 1, options: [.fastOpen([])]).from(port: 2))
    cookie = try #require(try peer.expectsAtOnce(.synAck()).fastOpen)
    peer.sends(.rst(seq: 2).from(port: 2))
  }

  private var counters: TCPCounters { peer.stack.counters.tcp }

  private func sends(_ port: UInt16) {
    peer.sends(.syn(seq: 99, options: [.fastOpen(cookie)], payload: text).from(port: port))
  }

  /// A SYN with the cookie from `port`; its SYN-ACK, which must cover the text or not.
  @discardableResult private func opens(_ port: UInt16, fast: Bool = true) throws -> Segment {
    sends(port)
    return try peer.expectsAtOnce(.synAck(ack: fast ? 100 + text.count : 100))
  }

  // TFO-2
  @Test func `beyond the limit a handshake is an ordinary one, until another is done`() throws {
    let first = try opens(1001)
    try opens(1002)
    let plain = try opens(1003, fast: false)
    #expect(plain.fastOpen == nil)
    #expect(counters.fastOpenOverflows == 1)
    #expect(peer.stack.halfOpenCount == 1)
    peer.sends(.ack(seq: 105, ack: first.end).from(port: 1001))
    try opens(1004)
    try opens(1005, fast: false)
  }

  // TFO-2
  @Test func `a reset makes room only after a minute`() throws {
    try opens(1001)
    try opens(1002)
    for port: UInt16 in [1001, 1002] { peer.sends(.rst(seq: 105).from(port: port)) }
    #expect(counters.embryonicResets == 3)
    let id = try #require(peer.appAccepts())
    #expect(throws: TCPError.resetByPeer) { try peer.stack.readable(id) }
    peer.stack.close(id)
    try opens(1003, fast: false)
    try peer.advances(by: .seconds(59))
    _ = try peer.takesAll()
    try opens(1004, fast: false)
    try peer.advances(by: .seconds(2))
    _ = try peer.takesAll()
    try opens(1005)
    try opens(1006)
    try opens(1007, fast: false)
  }

  // TFO-2, SYS-12
  @Test func `a handshake that is never done ends as any other, and makes room`() throws {
    try opens(1001)
    let id = try #require(peer.appAccepts())
    var times: [Int64] = []
    let start = peer.now
    for packet in try peer.takesAll(for: .seconds(64)) where packet.segment?.fastOpen == nil {
      times.append((packet.time - start).nanoseconds / 1_000_000_000)
    }
    #expect(times == [1, 3, 7, 15, 31])
    #expect(peer.stack.outcome(id) == .timedOut)
    #expect(counters.attemptFails == 2)  // the cookie's own handshake was reset
    try opens(1002)
    try opens(1003)
    try opens(1004, fast: false)
  }

  // TFO-2
  @Test func `what the program resets makes room at once`() throws {
    try opens(1001)
    try opens(1002)
    peer.appAborts(try #require(peer.appAccepts()))
    try peer.expectsAtOnce(.rstAck(ack: 105))
    try opens(1003)
  }

  // TFO-2
  @Test func `a listener may go before its handshakes are done`() throws {
    let answer = try opens(1001)
    let id = try #require(peer.appAccepts())
    try opens(1002)
    peer.stack.stopListening(listener)
    try peer.expectsAtOnce(.rstAck(ack: 105))
    let again = try peer.appListens(backlog: 16, fastOpenBacklog: 1)
    #expect(again != listener)
    try opens(1003)
    // Of the first listener: makes no room at the second.
    peer.sends(.ack(seq: 105, ack: answer.end).from(port: 1001))
    #expect(try peer.appReads(id) == text)
    try opens(1004, fast: false)
  }

  // TFO-2, SEC-16
  @Test func `a flood with a good cookie holds no more than the limits`() throws {
    let buffered = peer.stack.bufferedBytes
    for port: UInt16 in 10_000..<20_000 { sends(port) }
    #expect(peer.stack.connectionCount == 2)
    #expect(peer.stack.halfOpenCount <= 17)
    #expect(peer.stack.bufferedBytes - buffered <= 2 * 4096)
    #expect(counters.fastOpenPassive == 2)
    #expect(counters.fastOpenOverflows >= 15)
    _ = try peer.takesAll()
  }

  // TFO-2, SYS-1, SEC-20
  @Test func `under a flood the SYN gets a SYN cookie and nothing else`() throws {
    for port: UInt16 in 20_000..<20_017 { peer.sends(.syn(seq: 5).from(port: port)) }
    _ = try peer.takesAll()
    let sent = counters.synCookiesSent
    let answer = try opens(1001, fast: false)
    #expect(answer.fastOpen == nil)
    #expect(counters.synCookiesSent == sent + 1)
    #expect(counters.fastOpenPassive == 0 && counters.fastOpenPassiveFails == 0)
    peer.sends(.syn(seq: 99, options: [.fastOpen([])]).from(port: 1002))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == nil)
  }

  // TFO-2, SYS-8
  @Test func `a full accept queue drops the SYN, cookie or not`() throws {
    try peer.completesHandshakes(ports: 30_000...30_016)
    let drops = counters.listenDrops
    sends(1001)
    try peer.expectsNothing(for: .milliseconds(500))
    #expect(counters.listenDrops == drops + 1)
  }
}
