// TIME-WAIT: how long, what it answers, what ends it, what may reopen it (RFC 9293 §3.6.1, §3.10.7.4,
// RFC 1337, RFC 6191, REQUIREMENTS TW-*).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TimeWaitTests {
  private func inTimeWait(
    _ settings: StackSettings = StackSettings(),
    options: [SegmentOption] = [.maximumSegmentSize(1460)]
  ) throws -> (ScriptedPeer, ScriptedConnection) {
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection(options: options)
    try peer.closesAfterStack(&c)
    return (peer, c)
  }

  // R9293-MUST-13, TW-1, TW-3, DEC-9
  @Test(arguments: Profile.allCases)
  func `TIME-WAIT lasts 2MSL`(_ profile: Profile) throws {
    let settings = StackSettings(profile: profile)
    let (peer, c) = try inTimeWait(settings)
    #expect(settings.timeWaitInterval == (profile == .rfc ? .seconds(240) : .seconds(60)))
    try peer.expectsNothing(for: settings.timeWaitInterval - .milliseconds(200))
    #expect(peer.state == .timeWait)
    // The coarse wheel may be 1/16 s late.
    try peer.expectsNothing(for: .milliseconds(400))
    #expect(peer.state == .closed)
    #expect(peer.stack.timeWaitCount == 0)
    #expect(peer.stack.counters.tcp.timeWaitExpired == 1)
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.rst(seq: c.ack))
  }

  // R9293-MUST-13, TW-2
  @Test func `a repeated FIN is acknowledged and 2MSL starts anew`() throws {
    let (peer, c) = try inTimeWait()
    try peer.expectsNothing(for: .seconds(59))
    peer.sends(.fin(seq: c.seq - 1, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    try peer.expectsNothing(for: .milliseconds(59_800))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(400))
    #expect(peer.state == .closed)
  }

  // TW-18
  @Test func `a lost last ACK is recovered by the peer's FIN`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    for _ in 0..<3 {
      try peer.advances(by: .seconds(1))
      peer.sends(.fin(seq: c.seq - 1, ack: c.ack))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    }
  }

  // TW-18, LC-17
  @Test func `after crossing FINs TIME-WAIT still answers the peer's FIN`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack, ack: c.seq))
    peer.sends(.fin(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 1))
    peer.sends(.ack(seq: c.seq + 1, ack: c.ack + 1))
    #expect(peer.state == .timeWait)
    try peer.advances(by: .seconds(1))
    peer.sends(.fin(seq: c.seq, ack: c.ack + 1))
    try peer.expectsAtOnce(.ack(seq: c.ack + 1, ack: c.seq + 1))
    #expect(peer.state == .timeWait)
  }

  // TW-3
  @Test func `old text is answered with the last ACK`() throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(.data(seq: c.seq - 5, ack: c.ack, "old"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .timeWait)
  }

  // TW-3, SEC-8
  @Test func `answers to empty old segments keep a distance`() throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    for _ in 0..<50 {
      peer.sends(.ack(seq: c.seq - 3000, ack: c.ack))
      try peer.advances(by: .milliseconds(1))
    }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.state == .timeWait)
  }

  // TW-4, DEC-7
  @Test func `a RST at RCV.NXT ends TIME-WAIT by default`() throws {
    let (peer, c) = try inTimeWait()
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
    #expect(peer.stack.counters.tcp.timeWaitKilled == 1)
  }

  // TW-4, DEC-7, SYS-5
  @Test func `with rfc1337 a RST does not end TIME-WAIT`() throws {
    var settings = StackSettings()
    settings.ignoresResetInTimeWait = true
    let (peer, c) = try inTimeWait(settings)
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing()
  }

  // TW-4
  @Test(arguments: [false, true])
  func `a RST elsewhere never ends TIME-WAIT`(_ ignores: Bool) throws {
    var settings = StackSettings()
    settings.ignoresResetInTimeWait = ignores
    let (peer, c) = try inTimeWait(settings)
    peer.sends(.rst(seq: c.seq + 1))
    #expect(peer.state == .timeWait)
    peer.sends(.rst(seq: c.seq - 1))
    #expect(peer.state == .timeWait)
  }

  // TW-5
  @Test func `the RST that our ACK of old text provokes is judged like any other`() throws {
    for ignores in [false, true] {
      var settings = StackSettings()
      settings.ignoresResetInTimeWait = ignores
      let (peer, c) = try inTimeWait(settings)
      try peer.advances(by: .seconds(1))
      peer.sends(.data(seq: c.seq - 5, ack: c.ack - 1, "old"))
      let answer = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      peer.sends(.rst(seq: answer.ack))
      #expect(peer.state == (ignores ? .timeWait : .closed))
    }
  }

  // TW-11, TW-13, R9293-MAY-2
  @Test func `without timestamps a SYN above the FIN's number reopens`() throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(.syn(seq: c.seq))  // the FIN had c.seq - 1
    let answer = try peer.expectsAtOnce(.synAck(ack: c.seq + 1))
    #expect(answer.seq - c.ack > 0)
    peer.sends(.ack(seq: c.seq + 1, ack: answer.end))
    #expect(peer.state == .established)
    #expect(peer.stack.timeWaitCount == 0)
  }

  // TW-11, TW-12, DEC-3
  @Test(arguments: [0, -1, -1000])
  func `without timestamps a SYN up to the FIN's number does not reopen`(_ offset: Int) throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(.syn(seq: c.seq - 1 + offset))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .timeWait)
  }

  // TW-12
  @Test func `an unacceptable SYN does not prolong TIME-WAIT`() throws {
    let (peer, c) = try inTimeWait()
    try peer.expectsNothing(for: .seconds(59))
    peer.sends(.syn(seq: c.seq - 1))
    _ = try peer.takesAll()
    try peer.expectsNothing(for: .milliseconds(1_400))
    #expect(peer.state == .closed)
  }

  // TW-14
  @Test func `when the peer resets a reopened pair TIME-WAIT comes back`() throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(10))
    peer.sends(.syn(seq: c.seq + 5))
    try peer.expectsAtOnce(.synAck(ack: c.seq + 6))
    peer.sends(.rst(seq: c.seq + 6))
    #expect(peer.state == .timeWait)
    #expect(peer.stack.timeWaitCount == 1)
    // With the time that remained: 50 s.
    try peer.expectsNothing(for: .milliseconds(49_800))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(400))
    #expect(peer.state == .closed)
  }

  // TW-15
  @Test func `an active open may not take a pair in TIME-WAIT`() throws {
    let (peer, c) = try inTimeWait()
    _ = c
    #expect(throws: TCPError.addressInUse) {
      try peer.appConnects(from: Endpoint(peer.stackAddress, Port(peer.stackPort)))
    }
    try peer.advances(by: .seconds(61))
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, Port(peer.stackPort)))
    try peer.expectsAtOnce(.syn())
  }

  // TW-16, IP4-9, R9293-MUST-48
  @Test func `TIME-WAIT answers with the connection's DSCP and window`() throws {
    let peer = ScriptedPeer()
    var options = ConnectionOptions()
    options.dscp = 46
    var c = try peer.opensConnection(connectionOptions: options)
    try peer.closesAfterStack(&c)
    let before = try #require(peer.last?.segment)
    try peer.advances(by: .seconds(1))
    peer.sends(.fin(seq: c.seq - 1, ack: c.ack))
    let answer = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.last?.ip.typeOfService == 46 << 2)
    #expect(answer.window == before.window)
  }

  // TW-16
  @Test func `a thousand pairs in TIME-WAIT expire`() throws {
    let peer = ScriptedPeer()
    for round in 0..<1000 {
      peer.port = 1000 + UInt16(round)
      var c = try peer.opensConnection()
      try peer.closesAfterStack(&c)
    }
    #expect(peer.stack.timeWaitCount == 1000)
    #expect(peer.stack.connectionCount == 0)
    try peer.expectsNothing(for: .milliseconds(60_200))
    #expect(peer.stack.timeWaitCount == 0)
  }
}

@Suite struct TimeWaitTimestampTests {
  /// Both SYNs with timestamps; the last TSval the stack has seen is `last`.
  private func inTimeWait() throws -> (peer: ScriptedPeer, c: ScriptedConnection, last: UInt32) {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: [
      .maximumSegmentSize(1460), .timestamps(1_000_000, 0),
    ])
    try peer.closesAfterStack(&c)
    // The peer stamps with the virtual clock, which still shows 1,000 s.
    return (peer, c, 1_000_000)
  }

  private func syn(_ seq: SequenceNumber, _ value: UInt32) -> Segment {
    .syn(seq: seq, options: [.maximumSegmentSize(1460), .timestamps(value, 0)])
  }

  // TW-7, TW-13, R9293-SHLD-4
  @Test func `a SYN with a later timestamp reopens at any sequence number`() throws {
    let (peer, c, last) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(syn(c.seq - 50_000, last + 1))
    let answer = try peer.expectsAtOnce(.synAck(ack: c.seq - 50_000 + 1))
    #expect(answer.seq - c.ack > 0)
  }

  // TW-8
  @Test func `a SYN with the same timestamp reopens only above the FIN's number`() throws {
    for (offset, reopens) in [(1, true), (0, false)] {
      let (peer, c, last) = try inTimeWait()
      try peer.advances(by: .seconds(1))
      peer.sends(syn(c.seq - 1 + offset, last))
      if reopens {
        try peer.expectsAtOnce(.synAck())
      } else {
        try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
        #expect(peer.state == .timeWait)
      }
    }
  }

  // TW-12, DEC-3
  @Test func `a SYN with an earlier timestamp does not reopen`() throws {
    let (peer, c, last) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(syn(c.seq + 10, last - 1))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(peer.state == .timeWait)
  }

  // TW-9
  @Test func `a SYN that dropped timestamps reopens only above the FIN's number`() throws {
    for (offset, reopens) in [(1, true), (-1, false), (0, false)] {
      let (peer, c, _) = try inTimeWait()
      try peer.advances(by: .seconds(1))
      peer.sends(.syn(seq: c.seq - 1 + offset))
      if reopens {
        try peer.expectsAtOnce(.synAck())
      } else {
        try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
        #expect(peer.state == .timeWait)
      }
    }
  }

  // TW-10
  @Test func `a SYN that newly has timestamps always reopens`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    try peer.advances(by: .seconds(1))
    peer.sends(syn(c.seq - 50_000, 1))
    let answer = try peer.expectsAtOnce(.synAck())
    #expect(answer.seq - c.ack > 0)
  }

  // TW-6
  @Test func `a segment with an older timestamp is answered and 2MSL starts anew`() throws {
    let (peer, c, last) = try inTimeWait()
    try peer.advances(by: .seconds(30))
    peer.sends(.ack(seq: c.seq, ack: c.ack, options: [.timestamps(last - 1, 0)]))
    let answer = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(answer.timestamps?.echo == last)
    try peer.expectsNothing(for: .milliseconds(59_800))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(400))
    #expect(peer.state == .closed)
  }

  // TW-3, TS-6, TW-16
  @Test func `TIME-WAIT stamps its answers with the running clock`() throws {
    let (peer, c, _) = try inTimeWait()
    let before = try #require(peer.last?.segment?.timestamps?.value)
    try peer.advances(by: .seconds(5))
    peer.sends(.fin(seq: c.seq - 1, ack: c.ack, options: [peer.stampNow]))
    let answer = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(answer.timestamps.map { $0.value &- before } == 5000)
  }
}
