// The way out of ESTABLISHED: every edge of the state diagram behind it, half-close, abort
// (RFC 9293 §3.6, §3.10.4, §3.10.5, §3.10.7.4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ClosingTests {
  // LC-13, LC-16
  @Test func `the active closer walks FIN-WAIT-1, FIN-WAIT-2 and TIME-WAIT`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq, length: 0))
    #expect(peer.state == .finWait1)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    #expect(peer.state == .finWait2)
    peer.sends(.fin(seq: c.seq, ack: c.ack + 1))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 1))
    #expect(peer.state == .timeWait)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.timeWaitCount == 1)
  }

  // LC-13
  @Test func `a FIN that acknowledges ours leads from FIN-WAIT-1 to TIME-WAIT`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    peer.sends(.fin(seq: c.seq, ack: c.ack + 1))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 1))
    #expect(peer.state == .timeWait)
  }

  // LC-13, LC-17, TW-18
  @Test func `crossing FINs lead through CLOSING to TIME-WAIT`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    peer.sends(.fin(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 1))
    #expect(peer.state == .closing)
    peer.sends(.ack(seq: c.seq + 1, ack: c.ack + 1))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing()
  }

  // LC-13, LC-17
  @Test func `the passive closer walks CLOSE-WAIT and LAST-ACK to CLOSED, without TIME-WAIT`()
    throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.fin(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 1))
    #expect(peer.state == .closeWait)
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq + 1))
    #expect(peer.state == .lastAck)
    peer.sends(.ack(seq: c.seq + 1, ack: c.ack + 1))
    #expect(peer.state == .closed)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.timeWaitCount == 0)
    // The same pair is free at once.
    peer.sends(.syn(seq: 5))
    try peer.expectsAtOnce(.synAck(ack: 6))
  }

  // LC-13
  @Test func `a FIN is acknowledged at once, with and without text`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.fin(seq: c.seq, ack: c.ack, Array("bye".utf8)))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 4))
    #expect(try peer.appReads(c.id) == Array("bye".utf8))
    #expect(try peer.appSeesEnd(c.id))
  }

  // LC-13
  @Test func `a repeated FIN is acknowledged and changes no state`() throws {
    for state in [TCPState.closeWait, .lastAck, .closing] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      let ack = state == .closing ? c.ack - 1 : c.ack
      peer.sends(.fin(seq: c.seq - 1, ack: ack))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      #expect(peer.state == state)
    }
  }

  // LC-14
  @Test func `a FIN out of order is remembered until the gap closes`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.fin(seq: c.seq + 5, ack: c.ack, Array("world".utf8)))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .established)
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 11))
    #expect(peer.state == .closeWait)
    #expect(try peer.appReads(c.id) == Array("helloworld".utf8))
    #expect(try peer.appSeesEnd(c.id))
  }

  // LC-15
  @Test func `text after the peer's FIN is ignored`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(.closeWait, &c)
    peer.sends(.data(seq: c.seq, ack: c.ack, "ghost"))
    _ = try peer.takesAll(for: .seconds(1))
    #expect(peer.state == .closeWait)
    #expect(try peer.appReads(c.id) == [])
    #expect(try peer.appSeesEnd(c.id))
    peer.sends(.data(seq: c.seq, ack: c.ack, "ghost").urgent(upTo: 2))
    #expect(!peer.takeEvents(c.id).contains(.urgent))
  }

  // LC-16
  @Test func `the FIN follows all queued text and is sent once`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 10_000)
    try peer.appFinishes(c.id)
    var segments = try peer.takesSegments()
    while !segments.contains(where: { $0.flags.contains(.fin) }) {
      try peer.requires(!segments.isEmpty, "no FIN")
      c.ack = segments.last!.end
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      segments = try peer.takesSegments(for: .milliseconds(10))
    }
    let fin = segments.last!
    #expect(fin.flags.contains(.fin))
    #expect(fin.end == c.iss + 1 + 10_000 + 1)
    try peer.appFinishes(c.id)
    peer.sends(.ack(seq: c.seq, ack: fin.end))
    try peer.expectsNothing(for: .seconds(30))
    #expect(peer.state == .finWait2)
  }

  // LC-16
  @Test func `closing again in FIN-WAIT sends nothing`() throws {
    for state in [TCPState.finWait1, .finWait2] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      try peer.appFinishes(c.id)
      try peer.expectsNothing(for: .milliseconds(150))
      peer.appCloses(c.id)
      try peer.expectsNothing(for: .milliseconds(40))
      #expect(peer.state == state)
    }
  }

  // LC-18, R9293-MAY-1
  @Test(arguments: [TCPState.finWait1, .finWait2])
  func `after our FIN text is still received and acknowledged`(_ state: TCPState) throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(state, &c)
    let ack = state == .finWait1 ? c.ack - 1 : c.ack
    let text = ScriptedPeer.pattern(100_000)
    var received: [UInt8] = []
    for start in stride(from: 0, to: text.count, by: 1000) {
      peer.sends(.data(seq: c.seq, ack: ack, Array(text[start..<start + 1000])))
      c.seq += 1000
      received += try peer.appReads(c.id)
    }
    #expect(received == text)
    let last = try #require(try peer.takesSegments(for: .milliseconds(100)).last)
    #expect(last.ack == c.seq)
    #expect(peer.state == state)
  }

  // LC-18
  @Test func `after the peer's FIN text is still sent`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(.closeWait, &c)
    try peer.appWrites(c.id, count: 50_000)
    #expect(try peer.acknowledges(&c, count: 50_000) == ScriptedPeer.pattern(50_000))
    #expect(peer.state == .closeWait)
  }

  // LC-19
  @Test func `an abort sends a RST at SND.NXT`() throws {
    for state in [TCPState.established, .finWait1, .finWait2, .closeWait] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      peer.appAborts(c.id)
      try peer.expectsAtOnce(.anyReset(seq: c.ack))
      #expect(peer.state == .closed, "from \(state)")
      #expect(peer.stack.connectionCount == 0)
      try peer.expectsNothing(for: .seconds(10))
    }
  }

  // LC-19
  @Test func `an abort in CLOSING and LAST-ACK sends nothing`() throws {
    for state in [TCPState.closing, .lastAck] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      peer.appAborts(c.id)
      try peer.expectsNothing(for: .seconds(10))
      #expect(peer.state == .closed, "from \(state)")
    }
  }

  // LC-19
  @Test func `an abort in SYN-SENT sends nothing`() throws {
    let peer = ScriptedPeer()
    let (id, _) = try peer.takesSYNOfProgram()
    peer.appAborts(id)
    try peer.expectsNothing(for: .seconds(10))
    #expect(peer.state == .closed)
    #expect(peer.stack.connectionCount == 0)
  }

  // LC-19
  @Test func `an abort in SYN-RECEIVED after a crossing open sends a RST`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.syn(seq: 500))
    try peer.expectsAtOnce(.synAck(seq: syn.seq, ack: 501))
    peer.appAborts(id)
    try peer.expectsAtOnce(.anyReset(seq: syn.end))
    #expect(peer.state == .closed)
  }

  // LC-19
  @Test func `an abort throws queued text away`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, count: 5000)
    try peer.expectsNothing(for: .milliseconds(100))
    peer.appAborts(c.id)
    try peer.expectsAtOnce(.anyReset(seq: c.ack))
    try peer.expectsNothing(for: .seconds(100))
    #expect(peer.stack.connectionCount == 0)
  }

  // R9293-SHLD-3
  @Test func `closing with unread text resets`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "0123456789"))
    _ = try peer.takesAll(for: .seconds(1))
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.anyReset(seq: c.ack))
    #expect(peer.stack.counters.tcp.abortsOnClose == 1)
    try peer.expectsNothing(for: .seconds(10))
    #expect(peer.state == .closed)
  }

  // R9293-SHLD-3
  @Test func `text that arrives after the program has closed resets`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    peer.sends(.data(seq: c.seq, ack: c.ack + 1, "too late"))
    try peer.expectsAtOnce(.anyReset(seq: c.ack + 1))
    #expect(peer.state == .closed)
    try peer.expectsNothing(for: .seconds(10))
  }

  @Test func `within its grace a close discards what still arrives and ends in order`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "unread"))
    _ = try peer.takesAll(for: .seconds(1))
    peer.appCloses(c.id, discardingInputFor: .seconds(2))
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq + 6))
    peer.sends(.data(seq: c.seq + 6, ack: c.ack + 1, "more"))
    try peer.expects(.ack(seq: c.ack + 1, ack: c.seq + 10))
    peer.sends(.fin(seq: c.seq + 10, ack: c.ack + 1))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 11))
    #expect(peer.state == .timeWait)
  }

  @Test func `after its grace a close resets a peer that still sends`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id, discardingInputFor: .seconds(2))
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    try peer.advances(by: .milliseconds(2_100))
    _ = try peer.takesAll()
    peer.sends(.data(seq: c.seq, ack: c.ack + 1, "too late"))
    try peer.expectsAtOnce(.anyReset())
    #expect(peer.state == .closed)
  }

  // LC-21, SYS-9
  @Test func `an orphan in FIN-WAIT-2 is gone after 60 seconds`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    try peer.expectsNothing(for: .milliseconds(59_900))
    #expect(peer.state == .finWait2)
    try peer.expectsNothing(for: .milliseconds(300))
    #expect(peer.state == .closed)
    #expect(peer.stack.connectionCount == 0)
  }

  // LC-21
  @Test func `a half-closed connection that still has its program stays in FIN-WAIT-2`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(.finWait2, &c)
    try peer.expectsNothing(for: .seconds(3600))
    #expect(peer.state == .finWait2)
    peer.sends(.data(seq: c.seq, ack: c.ack, "still here"))
    try peer.expects(.ack(seq: c.ack, ack: c.seq + 10))
    #expect(try peer.appReads(c.id) == Array("still here".utf8))
  }

  // LC-17
  @Test func `a lost FIN is repeated`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    try peer.expects(.fin(seq: c.ack, ack: c.seq), within: .seconds(3))
    try peer.expects(.fin(seq: c.ack, ack: c.seq), within: .seconds(6))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    #expect(peer.state == .finWait2)
  }

  @Test func `an ended connection gives its place back`() throws {
    let peer = ScriptedPeer()
    for round in 0..<50 {
      peer.port = 10_000 + UInt16(round)
      let c = try peer.opensConnection()
      peer.sends(.fin(seq: c.seq, ack: c.ack))
      peer.appCloses(c.id)
      _ = try peer.takesAll()
      peer.sends(.ack(seq: c.seq + 1, ack: c.ack + 1))
      #expect(peer.state == .closed)
    }
    #expect(peer.stack.connectionCount == 0)
  }

  // TW-16
  @Test func `unread octets outlive the connection and go with its handle`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "unread"))
    try peer.expects(.ack(ack: c.seq + 6))
    c.seq += 6
    try peer.reaches(.timeWait, &c)
    #expect(peer.stack.bufferedBytes > 0)
    #expect(try peer.stack.readable(c.id) == .bytes(6))
    peer.stack.close(c.id)
    #expect(peer.stack.bufferedBytes == 0)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.state == .timeWait)
  }
}
