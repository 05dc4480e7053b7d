// Timestamps and PAWS (RFC 7323 §3 to §5).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TimestampTests {
  static let options: [SegmentOption] = [.maximumSegmentSize(1460), .timestamps(1000, 0)]

  private func stamp(_ value: UInt32, _ echo: UInt32 = 0) -> [SegmentOption] {
    [.timestamps(value, echo)]
  }

  // TS-6, TS-7
  @Test func `a SYN offers timestamps with echo zero`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    #expect(syn.timestamps != nil)
    #expect(syn.timestamps?.echo == 0)
  }

  // TS-6
  @Test func `after both SYNs every segment carries timestamps`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: Self.options)
    #expect(c.stackSYN.timestamps?.echo == 1000)
    peer.stampsSegments = true
    try peer.appWrites(c.id, count: 5000)
    _ = try peer.acknowledges(&c, count: 5000)
    peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
    try peer.expects(.ack(ack: c.seq + 1))
    c.seq += 1
    _ = try peer.appReads(c.id)
    try peer.appConfigures(c.id) { options in
      options.keepAlive = KeepAlive()
      options.keepAlive!.idleSeconds = 5
    }
    let probe = try peer.expects(.ack(seq: c.ack - 1), within: .seconds(6))
    #expect(probe.timestamps != nil)
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.closesAfterStack(&c)
    #expect(peer.last?.segment?.timestamps != nil)
  }

  // TS-6, SYS-23
  @Test func `without timestamps on the SYN there are none ever`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    #expect(c.stackSYN.timestamps == nil)
    try peer.appWrites(c.id, count: 5000)
    _ = try peer.acknowledges(&c, count: 5000)
    try peer.closesAfterStack(&c)
  }

  // SYS-23
  @Test func `timestamps can be turned off`() throws {
    var settings = StackSettings()
    settings.timestamps = .off
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(options: Self.options)
    #expect(c.stackSYN.timestamps == nil)
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).timestamps == nil)
  }

  // TS-7
  @Test func `the echo of a SYN is not looked at`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99, options: [.timestamps(5, 0xDEAD_BEEF)]))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100)).timestamps?.echo == 5)
  }

  // TS-17
  @Test func `a reset echoes the timestamp of what it answers, and has no clock of its own`() throws
  {
    let peer = ScriptedPeer()
    peer.sends(.syn(seq: 99, options: Self.options))
    let answer = try peer.expectsAtOnce(.rstAck(ack: 100))
    #expect(answer.timestamps?.value == 0 && answer.timestamps?.echo == 1000)
    peer.sends(.ack(seq: 99, ack: 7, options: stamp(77, 3)))
    let second = try peer.expectsAtOnce(.rst(seq: 7))
    #expect(second.timestamps?.value == 0 && second.timestamps?.echo == 77)
    peer.sends(.ack(seq: 99, ack: 8))
    #expect(try peer.expectsAtOnce(.rst(seq: 8)).timestamps == nil)
  }

  // TS-17
  @Test func `a reset by the program carries timestamps like any segment`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    try peer.advances(by: .milliseconds(500))
    peer.appAborts(c.id)
    let reset = try peer.expectsAtOnce(.anyReset())
    let before = try #require(c.stackSYN.timestamps).value
    #expect(reset.timestamps?.value == before + 500)
    #expect(reset.timestamps?.echo == 1000)
  }

  // TS-8, DEC-4, DEC-9
  @Test(arguments: Profile.allCases)
  func `a segment without the negotiated timestamps is dropped in profile rfc, taken in linux`(
    _ profile: Profile
  ) throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: profile))
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    if profile == .rfc {
      try peer.expectsNothing()
      #expect(try peer.appReads(c.id) == [])
    } else {
      try peer.expects(.ack(ack: c.seq + 5))
      #expect(try peer.appReads(c.id) == Array("hello".utf8))
    }
    #expect(peer.state == .established)
  }

  // TS-8
  @Test func `a RST without timestamps is taken`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
  }

  // TS-9
  @Test func `timestamps that were not negotiated are ignored`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello", options: stamp(7)))
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "again", options: stamp(3)))
    let answer = try #require(try peer.takesSegments(for: .seconds(1)).last)
    #expect(answer.ack == c.seq + 10)
    #expect(answer.timestamps == nil)
    #expect(try peer.appReads(c.id) == Array("helloagain".utf8))
  }

  // TS-10
  @Test func `a delayed ACK echoes the earliest segment it acknowledges`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection(options: Self.options)
    let text = ScriptedPeer.pattern(1448)
    peer.sends(.data(seq: c.seq, ack: c.ack, text, options: stamp(1001)))
    try peer.expectsNothing(for: .milliseconds(1))
    peer.sends(.data(seq: c.seq + 1448, ack: c.ack, text, options: stamp(1002)))
    let answer = try peer.expectsAtOnce(.ack(ack: c.seq + 2896))
    #expect(answer.timestamps?.echo == 1001)
  }

  // TS-10
  @Test func `with a gap the last segment in order is echoed, then the one that fills it`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "A", options: stamp(1001)))
    #expect(try peer.expects(.ack(ack: c.seq + 1)).timestamps?.echo == 1001)
    peer.sends(.data(seq: c.seq + 2, ack: c.ack, "C", options: stamp(1003)))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq + 1)).timestamps?.echo == 1001)
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "B", options: stamp(1002)))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq + 3)).timestamps?.echo == 1002)
    peer.sends(.data(seq: c.seq + 4, ack: c.ack, "E", options: stamp(1005)))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq + 3)).timestamps?.echo == 1002)
    peer.sends(.data(seq: c.seq + 3, ack: c.ack, "D", options: stamp(1004)))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq + 5)).timestamps?.echo == 1004)
  }

  // TS-12
  @Test func `a segment with an older timestamp is answered and dropped`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "new", options: stamp(2000)))
    try peer.expects(.ack(ack: c.seq + 3))
    peer.sends(.data(seq: c.seq + 3, ack: c.ack, "old", options: stamp(1999)))
    let answer = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 3))
    #expect(answer.timestamps?.echo == 2000)
    #expect(peer.stack.counters.tcp.pawsRejected == 1)
    #expect(try peer.appReads(c.id) == Array("new".utf8))
  }

  // TS-12
  @Test func `PAWS comes before the FIN and SYN checks`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "new", options: stamp(2000)))
    try peer.expects(.ack(ack: c.seq + 3))
    peer.sends(.fin(seq: c.seq + 3, ack: c.ack, options: stamp(1999)))
    _ = try peer.takesAll()
    #expect(peer.state == .established)
  }

  // TS-12, TS-16
  @Test func `timestamps compare modulo 2^32`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [
      .maximumSegmentSize(1460), .timestamps(0xFFFF_FFFE, 0),
    ])
    peer.sends(.data(seq: c.seq, ack: c.ack, "a", options: stamp(0xFFFF_FFFF)))
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "b", options: stamp(0)))
    peer.sends(.data(seq: c.seq + 2, ack: c.ack, "c", options: stamp(5)))
    let answer = try #require(try peer.takesSegments(for: .seconds(1)).last)
    #expect(answer.ack == c.seq + 3)
    #expect(answer.timestamps?.echo == 5)
    peer.sends(.data(seq: c.seq + 3, ack: c.ack, "d", options: stamp(0xFFFF_FFF0)))
    try peer.expectsAtOnce(.ack(ack: c.seq + 3))
    #expect(try peer.appReads(c.id) == Array("abc".utf8))
  }

  // TS-13
  @Test func `a RST with an old timestamp resets`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "new", options: stamp(2000)))
    try peer.expects(.ack(ack: c.seq + 3))
    peer.sends(.rst(seq: c.seq + 3, options: stamp(1)))
    #expect(peer.state == .closed)
  }

  // TS-13
  @Test func `the timestamp of a RST that is not taken updates nothing`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.rst(seq: c.seq + 5, options: stamp(9000)))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq)).timestamps?.echo == 1000)
    peer.sends(.data(seq: c.seq, ack: c.ack, "fine", options: stamp(1001)))
    try peer.expects(.ack(ack: c.seq + 4))
  }

  // TS-14
  @Test func `queued segments are not checked again when the gap closes`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "C", options: stamp(1001)))
    try peer.expectsAtOnce(.ack(ack: c.seq))
    peer.sends(.data(seq: c.seq, ack: c.ack, "B", options: stamp(1002)))
    try peer.expectsAtOnce(.ack(ack: c.seq + 2))
    #expect(try peer.appReads(c.id) == Array("BC".utf8))
  }

  // TS-15
  @Test func `after 25 days of silence an old timestamp is accepted`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    try peer.expectsNothing(for: .seconds(25 * 86_400))
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello", options: stamp(1)))
    let answer = try peer.expects(.ack(ack: c.seq + 5))
    #expect(answer.timestamps?.echo == 1)
  }

  // TS-16
  @Test func `the timestamp clock ticks a thousand times a second`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "a", options: stamp(1001)))
    let first = try #require(try peer.expectsAtOnce(.ack()).timestamps?.value)
    try peer.advances(by: .seconds(10))
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "b", options: stamp(1002)))
    let second = try #require(try peer.expectsAtOnce(.ack()).timestamps?.value)
    #expect(second &- first == 10_000)
    try peer.advances(by: .milliseconds(1))
    peer.sends(.data(seq: c.seq + 2, ack: c.ack, "c", options: stamp(1003)))
    let third = try #require(try peer.expectsAtOnce(.ack()).timestamps?.value)
    #expect(third &- second == 1)
  }

  // TS-16
  @Test func `our timestamps pass 2^32 without harm`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: Self.options)
    let start = try #require(c.stackSYN.timestamps?.value)
    // To just before the wrap, in steps short enough to stay unambiguous.
    var left = Int64(UInt32.max - start)
    peer.stampsSegments = true
    while left > 0 {
      let step = min(left, 1 << 30)
      try peer.advances(by: .milliseconds(step))
      left -= step
      peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
      c.seq += 1
      try peer.expects(.ack(ack: c.seq))
    }
    try peer.advances(by: .milliseconds(2))
    try peer.appWrites(c.id, "after")
    let segment = try peer.expectsAtOnce(.data(seq: c.ack, length: 5))
    #expect((segment.timestamps?.value ?? .max) < 1000)
    try peer.advances(by: .milliseconds(50))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    #expect((peer.snapshot?.smoothedRoundTripTime ?? .forever) < .seconds(1))
  }

  // R9293-MUST-18
  @Test func `an ACK that acknowledges nothing new is no sample`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(100), options: Self.options)
    try peer.appWrites(c.id, count: 3000)
    let sent = try #require(try peer.takesSegments().first?.timestamps?.value)
    try peer.advances(by: .milliseconds(100))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1448, options: stamp(1001, sent)))
    let before = try #require(peer.snapshot).smoothedRoundTripTime
    #expect(abs(before.nanoseconds - 100_000_000) < 2_000_000)
    try peer.advances(by: .milliseconds(90))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1448, options: stamp(1002, sent)))
    #expect(peer.snapshot?.smoothedRoundTripTime == before)
  }

  // SEC-13
  @Test func `two peers see different timestamp offsets`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.options)
    peer.port = 40_001
    let d = try peer.opensConnection(options: Self.options)
    #expect(c.stackSYN.timestamps?.value != d.stackSYN.timestamps?.value)
  }
}
