// SYN cookies: when a SYN is answered without being remembered (RFC 4987 §3.6, REQUIREMENTS SYS-1, SEC-16,
// SEC-20, TW-19). Which ACKs bring a connection, and with which options, is in the files beside this.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNCookieTests {
  /// A listener of backlog 4 with one entry more than that: its SYN queue is over the limit.
  private func overflowing(_ mode: SYNCookieMode) throws -> ScriptedPeer {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = mode })
    try peer.appListens(backlog: 4)
    peer.stack.settings.synCookies = .off
    try peer.opensHalf(ports: 1...5)
    peer.stack.settings.synCookies = mode
    return peer
  }

  // SYS-1, CNT-4
  @Test func `without cookies a full SYN queue drops and counts`() throws {
    let peer = try overflowing(.off)
    for port: UInt16 in 6...8 { peer.sends(.syn(seq: 100).from(port: port)) }
    try peer.expectsNothing(for: .milliseconds(900))
    #expect(peer.stack.halfOpenCount == 5)
    let counters = peer.stack.counters.tcp
    #expect(counters.synQueueFullDrops == 3)
    #expect(counters.listenDrops == 3)
    #expect(counters.listenOverflows == 0)
    #expect(counters.synCookiesSent == 0)
  }

  // SYS-1, SEC-16, SEC-20, CNT-4
  @Test func `on overflow a SYN gets a cookie and no entry`() throws {
    let peer = try overflowing(.onOverflow)
    _ = try peer.takesCookie()
    #expect(peer.stack.halfOpenCount == 5)
    #expect(peer.stack.counters.tcp.synQueueFullCookies == 1)
    #expect(peer.stack.counters.tcp.listenDrops == 0)
  }

  // SYS-1, SEC-20
  @Test func `below its limit a SYN queue remembers, with cookies on overflow`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 4)
    try peer.opensHalf(ports: 1...4)
    #expect(peer.stack.halfOpenCount == 4)
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
  }

  // SYS-1
  @Test func `the limit is the smaller of backlog and somaxconn`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumBacklog = 2 })
    try peer.appListens(backlog: 1000)
    try peer.opensHalf(ports: 1...3)
    #expect(peer.stack.halfOpenCount == 3)
    _ = try peer.takesCookie()
  }

  // SYS-1
  @Test func `the limit is each listener's own`() throws {
    let peer = try overflowing(.onOverflow)
    try peer.appListens(on: 81, backlog: 4)
    peer.stackPort = 81
    try peer.opensHalf(ports: 1...1)
    #expect(peer.stack.halfOpenCount == 6)
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
  }

  // SYS-1
  @Test func `always means for the first SYN already`() throws {
    let peer = try ScriptedPeer.listening(.always)
    _ = try peer.takesCookie()
    #expect(peer.stack.halfOpenCount == 0)
  }

  // SYS-1
  @Test func `the mode acts at once on a running stack`() throws {
    let peer = try overflowing(.off)
    peer.sends(.syn(seq: 99))
    #expect(try peer.takesSegments().isEmpty)
    peer.stack.settings.synCookies = .onOverflow
    _ = try peer.takesCookie()
    peer.stack.settings.synCookies = .off
    peer.sends(.syn(seq: 99).from(port: 9))
    #expect(try peer.takesSegments().isEmpty)
    peer.stack.settings.synCookies = .always
    try peer.appListens(on: 81)
    peer.stackPort = 81
    _ = try peer.takesCookie()
  }

  // SEC-20
  @Test func `an answer with a cookie is sent once`() throws {
    let peer = try ScriptedPeer.listening(.always)
    _ = try peer.takesCookie()
    try peer.expectsNothing(for: .seconds(130))
    #expect(peer.stack.halfOpenCount == 0)
  }

  // SYS-1, SYS-8, CNT-4
  @Test func `a full accept queue drops the SYN even with cookies`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 2)
    try peer.completesHandshakes(ports: 1...3)
    peer.stack.settings.synCookies = .always
    peer.sends(.syn(seq: 99))
    try peer.expectsNothing()
    let counters = peer.stack.counters.tcp
    #expect(counters.listenOverflows == 1)
    #expect(counters.listenDrops == 1)
    #expect(counters.synCookiesSent == 0)
  }

  // TW-19, TW-13
  @Test(arguments: [SYNCookieMode.onOverflow, .always])
  func `a SYN that reopens a TIME-WAIT pair gets no cookie`(_ mode: SYNCookieMode) throws {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .off })
    try peer.appListens(backlog: 4)
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    try peer.opensHalf(ports: 1...5)
    peer.stack.settings.synCookies = mode
    peer.sends(.syn(seq: c.seq + 10))
    let answers = try peer.takesSegments()
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
    #expect(answers.count <= 1)
    // A drop is allowed, a cookie's number is not.
    guard let answer = answers.first, answer.flags == [.syn, .ack] else { return }
    #expect(answer.seq - c.ack > 0)
    #expect(peer.stack.halfOpenCount == 6)
    peer.sends(.ack(seq: c.seq + 11, ack: answer.end))
    #expect(peer.state == .established)
  }
}
