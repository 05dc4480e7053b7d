// The way from CLOSED to ESTABLISHED: passive, active and simultaneous open, and what goes wrong on
// it (RFC 9293 §3.5, §3.10.7.3, §3.10.7.4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct OpeningTests {
  // LC-13
  @Test func `a passive open goes through SYN-RECEIVED to ESTABLISHED`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    #expect(peer.state == .synReceived)
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(peer.state == .established)
    #expect(peer.appAccepts() != nil)
    try peer.expectsNothing()
  }

  @Test func `an active open goes through SYN-SENT to ESTABLISHED`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    #expect(peer.state == .synSent)
    peer.sends(.synAck(seq: 100, ack: syn.end))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 101))
    #expect(peer.state == .established)
    #expect(peer.takeEvents(id).contains(.established))
  }

  // R9293-MUST-10
  @Test func `both ends may open at once`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.syn(seq: 500))
    try peer.expectsAtOnce(.synAck(seq: syn.seq, ack: 501))
    #expect(peer.state == .synReceived)
    peer.sends(.synAck(seq: 500, ack: syn.end))
    #expect(peer.state == .established)
    #expect(peer.takeEvents(id).contains(.established))
    #expect(peer.stack.connectionCount == 1)
    _ = try peer.takesAll()
    peer.sends(.data(seq: 501, ack: syn.end, "hello"))
    try peer.expects(.ack(seq: syn.end, ack: 506))
    #expect(try peer.appReads(id) == Array("hello".utf8))
  }

  // R9293-MUST-11, SEC-21
  @Test func `a RST in SYN-RECEIVED after a passive open returns to LISTEN unnoticed`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.rst(seq: 101))
    #expect(peer.state == .closed)
    #expect(peer.stack.counters.tcp.embryonicResets == 1)
    try peer.expectsNothing(for: .seconds(5))
    #expect(peer.appAccepts() == nil)
    peer.sends(.syn(seq: 300))
    try peer.expectsAtOnce(.synAck(ack: 301))
  }

  // R9293-MUST-11
  @Test func `a RST in SYN-RECEIVED after an active open means refused`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.syn(seq: 500))
    try peer.expectsAtOnce(.synAck(seq: syn.seq, ack: 501))
    peer.sends(.rst(seq: 501))
    #expect(peer.state == .closed)
    #expect(peer.takeEvents(id).contains(.closed))
    #expect(peer.stack.outcome(id) == .connectionRefused)
    try peer.expectsNothing(for: .seconds(5))
  }

  // LC-3
  @Test func `an unacceptable ACK in SYN-SENT is answered with a RST and changes nothing`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.synAck(seq: 100, ack: syn.seq))
    try peer.expectsAtOnce(.rst(seq: syn.seq))
    peer.sends(.synAck(seq: 100, ack: syn.seq + 2))
    try peer.expectsAtOnce(.rst(seq: syn.seq + 2))
    peer.sends(.rstAck(seq: 100, ack: syn.seq + 2))
    #expect(peer.state == .synSent)
    peer.sends(.synAck(seq: 200, ack: syn.end))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 201))
    #expect(peer.takeEvents(id) == .established)
  }

  // LC-4, DEC-2
  @Test func `a RST in SYN-SENT counts only with an acceptable ACK`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.rst(seq: 0))
    peer.sends(.rstAck(seq: 0, ack: syn.seq))
    #expect(peer.state == .synSent)
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    #expect(peer.state == .closed)
    #expect(peer.takeEvents(id).contains(.closed))
    #expect(peer.stack.outcome(id) == .connectionRefused)
    try peer.expectsNothing(for: .seconds(5))
  }

  // LC-15
  @Test func `a FIN or text without SYN in SYN-SENT is not processed`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    peer.stackPort = syn.sourcePort!
    peer.sends(Segment(flags: .fin, seq: 100))
    peer.sends(.fin(seq: 100, ack: syn.end))
    peer.sends(.data(seq: 100, ack: syn.end, "text"))
    try peer.expectsNothing(for: .milliseconds(900))
    #expect(peer.state == .synSent)
  }

  // LC-5
  @Test func `text on a SYN-ACK is not lost`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    let text = Array("0123456789".utf8)
    peer.sends(.synAck(seq: 100, ack: syn.end, payload: text))
    let answer = try peer.expectsAtOnce(.ack(seq: syn.end))
    if answer.ack == 101 {
      peer.sends(.data(seq: 101, ack: syn.end, text))
      try peer.expects(.ack(seq: syn.end, ack: 111))
    }
    #expect(try peer.appReads(id) == text)
    #expect(peer.takeEvents(id).contains(.established))
  }

  // LC-5
  @Test func `a FIN on a SYN-ACK is not lost`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.synAck(seq: 100, ack: syn.end).adding(.fin))
    let answer = try peer.expectsAtOnce(.ack(seq: syn.end))
    if answer.ack == 101 {
      peer.sends(.fin(seq: 101, ack: syn.end))
      try peer.expectsAtOnce(.ack(seq: syn.end, ack: 102))
    }
    #expect(peer.state == .closeWait)
    #expect(try peer.appSeesEnd(id))
  }

  // LC-10
  @Test func `an unacceptable ACK in SYN-RECEIVED is answered with a RST, a good one completes`()
    throws
  {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.ack(seq: 101, ack: answer.seq + 2))
    try peer.expectsAtOnce(.rst(seq: answer.seq + 2))
    peer.sends(.ack(seq: 101, ack: answer.seq))
    try peer.expectsAtOnce(.rst(seq: answer.seq))
    #expect(peer.state == .synReceived)
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(peer.state == .established)
  }

  // LC-9
  @Test func `a segment without ACK in SYN-RECEIVED is dropped`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(Segment(flags: [], seq: 101, payload: [1]))
    peer.sends(Segment(flags: .fin, seq: 101))
    #expect(peer.state == .synReceived)
    try peer.expectsNothing(for: .milliseconds(900))
  }

  // LC-23
  @Test func `text that comes with the last ACK of the handshake is kept`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.data(seq: 101, ack: answer.end, "early"))
    try peer.expects(.ack(seq: answer.end, ack: 106))
    peer.sends(.data(seq: 106, ack: answer.end, " bird"))
    try peer.expects(.ack(seq: answer.end, ack: 111))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == Array("early bird".utf8))
  }

  // LC-13, LC-23
  @Test func `a FIN that comes with the last ACK of the handshake leads to CLOSE-WAIT`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.fin(seq: 101, ack: answer.end, [7]))
    try peer.expectsAtOnce(.ack(seq: answer.end, ack: 103))
    #expect(peer.state == .closeWait)
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == [7])
    #expect(try peer.appSeesEnd(id))
  }

  // LC-24
  @Test func `an old duplicate SYN is cleared by the peer's RST and the next SYN is served`() throws
  {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 90))
    try peer.expectsAtOnce(.synAck(ack: 91))
    peer.sends(.rst(seq: 91))
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(peer.state == .established)
  }

  // DEC-1
  @Test func `a repeated SYN in SYN-RECEIVED brings the SYN-ACK again`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.syn(seq: 100))
    try peer.expectsAtOnce(.synAck(seq: answer.seq, ack: 101))
  }

  // DEC-1
  @Test func `any other SYN in SYN-RECEIVED is answered with a challenge ACK`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.syn(seq: 200))
    try peer.expectsAtOnce(.ack(seq: answer.end, ack: 101))
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SEC-1, SEC-3, SEC-21
  @Test func `in SYN-RECEIVED only a RST at RCV.NXT removes the entry`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.rst(seq: 100))
    #expect(peer.state == .synReceived)
    peer.sends(.rst(seq: 102))
    try peer.expectsAtOnce(.ack(seq: answer.end, ack: 101))
    #expect(peer.state == .synReceived)
    peer.sends(.rst(seq: 101))
    #expect(peer.state == .closed)
  }

  // SEC-22, SEC-16
  @Test func `the last ACK waits while the accept queue is full`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 4)
    var answers: [Segment] = []
    for port: UInt16 in 1...3 {
      peer.sends(.syn(seq: 100).from(port: port))
      let answer = try peer.expectsAtOnce(.synAck(ack: 101))
      peer.sends(.ack(seq: 101, ack: answer.end).from(port: port))
    }
    for port: UInt16 in 4...6 {
      peer.sends(.syn(seq: 100).from(port: port))
      answers.append(try peer.expectsAtOnce(.synAck(ack: 101)))
    }
    for port: UInt16 in 4...6 {
      peer.sends(.ack(seq: 101, ack: answers[Int(port) - 4].end).from(port: port))
    }
    // The queue holds the backlog and one more: five are complete, the sixth waits.
    peer.port = 6
    #expect(peer.state == .synReceived)
    try peer.expects(.synAck(seq: answers[2].seq, ack: 101), within: .seconds(2))
    for _ in 0..<5 { #expect(peer.appAccepts() != nil) }
    peer.sends(.ack(seq: 101, ack: answers[2].end))
    #expect(peer.state == .established)
    #expect(peer.appAccepts() != nil)
  }
}
