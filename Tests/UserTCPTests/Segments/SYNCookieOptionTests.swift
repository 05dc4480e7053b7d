// What a SYN cookie keeps of the options of a SYN: a segment size always, the rest in a timestamp if there is
// one (REQUIREMENTS SEC-18, SEC-19).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNCookieOptionTests {
  private static func stamped(_ others: [SegmentOption]) -> [SegmentOption] {
    [.maximumSegmentSize(1460)] + others + [.timestamps(1_000_000, 0)]
  }

  /// A connection by cookie, the client's ACK stamped if its SYN was.
  private func connection(
    _ options: [SegmentOption], window: UInt16 = 65_535
  ) throws -> (peer: ScriptedPeer, answer: Segment, id: ConnectionID) {
    let peer = try ScriptedPeer.listening(.always)
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
    let peer = try ScriptedPeer.listening(.always)
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
      let peer = try ScriptedPeer.listening(.always)
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

  // SEC-19, SYS-23
  @Test(arguments: [TimestampMode.randomOffset, .noOffset])
  func `our clock stays as it was when the cookie was sent`(_ mode: TimestampMode) throws {
    let peer = try ScriptedPeer.listening(.always)
    peer.stack.settings.timestamps = mode
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7), .sackPermitted]))
    let first = try #require(answer.timestamps?.value)
    peer.stack.settings.timestamps = mode == .noOffset ? .randomOffset : .noOffset
    try peer.advances(by: .seconds(50))
    peer.sends(.ack(seq: 100, ack: answer.end, options: [peer.stampNow]))
    let id = try #require(peer.appAccepts())
    #expect(peer.snapshot?.sendWindowShift == 7)
    try peer.appWrites(id, "x")
    let later = try #require(try peer.expectsAtOnce(.data(seq: answer.end)).timestamps?.value)
    #expect((50_000...50_128).contains(later &- first))
  }

  // SEC-19
  @Test func `an ACK without the timestamps of its SYN brings a connection without options`()
    throws
  {
    let peer = try ScriptedPeer.listening(.always)
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
    let peer = try ScriptedPeer.listening(.always)
    peer.stack.settings.timestamps = .off
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7)]))
    #expect(answer.options.count == 1)
    peer.sends(.ack(seq: 100, ack: answer.end, window: 700))
    #expect(peer.snapshot?.sendWindow == 700)
  }

  // SEC-19, SYS-26
  @Test func `with window scaling off a cookie offers none`() throws {
    let peer = try ScriptedPeer.listening(.always)
    peer.stack.settings.windowScaling = false
    let answer = try peer.takesCookie(options: Self.stamped([.windowScale(7)]))
    #expect(answer.windowScale == nil)
    peer.sends(.ack(seq: 100, ack: answer.end, window: 700, options: [peer.stampNow]))
    #expect(peer.snapshot?.sendWindow == 700)
  }
}
