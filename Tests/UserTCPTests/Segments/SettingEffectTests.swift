// Every knob that has no file of its own, turned on a running stack: what it changes, seen on the wire
// in virtual time (REQUIREMENTS SYS-11, SYS-13, SYS-14, SYS-17, SYS-20, SYS-23, SYS-26, SYS-33, SYS-38).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SettingEffectTests {
  // SYS-33, R9293-MUST-49
  @Test(arguments: [UInt8(1), 64, 128, 255])
  func `the default TTL acts at once`(_ value: UInt8) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "a")
    try peer.expectsAtOnce(.data(seq: c.ack))
    #expect(peer.last?.ip.timeToLive == 64)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    peer.stack.settings.timeToLive = value
    try peer.appWrites(c.id, "b")
    try peer.expectsAtOnce(.data(seq: c.ack + 1))
    #expect(peer.last?.ip.timeToLive == value)
    peer.sends(.ack(seq: 5, ack: 6).to(port: 9))
    try peer.expectsAtOnce(.rst())
    #expect(peer.last?.ip.timeToLive == value)
    peer.sends(.echoRequest(identifier: 1, sequence: 1, []))
    try peer.expectsICMP(type: 0, within: .zero)
    #expect(peer.last?.ip.timeToLive == value)
  }

  // SYS-33
  @Test func `a connection's own TTL goes before the default`() throws {
    var options = ConnectionOptions()
    options.timeToLive = 7
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options)
    peer.stack.settings.timeToLive = 99
    try peer.appWrites(c.id, "a")
    try peer.expectsAtOnce(.data(seq: c.ack))
    #expect(peer.last?.ip.timeToLive == 7)
  }

  // SYS-11
  @Test func `the number of SYNs acts on the next open`() throws {
    let peer = ScriptedPeer()
    peer.stack.settings.synRetries = 2
    peer.stack.settings.synLinearTimeouts = 0
    let id = try peer.appConnects()
    _ = try peer.takesAll()
    #expect(try peer.takesSegments(for: .milliseconds(6_900)).count == 2)
    #expect(peer.stack.outcome(id) == nil)
    try peer.expectsNothing(for: .milliseconds(200))
    #expect(peer.stack.outcome(id) == .timedOut)
    peer.stack.settings.synLinearTimeouts = 3
    let other = try peer.appConnects()
    // At 1, 2, 3, 4 and 6 seconds, given up at 10.
    #expect(try peer.takesSegments(for: .milliseconds(9_900)).count == 6)
    try peer.expectsNothing(for: .milliseconds(200))
    #expect(peer.stack.outcome(other) == .timedOut)
  }

  // SYS-13, R9293-MUST-20
  @Test(arguments: [1, 2, 5])
  func `the program is told of a doubtful path at R1, whatever it is set to`(_ retries: Int) throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    peer.stack.settings.retries1 = retries
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    for expiry in 1...retries {
      #expect(!peer.takeEvents(c.id).contains(.softError), "told before retransmission \(expiry)")
      try peer.expects(.data(seq: c.ack), within: .seconds(20))
    }
    _ = try peer.takesSegments(for: .milliseconds(1))
    // Told with that retransmission or, at the latest, when it was in vain.
    if !peer.takeEvents(c.id).contains(.softError) {
      try peer.expects(.data(seq: c.ack), within: .seconds(20))
      #expect(peer.takeEvents(c.id).contains(.softError))
    }
    #expect(peer.stack.takeSoftError(c.id) == .timedOut)
    #expect(peer.state == .established)
  }

  // SYS-14, CNT-6
  @Test(arguments: [(3, 3), (5, 12), (8, 102)])
  func `a connection ends when R2 says so, whatever it is set to`(
    _ retries: Int, _ seconds: Int
  ) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    peer.stack.settings.retries2 = retries
    let start = peer.now
    while peer.stack.outcome(c.id) == nil {
      for segment in try peer.takesSegments(for: .milliseconds(100)) {
        #expect(!segment.flags.contains(.rst))
      }
      try peer.requires(peer.now < start + .seconds(1000), "R2 never passes")
    }
    #expect(peer.stack.outcome(c.id) == .timedOut)
    #expect(peer.stack.counters.tcp.abortsOnTimeout == 1)
    // 0.2 s doubled `retries` times is the least; the first RTO beyond it ends the connection.
    let lasted = Int((peer.now - start).nanoseconds / 1_000_000_000)
    #expect(lasted >= seconds)
    #expect(lasted <= 2 * seconds + 2)
  }

  private func followingSettings(_ settings: KeepAlive) throws -> (ScriptedPeer, ScriptedConnection)
  {
    var options = ConnectionOptions()
    options.followsKeepAliveSettings = true
    let peer = ScriptedPeer(settings: .changed { $0.keepAlive = settings })
    return (peer, try peer.opensConnection(connectionOptions: options))
  }

  private func keepAlive(_ idle: UInt32, every interval: UInt16, probes: UInt8) -> KeepAlive {
    var keepAlive = KeepAlive()
    keepAlive.idleSeconds = idle
    keepAlive.intervalSeconds = interval
    keepAlive.probes = probes
    return keepAlive
  }

  // SYS-20
  @Test func `keep-alive times act on connections that follow them`() throws {
    let (peer, c) = try followingSettings(keepAlive(10, every: 5, probes: 3))
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(10))
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    peer.stack.settings.keepAlive = keepAlive(30, every: 2, probes: 2)
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(30))
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(2))
    try peer.expects(.anyReset(seq: c.ack), after: .seconds(2))
    #expect(peer.stack.outcome(c.id) == .timedOut)
  }

  // SYS-20
  @Test func `a shorter keep-alive time acts within the longer one`() throws {
    let (peer, c) = try followingSettings(keepAlive(60, every: 5, probes: 3))
    try peer.advances(by: .seconds(1))
    peer.stack.settings.keepAlive = keepAlive(20, every: 5, probes: 3)
    peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
    _ = try peer.takesAll(for: .milliseconds(100))
    try peer.expectsNothing(for: .milliseconds(19_800))
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq + 1), within: .seconds(41))
  }

  /// The stack's timestamp clocks as two hosts see them at the same time.
  private func clocks(_ mode: TimestampMode) throws -> [UInt32] {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.stack.settings.timestamps = mode
    return try [IPv4Address(192, 0, 2, 50), IPv4Address(192, 0, 2, 51)].map { host in
      peer.sends(
        .syn(seq: 100, options: [.maximumSegmentSize(1460), .timestamps(5, 0)]), from: host)
      let answer = try peer.expectsAtOnce(.synAck(ack: 101))
      return try #require(answer.timestamps).value
    }
  }

  // SYS-23, SEC-13
  @Test func `timestamps count from a random offset for each pair, or from none`() throws {
    let random = try clocks(.randomOffset)
    #expect(random[0] != random[1])
    let plain = try clocks(.noOffset)
    #expect(plain[0] == plain[1])
    #expect(plain[0] != random[0])
  }

  // SYS-23, TS-6
  @Test func `a running connection keeps its timestamps when new ones get none`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .timestamps(5, 0)])
    let first = try #require(c.stackSYN.timestamps?.value)
    for mode in [TimestampMode.noOffset, .off] {
      peer.stack.settings.timestamps = mode
      try peer.appWrites(c.id, "x")
      let sent = try peer.expectsAtOnce(.data())
      let value = try #require(sent.timestamps?.value)
      #expect(value &- first < 1000, "the clock jumped")
      peer.sends(.ack(seq: c.seq, ack: sent.end, options: [.timestamps(6, value)]))
    }
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).timestamps == nil)
  }

  // SYS-23
  @Test func `without an offset the clock of an active open agrees too`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.timestamps = .noOffset })
    _ = try peer.appConnects()
    let first = try #require(try peer.expectsAtOnce(.syn()).timestamps?.value)
    _ = try peer.appConnects(to: Endpoint(IPv4Address(192, 0, 2, 9), 80))
    #expect(try peer.expectsAtOnce(.syn()).timestamps?.value == first)
  }

  // SYS-26
  @Test func `window scaling is turned off for new connections only`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(3)])
    #expect(c.stackSYN.windowScale != nil)
    peer.stack.settings.windowScaling = false
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    #expect(peer.snapshot?.sendWindow == 800)
    peer.port = 40_001
    let other = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(3)])
    #expect(other.stackSYN.windowScale == nil)
    #expect(peer.snapshot?.sendWindow == 65_535)
  }

  // SYS-38, R9293-MUST-62
  @Test func `with stdurg the pointer received names the last urgent octet`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "0123456789").urgent(upTo: 3))
    #expect(peer.stack.urgentBytes(c.id) == 3)
    #expect(try peer.appReads(c.id).count == 10)
    c.seq += 10
    peer.stack.settings.urgentPointsToLast = true
    peer.sends(.data(seq: c.seq, ack: c.ack, "0123456789").urgent(upTo: 3))
    #expect(peer.takeEvents(c.id).contains(.urgent))
    #expect(peer.stack.urgentBytes(c.id) == 4)
  }

  // SYS-38
  @Test func `with stdurg a pointer of zero names the first octet`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.urgentPointsToLast = true })
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "01").urgent(upTo: 0))
    #expect(peer.stack.urgentBytes(c.id) == 1)
  }

  // SYS-38
  @Test func `with stdurg the pointer sent names the last urgent octet`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.stack.settings.urgentPointsToLast = true
    try peer.appWrites(c.id, "12345", urgent: true)
    #expect(try peer.expectsAtOnce(.urgent(seq: c.ack, length: 5)).urgentPointer == 4)
  }
}
