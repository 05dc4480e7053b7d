// RST and SYN in synchronised states, the checks of RFC 5961 that keep a blind attacker out, and
// half-open connections (RFC 9293 §3.5.1, §3.5.3, §3.10.7.4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ResetTests {
  // SEC-2, R9293-MUST-12
  @Test func `a RST at RCV.NXT resets and the program is told`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
    #expect(peer.takeEvents(c.id).contains(.closed))
    #expect(peer.stack.outcome(c.id) == .resetByPeer)
    #expect(throws: TCPError.resetByPeer) { try peer.appWrites(c.id, "x") }
    try peer.expectsNothing()
  }

  // R9293-MUST-12
  @Test func `a FIN is the end of the stream, not an error`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.fin(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 1))
    #expect(peer.takeEvents(c.id).contains(.endOfStream))
    #expect(try peer.appSeesEnd(c.id))
    #expect(peer.stack.outcome(c.id) == nil)
  }

  // SEC-1, LC-7
  @Test func `a RST outside the window is dropped silently`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let window = Int(try #require(peer.snapshot).receiveWindow)
    peer.sends(.rst(seq: c.seq - 1))
    peer.sends(.rst(seq: c.seq + window))
    peer.sends(.rst(seq: c.seq + window + 100_000))
    peer.sends(.rst(seq: c.seq - 1000, payload: [1, 2, 3]))
    try peer.expectsNothing()
    #expect(peer.state == .established)
  }

  // SEC-3
  @Test func `a RST inside the window but not at RCV.NXT is answered with a challenge ACK`() throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.rst(seq: c.seq + 1))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .established)
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
  }

  // SEC-3
  @Test func `the last octet of the window is inside it for a RST`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let window = Int(try #require(peer.snapshot).receiveWindow)
    peer.sends(.rst(seq: c.seq + window - 1))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .established)
  }

  // R9293-SHLD-2
  @Test func `a RST may carry text, which is ignored`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.rst(seq: c.seq, payload: Array("some diagnostic text".utf8)))
    #expect(peer.state == .closed)
    #expect(peer.takeEvents(c.id).contains(.closed))
    try peer.expectsNothing()
  }

  // SEC-4
  @Test(arguments: [-100_000, -1, 0, 1, 5000, 200_000])
  func `a SYN in ESTABLISHED is answered with a challenge ACK`(_ offset: Int) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.syn(seq: c.seq + offset))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.stack.counters.tcp.synChallenges == 1)
    #expect(peer.stack.counters.tcp.challengeACKs == 1)
    #expect(peer.state == .established)
  }

  // SEC-4
  @Test func `a SYN-ACK in ESTABLISHED is answered with a challenge ACK`() throws {
    let peer = ScriptedPeer()
    let c = try peer.answersConnection()
    peer.sends(.synAck(seq: c.seq - 1, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .established)
  }

  // SEC-4
  @Test
  func `a SYN in FIN-WAIT, CLOSE-WAIT, CLOSING and LAST-ACK is answered with a challenge ACK`()
    throws
  {
    for state in [TCPState.finWait1, .finWait2, .closeWait, .closing, .lastAck] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      // Answers to invalid segments keep a distance (SEC-8).
      try peer.advances(by: .milliseconds(150))
      #expect(peer.output.isEmpty)
      peer.sends(.syn(seq: c.seq + 7))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      #expect(peer.state == state)
    }
  }

  // SEC-2
  @Test func `a RST at RCV.NXT ends every synchronised state`() throws {
    for state in [TCPState.finWait1, .finWait2, .closeWait, .closing, .lastAck] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      peer.sends(.rst(seq: c.seq))
      #expect(peer.state == .closed, "from \(state)")
      try peer.expectsNothing(for: .seconds(10))
    }
  }

  // SEC-5, LC-22
  @Test func `a peer that lost its state resets our connection and is served again`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.syn(seq: 7_000_000))
    let challenge = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    // What a host without the connection answers (RFC 9293 §3.5.2, group 1).
    peer.sends(.rst(seq: challenge.ack))
    #expect(peer.state == .closed)
    #expect(peer.stack.outcome(c.id) == .resetByPeer)
    peer.sends(.syn(seq: 7_000_000))
    try peer.expectsAtOnce(.synAck(ack: 7_000_001))
  }

  // LC-22
  @Test func `our text to a peer without the connection ends in its RST`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "anybody there?")
    let sent = try peer.expectsAtOnce(.data(seq: c.ack))
    peer.sends(.rst(seq: sent.ack))
    #expect(peer.state == .closed)
    #expect(peer.stack.outcome(c.id) == .resetByPeer)
    try peer.expectsNothing(for: .seconds(10))
  }

  // R9293-MUST-5
  @Test func `options on a RST and on a FIN change nothing`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let odd: [SegmentOption] = [.noOperation, .other(kind: 253, [1, 2, 3]), .timestamps(5, 6)]
    peer.sends(.fin(seq: c.seq, ack: c.ack, options: odd))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 1))
    peer.sends(.rst(seq: c.seq + 1, options: odd))
    #expect(peer.state == .closed)
  }

  // R9293-MUST-66
  @Test func `a RST is processed while the receive window is closed`() throws {
    var settings = StackSettings()
    settings.receiveBuffer = 2920
    settings.maximumReceiveBuffer = 2920
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection()
    try peer.fillsReceiveWindow(&c)
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
  }

  // SEC-8
  @Test func `a hundred out-of-window ACKs in a tenth of a second get one answer`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for _ in 0..<100 {
      peer.sends(.ack(seq: c.seq - 2000, ack: c.ack))
      try peer.advances(by: .milliseconds(1))
    }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.total == 99)
    try peer.advances(by: .milliseconds(500))
    peer.sends(.ack(seq: c.seq - 2000, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
  }

  // SEC-9
  @Test func `challenges to one connection do not use up those of another`() throws {
    let peer = ScriptedPeer()
    let first = try peer.opensConnection()
    peer.port = 40_001
    let second = try peer.opensConnection()
    for _ in 0..<1000 { peer.sends(.rst(seq: first.seq + 1).from(port: 40_000)) }
    #expect(try peer.takesSegments().count >= 1)
    peer.sends(.rst(seq: second.seq + 1))
    try peer.expectsAtOnce(.ack(seq: second.ack, ack: second.seq))
  }

  // SEC-7
  @Test func `a thousand resets in the window within a second get few challenges`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for _ in 0..<1000 {
      peer.sends(.rst(seq: c.seq + 1))
      try peer.advances(by: .milliseconds(1))
    }
    #expect((1...10).contains(try peer.takesSegments().count))
    #expect(peer.stack.counters.tcp.skippedReplies.total >= 990)
  }

  // SEC-8
  @Test func `out-of-window segments with text are always answered`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for _ in 0..<20 {
      peer.sends(.data(seq: c.seq - 1000, ack: c.ack, "old"))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    }
  }

  // SEC-10, R9293-MAY-6
  @Test func `keep-alive and window probes are answered each time`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for _ in 0..<10 {
      try peer.advances(by: .seconds(1))
      peer.sends(.ack(seq: c.seq - 1, ack: c.ack))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      try peer.advances(by: .seconds(1))
      peer.sends(.data(seq: c.seq - 1, ack: c.ack, [0]))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    }
    #expect(try peer.appReads(c.id) == [])
  }
}
