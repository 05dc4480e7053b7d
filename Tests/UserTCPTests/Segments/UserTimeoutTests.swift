// The user timeout option (RFC 5482): what is told to the peer, and what is made of what the peer tells.

import Testing
import UserTCPSimulation

@testable import UserTCP

extension SegmentOption {
  fileprivate static func userTimeout(seconds: UInt16) -> SegmentOption {
    .other(kind: 28, [UInt8(seconds >> 8), UInt8(seconds & 0xFF)])
  }
  fileprivate static func userTimeout(minutes: UInt16) -> SegmentOption {
    userTimeout(seconds: 0x8000 | minutes)
  }
}

extension Segment {
  /// As on the wire.
  fileprivate var userTimeout: UInt16? {
    for case .other(28, let data) in options where data.count == 2 {
      return UInt16(data[0]) << 8 | UInt16(data[1])
    }
    return nil
  }
}

@Suite struct UserTimeoutTests {
  /// R2 is 3 s, so that what is adopted shows.
  private func peer(limit: Interval = .seconds(2000)) -> ScriptedPeer {
    ScriptedPeer(
      settings: .changed {
        $0.userTimeoutLimit = limit
        $0.retries2 = 3
      })
  }

  private func options(_ timeout: Interval) -> ConnectionOptions {
    var options = ConnectionOptions()
    options.userTimeout = timeout
    return options
  }

  /// Whole seconds after which text that nobody acknowledges ends the connection.
  private func patience(_ peer: ScriptedPeer, _ c: ScriptedConnection) throws -> Int64 {
    try peer.appWrites(c.id, "hello")
    let start = peer.now
    while peer.stack.outcome(c.id) == nil {
      try peer.takesAll(for: .milliseconds(500))
      try peer.requires(peer.now < start + .seconds(5000), "it never gives up")
    }
    #expect(peer.stack.outcome(c.id) == .timedOut)
    return (peer.now - start).nanoseconds / 1_000_000_000
  }

  private func opens(
    _ peer: ScriptedPeer, _ option: SegmentOption?, _ options: ConnectionOptions = .init()
  ) throws -> ScriptedConnection {
    let all = [.maximumSegmentSize(1460)] + (option.map { [$0] } ?? [])
    let c = try peer.opensConnection(
      roundTrip: .milliseconds(1), options: all, connectionOptions: options)
    _ = try peer.takesAll()
    return c
  }

  // UTO-1
  @Test func `off by default the option is neither sent nor heeded`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.retries2 = 3 })
    let c = try opens(peer, .userTimeout(seconds: 1000))
    #expect(c.stackSYN.userTimeout == nil)
    peer.sends(
      .data(seq: c.seq, ack: c.ack, "x", options: [.userTimeout(seconds: 1000)]))
    #expect(try peer.takesSegments(for: .seconds(1)).allSatisfy { $0.userTimeout == nil })
    #expect(try patience(peer, c) < 10)
    #expect(peer.stack.counters.tcp.userTimeoutsReceived == 0)
  }

  // UTO-1
  @Test func `a passive open tells its timeout on the SYN-ACK and on the first segment after it`()
    throws
  {
    let peer = peer()
    try peer.appListens(options: options(.seconds(300)))
    peer.sends(.syn(seq: 99))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(answer.userTimeout == 300)
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(try peer.expectsAtOnce(.ack(seq: answer.end)).userTimeout == 300)
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, "hello")
    #expect(try peer.expectsAtOnce(.data()).userTimeout == nil)
  }

  // UTO-1
  @Test func `an active open tells its timeout on the SYN and on the first ACK`() throws {
    let peer = peer()
    let id = try peer.appConnects(options: options(.seconds(40_000)))
    let syn = try peer.expectsAtOnce(.syn())
    let told: UInt16 = 0x8000 | 667  // 40,000 seconds need minutes, rounded up
    #expect(syn.userTimeout == told)
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.synAck(seq: 99, ack: syn.end))
    #expect(try peer.expectsAtOnce(.ack(seq: syn.end)).userTimeout == told)
    try peer.appWrites(id, "hello")
    #expect(try peer.expectsAtOnce(.data()).userTimeout == nil)
  }

  // UTO-1
  @Test func `a change goes out on the next small segment, or alone`() throws {
    let peer = peer()
    var c = try opens(peer, nil)
    try peer.appConfigures(c.id) { $0.userTimeout = .seconds(120) }
    #expect(try peer.expectsAtOnce(.ack(seq: c.ack)).userTimeout == 120)
    // Text and change in one turn.
    try peer.stack.configure(c.id) { $0.userTimeout = .seconds(130) }
    try peer.appWrites(c.id, "hello")
    #expect(try peer.expectsAtOnce(.data(seq: c.ack, length: 5)).userTimeout == 130)
    c.ack += 5
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.stack.configure(c.id) { $0.userTimeout = .seconds(140) }
    // A full segment has no room for it.
    try peer.appWrites(c.id, count: 1460)
    #expect(try peer.expectsAtOnce(.data(seq: c.ack, length: 1460)).userTimeout == nil)
    #expect(try peer.expectsAtOnce(.ack(seq: c.ack + 1460)).userTimeout == 140)
    // Nothing has changed, nothing is told.
    try peer.appConfigures(c.id) { $0.noDelay = true }
    #expect(try peer.takesSegments().isEmpty)
  }

  // UTO-1: USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))
  @Test(
    arguments: [
      (.userTimeout(seconds: 1), 100), (.userTimeout(seconds: 400), 400),
      (.userTimeout(minutes: 10), 600), (.userTimeout(minutes: 0x7FFF), 2000),
    ] as [(SegmentOption, Int64)])
  func `the peer's timeout is adopted between 100 seconds and our limit`(
    option: SegmentOption, seconds: Int64
  ) throws {
    for onSYN in [true, false] {
      let peer = peer()
      let c = try opens(peer, onSYN ? option : nil)
      if !onSYN { peer.sends(.ack(seq: c.seq, ack: c.ack, options: [option])) }
      #expect(peer.stack.counters.tcp.userTimeoutsReceived == 1)
      #expect(peer.snapshot?.userTimeout == .seconds(seconds))
      let waited = try patience(peer, c)
      #expect((seconds...seconds + 1).contains(waited), "\(waited) s")
    }
  }

  // UTO-1
  @Test func `an active open adopts what the SYN-ACK says`() throws {
    let peer = peer()
    let c = try peer.answersConnection(
      options: [.maximumSegmentSize(1460), .userTimeout(seconds: 300)])
    #expect(peer.stack.snapshot(c.id)?.userTimeout == .seconds(300))
  }

  // UTO-1, R9293-MUST-21
  @Test func `a timeout that the program has set wins`() throws {
    let peer = peer()
    let c = try opens(peer, .userTimeout(seconds: 400), options(.seconds(5)))
    #expect(try (5...6).contains(patience(peer, c)))
  }

  // UTO-1
  @Test func `a timeout of zero is counted and not used`() throws {
    for option in [SegmentOption.userTimeout(seconds: 0), .userTimeout(minutes: 0)] {
      let peer = peer()
      let c = try opens(peer, option)
      peer.sends(.ack(seq: c.seq, ack: c.ack, options: [option]))
      #expect(peer.stack.counters.tcp.userTimeoutsRefused == 2)
      #expect(peer.stack.counters.tcp.userTimeoutsReceived == 0)
      #expect(try patience(peer, c) < 10)
    }
    // None of ours is zero either.
    #expect(UserTimeoutOption(.zero).rawValue == 1)
    #expect(UserTimeoutOption(.forever).rawValue == 0xFFFF)
  }

  // UTO-1
  @Test func `an option of another length is skipped`() throws {
    let peer = peer()
    let c = try opens(peer, .other(kind: 28, [1]))
    peer.sends(.ack(seq: c.seq, ack: c.ack, options: [.other(kind: 28, [1, 2, 3])]))
    #expect(peer.snapshot?.userTimeout == nil)
    #expect(peer.stack.counters.tcp.userTimeoutsReceived == 0)
  }

  // UTO-1, SYS-16
  @Test func `no peer makes an orphan wait`() throws {
    let peer = peer(limit: .seconds(100_000))
    let c = try opens(peer, .userTimeout(minutes: 1000))
    try peer.appWrites(c.id, "hello")
    peer.appCloses(c.id)
    _ = try peer.takesSegments(for: .seconds(400))
    #expect(peer.stack.connectionCount == 0)
  }

  // UTO-1: RFC 5482 §4.2
  @Test func `keep-alive does not end a connection before the timeout that was adopted`() throws {
    let peer = peer()
    var options = ConnectionOptions()
    var keepAlive = KeepAlive()
    keepAlive.idleSeconds = 60
    options.keepAlive = keepAlive
    let c = try opens(peer, .userTimeout(seconds: 400), options)
    try peer.expectsNothing(for: .seconds(400))
    try peer.expects(.ack(seq: c.ack - 1), within: .seconds(2))
  }

  // UTO-1
  @Test func `the option leaves room for SACK blocks on an ACK`() throws {
    let peer = peer()
    peer.stampsSegments = true
    let c = try peer.opensConnection(
      options: [.maximumSegmentSize(1460), .sackPermitted, .timestamps(1, 0)])
    _ = try peer.takesAll()
    for index in [1, 3, 5] {
      peer.sends(.data(seq: c.seq + index * 100, ack: c.ack, ScriptedPeer.pattern(100)))
    }
    _ = try peer.takesAll()
    try peer.stack.configure(c.id) { $0.userTimeout = .seconds(200) }
    peer.sends(.data(seq: c.seq + 700, ack: c.ack, ScriptedPeer.pattern(100)))
    let ack = try peer.expectsAtOnce(.ack(ack: c.seq))
    #expect(ack.userTimeout == 200)
    #expect(ack.sackBlocks.count == 2)
  }

  @Test func `a timeout survives the wire`() {
    for seconds: Int64 in [1, 99, 32_767] {
      #expect(UserTimeoutOption(.seconds(seconds)).interval == .seconds(seconds))
    }
    #expect(UserTimeoutOption(.seconds(32_768)).interval == .seconds(547 * 60))
    #expect(UserTimeoutOption(.milliseconds(1_500)).interval == .seconds(2))
  }
}
