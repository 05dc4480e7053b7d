// One script per counter of `/proc/net/snmp` and `/proc/net/netstat`: what must happen for it to count,
// and that it counts once (REQUIREMENTS CNT-2 to CNT-7). Counters of SYN cookies, of the accept queue, of
// TIME-WAIT's limit, of orphans and of answers kept back are in the files about those.

import Testing
import UserTCP
import UserTCPSimulation

extension ScriptedPeer {
  fileprivate var tcp: TCPCounters { stack.counters.tcp }
  /// `CurrEstab`.
  fileprivate var established: Int {
    stack.stateCounts[.established] + stack.stateCounts[.closeWait]
  }
}

@Suite struct OpenCounterTests {
  // CNT-2
  @Test func `ActiveOpens counts opens that sent a SYN`() throws {
    let peer = ScriptedPeer()
    _ = try peer.answersConnection()
    #expect(peer.tcp.activeOpens == 1)
    _ = try peer.appConnects()
    #expect(peer.tcp.activeOpens == 2)
    #expect(throws: TCPError.self) {
      try peer.appConnects(to: Endpoint(IPv4Address.limitedBroadcast, 80))
    }
    #expect(peer.tcp.activeOpens == 2)
    #expect(peer.tcp.passiveOpens == 0)
  }

  // CNT-2
  @Test func `PassiveOpens counts connections that a listener got`() throws {
    let peer = ScriptedPeer()
    _ = try peer.opensConnection()
    #expect(peer.tcp.passiveOpens == 1)
    peer.port = 40_001
    _ = try peer.opensConnection()
    #expect(peer.tcp.passiveOpens == 2)
    #expect(peer.tcp.activeOpens == 0)
  }

  // CNT-2, SEC-17
  @Test func `PassiveOpens counts connections that came by cookie`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .always })
    try peer.appListens()
    let answer = try peer.takesCookie()
    #expect(peer.tcp.passiveOpens == 0)
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.tcp.passiveOpens == 1)
  }

  // CNT-2
  @Test func `AttemptFails counts opens that were refused, gave up or were reset half way`() throws
  {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.synRetries = 1
        $0.synLinearTimeouts = 0
      })
    let (_, syn) = try peer.takesSYNOfProgram()
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    #expect(peer.tcp.attemptFails == 1)
    _ = try peer.takesSYNOfProgram()
    _ = try peer.takesAll(for: .seconds(10))
    #expect(peer.tcp.attemptFails == 2)
    peer.stackPort = 80
    try peer.appListens()
    try peer.opensHalf(ports: 7...7)
    peer.sends(.rst(seq: 101).from(port: 7))
    #expect(peer.tcp.attemptFails == 3)
    #expect(peer.tcp.establishedResets == 0)
  }

  // CNT-2
  @Test func `AttemptFails counts a half-open connection that nobody completes`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.synAckRetries = 1 })
    try peer.appListens()
    try peer.opensHalf(ports: 1...3)
    _ = try peer.takesAll(for: .seconds(10))
    #expect(peer.stack.halfOpenCount == 0)
    #expect(peer.tcp.attemptFails == 3)
  }

  // CNT-2, CNT-5
  @Test func `a repeated SYN-ACK counts as a retransmission`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    try peer.opensHalf(ports: 1...1)
    #expect(try peer.takesSegments(for: .milliseconds(3_500)).count == 2)
    #expect(peer.tcp.retransmissions == 2)
    #expect(peer.tcp.segmentsOut == 1)
  }

  // CNT-5
  @Test func `TCPSynRetrans counts SYNs sent again`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects()
    _ = try peer.takesAll(for: .milliseconds(2_500))
    #expect(peer.tcp.synRetransmissions == 2)
    #expect(peer.tcp.retransmissions == 2)
    #expect(peer.tcp.segmentsOut == 1)
  }

  // CNT-3
  @Test func `PAWSActive counts SYN-ACKs that echo a timestamp we did not send`() throws {
    let peer = ScriptedPeer()
    let (_, syn) = try peer.takesSYNOfProgram()
    let value = try #require(syn.timestamps?.value)
    peer.sends(
      .synAck(seq: 9, ack: syn.end, options: [.timestamps(5, value &+ 10_000_000)]))
    #expect(peer.state != .established)
    #expect(peer.tcp.pawsRejectedInSynSent == 1)
    #expect(peer.tcp.pawsRejected == 0)
  }
}

@Suite struct SegmentCounterTests {
  // CNT-2
  @Test(arguments: [TCPState.established, .closeWait])
  func `EstabResets counts resets in ESTABLISHED and CLOSE-WAIT`(_ state: TCPState) throws {
    for isOurs in [false, true] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      if isOurs { peer.appAborts(c.id) } else { peer.sends(.rst(seq: c.seq)) }
      #expect(peer.tcp.establishedResets == 1)
      #expect(peer.tcp.attemptFails == 0)
    }
  }

  // CNT-2
  @Test(arguments: [TCPState.finWait1, .finWait2, .closing, .lastAck, .timeWait])
  func `EstabResets does not count resets in later states`(_ state: TCPState) throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(state, &c)
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
    #expect(peer.tcp.establishedResets == 0)
  }

  // CNT-2
  @Test func `CurrEstab is the number of connections in ESTABLISHED and CLOSE-WAIT`() throws {
    let peer = ScriptedPeer()
    #expect(peer.established == 0)
    var first = try peer.opensConnection()
    peer.port = 40_001
    let second = try peer.opensConnection()
    #expect(peer.established == 2)
    peer.port = 40_000
    try peer.reaches(.closeWait, &first)
    #expect(peer.established == 2)
    #expect(peer.stack.stateCounts[.closeWait] == 1)
    try peer.appFinishes(first.id)
    #expect(peer.established == 1)
    #expect(peer.stack.stateCounts[.lastAck] == 1)
    peer.appAborts(second.id)
    #expect(peer.established == 0)
  }

  // CNT-2
  @Test func `the counts of states agree with the rows, all the way of a connection`() throws {
    for state in [
      TCPState.established, .finWait1, .finWait2, .closing, .timeWait, .closeWait, .lastAck,
    ] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.opensHalf(ports: 1...2)
      try peer.reaches(state, &c)
      var rows: [TCPState: Int] = [:]
      peer.stack.forEachSnapshot { rows[$0.state, default: 0] += 1 }
      for (state, count) in rows { #expect(peer.stack.stateCounts[state] == count, "\(state)") }
      #expect(rows == [.listen: 1, .synReceived: 2, state: 1])
    }
  }

  // CNT-2
  @Test func `InSegs counts every segment, InErrs and InCsumErrors the bad ones`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let before = peer.tcp.segmentsIn
    #expect(before == 2)
    var bad = peer.packet(of: .data(seq: c.seq, ack: c.ack, "hello"))
    bad.payload[16] ^= 1
    peer.sends(bad)
    #expect(peer.tcp.segmentsIn == 3)
    #expect(peer.tcp.inErrors == 1)
    #expect(peer.tcp.checksumErrors == 1)
    peer.sends(.ack(seq: c.seq, ack: c.ack).with { $0.dataOffset = 4 })
    #expect(peer.tcp.segmentsIn == 4)
    #expect(peer.tcp.inErrors == 2)
    #expect(peer.tcp.checksumErrors == 1)
  }

  // CNT-2, CNT-5
  @Test func `OutSegs leaves retransmissions out, RetransSegs and TCPTimeouts count them`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    let before = peer.tcp.segmentsOut
    #expect(before == 1)
    try peer.appWrites(c.id, "hello")
    #expect(peer.tcp.segmentsOut == 2)
    #expect(try peer.takesSegments(for: .milliseconds(700)).count == 3)
    #expect(peer.tcp.segmentsOut == 2)
    #expect(peer.tcp.retransmissions == 2)
    #expect(peer.tcp.timeouts == 2)
    #expect(peer.snapshot?.retransmissions == 2)
  }

  // CNT-2
  @Test func `OutRsts counts resets, to nobody and to a peer`() throws {
    let peer = ScriptedPeer()
    peer.sends(.ack(seq: 5, ack: 6))
    try peer.expectsAtOnce(.rst(seq: 6))
    #expect(peer.tcp.resetsOut == 1)
    let c = try peer.opensConnection()
    peer.appAborts(c.id)
    #expect(peer.tcp.resetsOut == 2)
    peer.sends(.rst(seq: 6))
    #expect(peer.tcp.resetsOut == 2)
  }

  // CNT-3
  @Test func `PAWSEstab counts segments with an older timestamp`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .timestamps(5000, 0)])
    peer.sends(.data(seq: c.seq, ack: c.ack, "old", options: [.timestamps(4999, 0)]))
    #expect(peer.tcp.pawsRejected == 1)
    #expect(peer.tcp.pawsRejectedInSynSent == 0)
  }

  // CNT-3
  @Test func `TW counts pairs that waited to the end, and not those that a SYN took`() throws {
    let peer = ScriptedPeer()
    for port: UInt16 in 1...3 {
      peer.port = port
      var c = try peer.opensConnection()
      try peer.closesAfterStack(&c)
      if port == 3 {
        peer.sends(.syn(seq: c.seq + 1000))
        let answer = try peer.expectsAtOnce(.synAck())
        peer.sends(.ack(seq: c.seq + 1001, ack: answer.end))
      }
    }
    #expect(peer.tcp.timeWaitReopened == 1)
    _ = try peer.takesAll(for: .seconds(61))
    #expect(peer.tcp.timeWaitExpired == 2)
    #expect(peer.tcp.timeWaitKilled == 0)
    #expect(peer.tcp.timeWaitReused == 0)
  }

  // CNT-6
  @Test func `TCPSYNChallenge counts challenged SYNs, TCPChallengeACK resets too`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.rst(seq: c.seq + 1))
    #expect(peer.tcp.challengeACKs == 1)
    #expect(peer.tcp.synChallenges == 0)
    try peer.advances(by: .seconds(1))
    peer.sends(.syn(seq: c.seq))
    #expect(peer.tcp.challengeACKs == 2)
    #expect(peer.tcp.synChallenges == 1)
  }

  // CNT-6, SEC-23
  @Test func `OutOfWindowIcmps counts errors about what is not in flight`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sendsError(type: 3, code: 1, aboutSegment: .data(seq: c.ack - 1, ack: c.seq, [0]))
    #expect(peer.stack.counters.icmp.outOfWindow == 1)
    #expect(!peer.takeEvents(c.id).contains(.softError))
  }
}

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
