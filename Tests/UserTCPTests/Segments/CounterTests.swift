// One script per counter of `/proc/net/snmp` and `/proc/net/netstat`: what must happen for it to count,
// and that it counts once. Here opens, segments and resets (REQUIREMENTS CNT-2, CNT-3, CNT-6). Counters of
// SYN cookies, the accept queue, TIME-WAIT's limit, orphans and answers kept back are in the files about those.

import Testing
import UserTCP
import UserTCPSimulation

extension ScriptedPeer {
  var tcp: TCPCounters { stack.counters.tcp }
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
    #expect(peer.stack.stateCounts.established == 0)
    var first = try peer.opensConnection()
    peer.port = 40_001
    let second = try peer.opensConnection()
    #expect(peer.stack.stateCounts.established == 2)
    peer.port = 40_000
    try peer.reaches(.closeWait, &first)
    #expect(peer.stack.stateCounts.established == 2)
    #expect(peer.stack.stateCounts[.closeWait] == 1)
    try peer.appFinishes(first.id)
    #expect(peer.stack.stateCounts.established == 1)
    #expect(peer.stack.stateCounts[.lastAck] == 1)
    peer.appAborts(second.id)
    #expect(peer.stack.stateCounts.established == 0)
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

  // CNT-2
  @Test func `a super-segment counts as the segments it is cut into, in all directions`() throws {
    let flight = try Flight(offloads: .all)
    let before = flight.counters
    #expect(try flight.writes(10) == Array(0..<10))
    #expect(flight.counters.segmentsOut == before.segmentsOut + 10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 2..<10)
    var resent = try flight.takes()
    flight.acks(1, sack: 2..<10)
    resent += try flight.takes()
    flight.acks(10)
    #expect(resent == [0, 1])
    #expect(flight.counters.retransmissions == 2)
    #expect(flight.peer.snapshot?.retransmissions == 2)
    let row = try #require(flight.peer.snapshot)
    let text = [UInt8](repeating: 7, count: 5 * 1000)
    let packet = flight.peer.packet(of: .data(seq: flight.c.seq, ack: flight.seq(10), text))
    let received = flight.counters.segmentsIn
    flight.peer.sends(packet, offload: OffloadInfo(checksum: .verified, segmentSize: 1000))
    #expect(flight.counters.segmentsIn == received + 5)
    #expect(flight.peer.snapshot?.segmentsReceived == row.segmentsReceived + 5)
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
