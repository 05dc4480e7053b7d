// Which ACKs bring a connection that only a SYN cookie remembers, and for how long (REQUIREMENTS SEC-17,
// SEC-17a, SEC-22).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNCookieAcknowledgmentTests {
  // SEC-17, CNT-4
  @Test func `the ACK of a cookie brings a connection that works`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.state == .established)
    #expect(peer.stack.counters.tcp.synCookiesReceived == 1)
    #expect(peer.stack.counters.tcp.synCookiesFailed == 0)
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, "hello")
    try peer.expectsAtOnce(.data(seq: answer.end, ack: 100, length: 5))
    peer.sends(.data(seq: 100, ack: answer.end + 5, "world"))
    try peer.expects(.ack(seq: answer.end + 5, ack: 105))
    #expect(try peer.appReads(id) == Array("world".utf8))
    try peer.expectsNothing(for: .seconds(100))
  }

  // SEC-17, LC-23
  @Test func `text on the ACK of a cookie is kept`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    peer.sends(.data(seq: 100, ack: answer.end, "early"))
    try peer.expects(.ack(seq: answer.end, ack: 105))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == Array("early".utf8))
  }

  // SEC-17, CNT-4
  @Test func `a changed cookie is answered with a reset and counted`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    for (count, offset) in [4096, -4096, 1 << 24, -(1 << 24), 1 << 30].enumerated() {
      peer.sends(.ack(seq: 100, ack: answer.end + offset))
      try peer.expectsAtOnce(.rst(seq: answer.end + offset))
      #expect(peer.stack.counters.tcp.synCookiesFailed == UInt64(count + 1))
    }
    #expect(peer.state == .closed)
    #expect(peer.stack.connectionCount == 0)
  }

  // SEC-17
  @Test func `a cookie holds for its addresses, its ports and the peer's number only`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    let good = Segment.ack(seq: 100, ack: answer.end)
    peer.sends(good.from(port: 40_001))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    peer.sends(good, from: IPv4Address(192, 0, 2, 77))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    peer.sends(.ack(seq: 101, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    peer.sends(.ack(seq: 99, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.stack.counters.tcp.synCookiesFailed == 4)
    #expect(peer.stack.connectionCount == 0)
    peer.sends(good)
    #expect(peer.state == .established)
  }

  // SEC-17, SEC-11
  @Test func `another stack's secret makes another cookie`() throws {
    var seen: Set<UInt32> = []
    for word: UInt64 in 0..<32 {
      let peer = try ScriptedPeer.listening(.always, secret: StackSecret(1, 2, 3, word))
      seen.insert(try peer.takesCookie().seq.rawValue >> 3)
    }
    #expect(seen.count == 32)
  }

  // SEC-17
  @Test func `a cookie is good for a minute`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    try peer.expectsNothing(for: .seconds(59))
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SEC-17, CNT-4
  @Test func `a cookie of two minutes ago is refused while the overflow goes on`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    try peer.advances(by: .seconds(100))
    peer.port = 40_001
    _ = try peer.takesCookie()
    peer.port = 40_000
    try peer.advances(by: .seconds(21))
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.stack.counters.tcp.synCookiesFailed == 1)
    #expect(peer.state == .closed)
  }

  // SEC-17
  @Test func `after three minutes a cookie is refused`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    try peer.advances(by: .seconds(180))
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.state == .closed)
  }

  // SEC-17a
  @Test func `without an overflow not even a good cookie is looked at`() throws {
    let answer = try ScriptedPeer.listening(.always).takesCookie()
    // The same secret and the same time, and no flood.
    let peer = try ScriptedPeer.listening(.onOverflow)
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.stack.counters.tcp.synCookiesFailed == 0)
    #expect(peer.stack.counters.tcp.synCookiesReceived == 0)
    #expect(peer.state == .closed)
  }

  // SEC-17a
  @Test func `an overflow of one listener opens no other`() throws {
    let twin = ScriptedPeer(settings: .changed { $0.synCookies = .always })
    try twin.appListens(on: 81)
    twin.stackPort = 81
    let answer = try twin.takesCookie()
    let peer = try ScriptedPeer.listening(.always)
    _ = try peer.takesCookie()
    try peer.appListens(on: 81)
    peer.stackPort = 81
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.stack.counters.tcp.synCookiesFailed == 0)
  }

  // SEC-17a
  @Test func `with cookies turned off their ACKs are refused`() throws {
    let peer = try ScriptedPeer.listening(.always)
    let answer = try peer.takesCookie()
    peer.stack.settings.synCookies = .off
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.state == .closed)
  }

  // SYS-1, SEC-22
  @Test func `the ACK of a cookie that meets a full accept queue is dropped and may come again`()
    throws
  {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .always })
    try peer.appListens(backlog: 1)
    peer.port = 1
    let waiting = try peer.takesCookie()
    for port: UInt16 in 2...3 {
      peer.port = port
      let answer = try peer.takesCookie()
      peer.sends(.ack(seq: 100, ack: answer.end))
      #expect(peer.state == .established)
    }
    peer.port = 1
    peer.sends(.ack(seq: 100, ack: waiting.end))
    try peer.expectsNothing()
    #expect(peer.state == .closed)
    #expect(peer.appAccepts() != nil)
    peer.sends(.ack(seq: 100, ack: waiting.end))
    #expect(peer.state == .established)
  }
}
