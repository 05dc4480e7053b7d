// SYN cookies: when a SYN is answered without being remembered, what the answer keeps of its options,
// and which ACKs bring a connection (RFC 4987 §3.6, REQUIREMENTS SYS-1, SEC-17 to SEC-20).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNCookieModeTests {
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
    let peer = try idle(.always)
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
    let peer = try idle(.always)
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

/// A listening stack in quiet, with this mode.
private func idle(
  _ mode: SYNCookieMode, secret: StackSecret = StackSecret(0x0123, 0x4567, 0x89AB, 0xCDEF)
) throws -> ScriptedPeer {
  let peer = ScriptedPeer(settings: .changed { $0.synCookies = mode }, secret: secret)
  try peer.appListens()
  return peer
}

@Suite struct SYNCookieAcknowledgmentTests {
  // SEC-17, CNT-4
  @Test func `the ACK of a cookie brings a connection that works`() throws {
    let peer = try idle(.always)
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
    let peer = try idle(.always)
    let answer = try peer.takesCookie()
    peer.sends(.data(seq: 100, ack: answer.end, "early"))
    try peer.expects(.ack(seq: answer.end, ack: 105))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == Array("early".utf8))
  }

  // SEC-17, CNT-4
  @Test func `a changed cookie is answered with a reset and counted`() throws {
    let peer = try idle(.always)
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
    let peer = try idle(.always)
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
      let peer = try idle(.always, secret: StackSecret(1, 2, 3, word))
      seen.insert(try peer.takesCookie().seq.rawValue >> 3)
    }
    #expect(seen.count == 32)
  }

  // SEC-17
  @Test func `a cookie is good for a minute`() throws {
    let peer = try idle(.always)
    let answer = try peer.takesCookie()
    try peer.expectsNothing(for: .seconds(59))
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SEC-17, CNT-4
  @Test func `a cookie of two minutes ago is refused while the overflow goes on`() throws {
    let peer = try idle(.always)
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
    let peer = try idle(.always)
    let answer = try peer.takesCookie()
    try peer.advances(by: .seconds(180))
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.state == .closed)
  }

  // SEC-17a
  @Test func `without an overflow not even a good cookie is looked at`() throws {
    let answer = try idle(.always).takesCookie()
    // The same secret and the same time, and no flood.
    let peer = try idle(.onOverflow)
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
    let peer = try idle(.always)
    _ = try peer.takesCookie()
    try peer.appListens(on: 81)
    peer.stackPort = 81
    peer.sends(.ack(seq: 100, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.stack.counters.tcp.synCookiesFailed == 0)
  }

  // SEC-17a
  @Test func `with cookies turned off their ACKs are refused`() throws {
    let peer = try idle(.always)
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

@Suite struct SYNCookieOptionTests {
  private static func stamped(_ others: [SegmentOption]) -> [SegmentOption] {
    [.maximumSegmentSize(1460)] + others + [.timestamps(1_000_000, 0)]
  }

  /// A connection by cookie, the client's ACK stamped if its SYN was.
  private func connection(
    _ options: [SegmentOption], window: UInt16 = 65_535
  ) throws -> (peer: ScriptedPeer, answer: Segment, id: ConnectionID) {
    let peer = try idle(.always)
    let answer = try peer.takesCookie(options: options)
    let stamps = answer.timestamps == nil ? [] : [peer.stampNow]
    peer.sends(.ack(seq: 100, ack: answer.end, window: window, options: stamps))
    return (peer, answer, try #require(peer.appAccepts()))
  }

  // SEC-18
  @Test(
    arguments: [
      (nil, 536), (536, 536), (1000, 536), (1299, 536), (1300, 1300), (1400, 1300), (1439, 1300),
      (1440, 1440), (1459, 1440), (1460, 1460), (9000, 1460),
    ] as [(UInt16?, Int)])
  func `a cookie keeps the largest segment size of its table that fits`(
    _ offered: UInt16?, _ kept: Int
  ) throws {
    let (peer, answer, id) = try connection(offered.map { [.maximumSegmentSize($0)] } ?? [])
    try peer.appWrites(id, count: 4 * kept)
    let sent = try peer.takesSegments()
    #expect(sent.map(\.payload.count).max() == kept)
    #expect(sent.first?.seq == answer.end)
  }

  // SEC-18, R9293-MUST-16
  @Test func `a peer for which every size of the table is too large gets no cookie`() throws {
    let peer = try idle(.always)
    peer.sends(.syn(seq: 99, options: [.maximumSegmentSize(535)]))
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
    #expect(peer.stack.counters.tcp.listenDrops == 1)
  }

  // SEC-19
  @Test func `without timestamps a cookie's answer has a segment size and nothing else`() throws {
    let (peer, answer, id) = try connection(
      [.maximumSegmentSize(1460), .sackPermitted, .windowScale(7)], window: 2920)
    #expect(answer.maximumSegmentSize != nil)
    #expect(answer.options.count == 1)
    let row = try #require(peer.snapshot)
    #expect(row.sendWindow == 2920)
    #expect(row.sendWindowShift == nil)
    #expect(!row.usesTimestamps)
    try peer.appWrites(id, count: 5000)
    #expect(try peer.takesSegments().reduce(0) { $0 + $1.payload.count } == 2920)
  }

  // SEC-19
  @Test(arguments: [UInt8(0), 1, 7, 14])
  func `with timestamps the peer's window scale comes back`(_ shift: UInt8) throws {
    let (peer, answer, _) = try connection(Self.stamped([.windowScale(shift)]), window: 700)
    #expect(answer.timestamps?.echo == 1_000_000)
    #expect(answer.windowScale != nil)
    let row = try #require(peer.snapshot)
    #expect(row.usesTimestamps)
    #expect(row.sendWindowShift == shift)
    #expect(row.sendWindow == 700 << Int(shift))
  }

  // SEC-19
  @Test func `a peer that does not scale is remembered as such`() throws {
    let (peer, answer, _) = try connection(Self.stamped([]), window: 700)
    #expect(answer.windowScale == nil)
    let row = try #require(peer.snapshot)
    #expect(row.usesTimestamps)
    #expect(row.sendWindowShift == nil)
    #expect(row.sendWindow == 700)
  }

  // SEC-19
  @Test func `our own window is scaled as the cookie's answer said`() throws {
    let (peer, answer, id) = try connection(Self.stamped([.windowScale(7)]))
    let shift = try #require(answer.windowScale)
    peer.sends(.data(seq: 100, ack: answer.end, "x", options: [peer.stampNow]))
    let ack = try peer.expects(.ack(ack: 101))
    let row = try #require(peer.snapshot)
    #expect(row.receiveWindowShift == UInt8(shift))
    #expect(Int(ack.window) << shift <= row.receiveWindow)
    #expect(Int(ack.window) << shift > row.receiveWindow - 2 << shift)
    #expect(try peer.appReads(id) == Array("x".utf8))
  }

  // SEC-19, TS-6
  @Test func `our timestamps do not go back after a cookie`() throws {
    for milliseconds: Int64 in 0..<70 {
      let peer = try idle(.always)
      try peer.advances(by: .milliseconds(milliseconds))
      let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7), .sackPermitted]))
      let first = try #require(answer.timestamps?.value)
      peer.sends(.ack(seq: 100, ack: answer.end, options: [peer.stampNow]))
      let id = try #require(peer.appAccepts())
      try peer.appWrites(id, "x")
      let sent = try peer.expectsAtOnce(.data(seq: answer.end))
      let later = try #require(sent.timestamps?.value)
      #expect(Int32(bitPattern: later &- first) >= 0, "after \(milliseconds) ms")
      // Low bits hold the options, so the stamp may lag by a little more than they can count.
      #expect(Int32(bitPattern: later &- first) <= 128, "after \(milliseconds) ms")
    }
  }

  // SEC-19
  @Test func `an ACK without the timestamps of its SYN brings a connection without options`()
    throws
  {
    let peer = try idle(.always)
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7)]))
    peer.sends(.ack(seq: 100, ack: answer.end, window: 700))
    guard let row = peer.snapshot else {
      // Refusing it is as good.
      try peer.expectsAtOnce(.rst(seq: answer.end))
      return
    }
    #expect(row.sendWindow == 700)
    #expect(row.sendWindowShift == nil)
  }

  // SYS-23, SEC-19
  @Test func `with timestamps off a cookie has a segment size only`() throws {
    let peer = try idle(.always)
    peer.stack.settings.timestamps = .off
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7)]))
    #expect(answer.options.count == 1)
    peer.sends(.ack(seq: 100, ack: answer.end, window: 700))
    #expect(peer.snapshot?.sendWindow == 700)
  }

  // SEC-19, SYS-26
  @Test func `with window scaling off a cookie offers none`() throws {
    let peer = try idle(.always)
    peer.stack.settings.windowScaling = false
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7)]))
    #expect(answer.windowScale == nil)
    peer.sends(.ack(seq: 100, ack: answer.end, window: 700, options: [peer.stampNow]))
    #expect(peer.snapshot?.sendWindow == 700)
  }
}
