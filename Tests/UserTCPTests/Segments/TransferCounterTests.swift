// One script per counter of how connections end, recover and receive (REQUIREMENTS CNT-5 to CNT-7).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct AbortCounterTests {
  /// Counters of aborts in the order data, close, memory, timeout, linger.
  private func aborts(_ peer: ScriptedPeer) -> [UInt64] {
    [
      peer.tcp.abortsOnData, peer.tcp.abortsOnClose, peer.tcp.abortsOnMemory,
      peer.tcp.abortsOnTimeout, peer.tcp.abortsOnLinger,
    ]
  }

  // CNT-6, LC-19
  @Test func `TCPAbortOnData counts an abort by the program`() throws {
    let peer = ScriptedPeer()
    peer.appAborts(try peer.opensConnection().id)
    #expect(aborts(peer) == [1, 0, 0, 0, 0])
  }

  // CNT-6
  @Test func `TCPAbortOnData counts text that comes after the close`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    peer.sends(.data(seq: c.seq, ack: c.ack + 1, "late"))
    #expect(peer.state == .closed)
    #expect(aborts(peer) == [1, 0, 0, 0, 0])
  }

  // CNT-6, R9293-SHLD-3
  @Test func `TCPAbortOnClose counts a close with unread text`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "unread"))
    peer.appCloses(c.id)
    #expect(aborts(peer) == [0, 1, 0, 0, 0])
  }

  // CNT-6
  @Test func `TCPAbortOnTimeout counts what R2 or keep-alive ended`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    _ = try peer.takesAll(for: .seconds(1_100))
    #expect(aborts(peer) == [0, 0, 0, 1, 0])
    peer.port = 40_001
    var options = ConnectionOptions()
    options.keepAlive = KeepAlive()
    let other = try peer.opensConnection()
    try peer.appConfigures(other.id) { $0 = options }
    _ = try peer.takesAll(for: .seconds(8_000))
    #expect(peer.stack.outcome(other.id) == .timedOut)
    #expect(aborts(peer) == [0, 0, 0, 2, 0])
  }

  // CNT-6
  @Test func `an orderly close counts as no abort`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    #expect(aborts(peer) == [0, 0, 0, 0, 0])
    #expect(peer.tcp.resetsOut == 0)
  }
}

@Suite struct RecoveryCounterTests {
  /// A connection with `count` segments of 1,000 octets in flight.
  private func inFlight(_ count: Int) throws -> (ScriptedPeer, ScriptedConnection) {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(
      roundTrip: .milliseconds(1), options: [.maximumSegmentSize(1000)])
    try peer.appWrites(c.id, count: count * 1000)
    #expect(try peer.takesSegments().count == count)
    return (peer, c)
  }

  // CNT-5
  @Test func `TCPFastRetrans and TCPRenoRecovery count a loss seen by duplicate ACKs`() throws {
    let (peer, c) = try inFlight(8)
    for _ in 0..<5 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    #expect(peer.tcp.fastRecoveries == 1)
    #expect(peer.tcp.fastRetransmissions == 1)
    #expect(peer.tcp.retransmissions == 1)
    #expect(peer.tcp.timeouts == 0)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 8000))
    #expect(peer.tcp.fastRecoveries == 1)
  }

  // CNT-5
  @Test func `TCPSlowStartRetrans counts what a timeout's slow start sends again`() throws {
    let (peer, c) = try inFlight(6)
    try peer.expects(.data(seq: c.ack, length: 1000), within: .seconds(1))
    #expect(peer.tcp.timeouts == 1)
    #expect(peer.tcp.slowStartRetransmissions == 0)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000))
    let again = try peer.takesSegments().count { $0.seq - c.ack < 6000 }
    #expect(again >= 1)
    #expect(peer.tcp.slowStartRetransmissions == UInt64(again))
    #expect(peer.tcp.fastRetransmissions == 0)
    #expect(peer.tcp.retransmissions == UInt64(again + 1))
  }

  // CNT-7
  @Test func `TCPKeepAlive counts keep-alive probes and TCPWinProbe window probes`() throws {
    let peer = ScriptedPeer()
    var options = ConnectionOptions()
    options.keepAlive = KeepAlive()
    options.keepAlive?.idleSeconds = 10
    let c = try peer.opensConnection(connectionOptions: options)
    try peer.expects(.ack(seq: c.ack - 1), within: .seconds(11))
    #expect(peer.tcp.keepAliveProbes == 1)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    try peer.appWrites(c.id, "hello")
    _ = try peer.takesAll(for: .seconds(1))
    #expect(peer.tcp.windowProbes >= 1)
    #expect(peer.tcp.keepAliveProbes == 1)
  }
}

@Suite struct ArrivalCounterTests {
  // CNT-7
  @Test func `DelayedACKs counts ACKs that waited`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    #expect(peer.tcp.delayedACKs == 0)
    try peer.expects(.ack(ack: c.seq + 5))
    #expect(peer.tcp.delayedACKs == 1)
    #expect(peer.tcp.delayedACKsLost == 0)
  }

  // CNT-7
  @Test func `DelayedACKLost counts text that the peer sent although it was acknowledged`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expects(.ack(ack: c.seq + 5))
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsAtOnce(.ack(ack: c.seq + 5))
    #expect(peer.tcp.delayedACKsLost == 1)
  }

  // CNT-7
  @Test func `TCPPureAcks counts ACKs without text`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let before = peer.tcp.pureACKs
    try peer.appWrites(c.id, "hello")
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    #expect(peer.tcp.pureACKs == before + 1)
    peer.sends(.data(seq: c.seq, ack: c.ack + 5, "x"))
    #expect(peer.tcp.pureACKs == before + 1)
  }

  // CNT-7
  @Test func `TCPOFOQueue counts segments that came before their turn`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "world"))
    #expect(peer.tcp.outOfOrderQueued == 1)
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    #expect(peer.tcp.outOfOrderQueued == 1)
    #expect(try peer.appReads(c.id) == Array("helloworld".utf8))
  }

  // CNT-7
  @Test func `TCPToZeroWindowAdv and TCPFromZeroWindowAdv count our window closing and opening`()
    throws
  {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
    var c = try peer.opensConnection()
    #expect(peer.tcp.windowsShutByUs == 0)
    try peer.fillsReceiveWindow(&c)
    #expect(peer.tcp.windowsShutByUs == 1)
    #expect(peer.tcp.windowsOpenedByUs == 0)
    #expect(try peer.appReads(c.id).count == 2920)
    try peer.expects(.ack(ack: c.seq))
    #expect(peer.tcp.windowsShutByUs == 1)
    #expect(peer.tcp.windowsOpenedByUs == 1)
  }
}
