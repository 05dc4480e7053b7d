// How many answers invalid segments get: the stack's budget of challenge ACKs, the distance between two
// answers of one connection, and what counts those kept back (RFC 5961 §7, REQUIREMENTS SYS-18, SYS-19,
// SEC-7 to SEC-9, CNT-6).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ChallengeLimitTests {
  private static let ports: ClosedRange<UInt16> = 1...60

  /// Sixty connections, each challenged once within one instant: how many challenges were sent.
  private func challenges(
    _ peer: ScriptedPeer, _ connections: [ScriptedConnection]
  ) throws -> Int {
    for (port, c) in zip(Self.ports, connections) {
      peer.sends(.rst(seq: c.seq + 1).from(port: port))
    }
    return try peer.takesSegments().count
  }

  private func connected(
    _ settings: StackSettings, secret: UInt64 = 0
  ) throws -> (ScriptedPeer, [ScriptedConnection]) {
    let peer = ScriptedPeer(settings: settings, secret: StackSecret(secret, 1, 2, 3))
    var connections: [ScriptedConnection] = []
    for port in Self.ports {
      peer.port = port
      connections.append(try peer.opensConnection())
    }
    return (peer, connections)
  }

  // SYS-18, SEC-7
  @Test func `by default every connection gets its challenge`() throws {
    let (peer, connections) = try connected(StackSettings())
    #expect(try challenges(peer, connections) == 60)
    #expect(peer.stack.counters.tcp.challengeACKs == 60)
  }

  // SYS-18, SEC-7
  @Test func `a budget holds for each second, from half of it to one and a half`() throws {
    let (peer, connections) = try connected(.changed { $0.challengeLimit = 20 })
    for _ in 0..<10 {
      let sent = try challenges(peer, connections)
      #expect((10..<30).contains(sent))
      // The budget of a second is used up.
      #expect(try challenges(peer, connections) == 0)
      try peer.advances(by: .milliseconds(1_001))
    }
  }

  // SYS-18, SEC-9
  @Test func `the budget is drawn anew each second, so that nobody can count it`() throws {
    let (peer, connections) = try connected(.changed { $0.challengeLimit = 20 })
    var seen: Set<Int> = []
    for _ in 0..<20 {
      seen.insert(try challenges(peer, connections))
      try peer.advances(by: .milliseconds(1_001))
    }
    #expect(seen.count >= 4)
    var first: Set<Int> = []
    for secret: UInt64 in 0..<8 {
      let (other, theirs) = try connected(.changed { $0.challengeLimit = 20 }, secret: secret)
      first.insert(try challenges(other, theirs))
    }
    #expect(first.count >= 2)
  }

  // SYS-18
  @Test func `the budget acts at once on a running stack`() throws {
    let (peer, connections) = try connected(StackSettings())
    peer.stack.settings.challengeLimit = 4
    #expect((2..<6).contains(try challenges(peer, connections)))
    try peer.advances(by: .milliseconds(1_001))
    peer.stack.settings.challengeLimit = Int(Int32.max)
    #expect(try challenges(peer, connections) == 60)
  }

  // SYS-18
  @Test func `a budget below zero is none`() throws {
    let (peer, connections) = try connected(StackSettings())
    peer.stack.settings.challengeLimit = -1
    let limit = peer.stack.settings.challengeLimit
    try peer.requires(limit >= 0, "the stack took a budget of \(limit)")
    #expect(try challenges(peer, connections) == 0)
  }

  // SYS-18, SEC-2
  @Test func `an exhausted budget does not keep a real reset out`() throws {
    let (peer, connections) = try connected(.changed { $0.challengeLimit = 2 })
    _ = try challenges(peer, connections)
    peer.sends(.rst(seq: connections[59].seq).from(port: 60))
    #expect(peer.port == 60)
    #expect(peer.state == .closed)
  }
}

@Suite struct InvalidReplyTests {
  /// Answers to ten bare ACKs outside the window, a tenth of a second apart.
  private func answers(_ peer: ScriptedPeer, _ c: ScriptedConnection) throws -> Int {
    for _ in 0..<10 {
      peer.sends(.ack(seq: c.seq - 2000, ack: c.ack))
      try peer.advances(by: .milliseconds(100))
    }
    return try peer.takesSegments().count
  }

  // SYS-19, SEC-8
  @Test func `the distance between answers acts at once on a running stack`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    #expect(try answers(peer, c) == 2)
    peer.stack.settings.invalidReplyInterval = .zero
    #expect(try answers(peer, c) == 10)
    peer.stack.settings.invalidReplyInterval = .milliseconds(200)
    try peer.advances(by: .seconds(1))
    #expect(try answers(peer, c) == 5)
    peer.stack.settings.invalidReplyInterval = .seconds(5)
    try peer.advances(by: .seconds(5))
    #expect(try answers(peer, c) == 1)
  }

  // SYS-19, CNT-6
  @Test func `an answer kept back is counted by what the segment was`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .timestamps(5000, 0)])
    func twice(_ segment: Segment) throws {
      try peer.advances(by: .seconds(1))
      peer.sends(segment)
      peer.sends(segment)
      #expect(try peer.takesSegments().count == 1)
    }
    try twice(.ack(seq: c.seq - 2000, ack: c.ack, options: [.timestamps(5000, 0)]))
    #expect(peer.stack.counters.tcp.skippedReplies.sequence == 1)
    try twice(.ack(seq: c.seq, ack: c.ack, options: [.timestamps(4000, 0)]))
    #expect(peer.stack.counters.tcp.skippedReplies.paws == 1)
    #expect(peer.stack.counters.tcp.pawsRejected == 2)
    try twice(.rst(seq: c.seq + 1))
    #expect(peer.stack.counters.tcp.skippedReplies.challenges == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.total == 3)
  }

  // SYS-19, CNT-6
  @Test func `an answer kept back is counted by the state it was kept back in`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    let answer = try peer.opensHalf(ports: 40_000...40_000)[0]
    for _ in 0..<2 { peer.sends(.ack(seq: 100 + 1_000_000, ack: answer.end)) }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.inSynReceived == 1)
    peer.sends(.rst(seq: 101))

    var c = try peer.opensConnection(isn: 5000)
    peer.appCloses(c.id)
    c.ack = try peer.expectsAtOnce(.fin(seq: c.ack)).end
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.advances(by: .seconds(1))
    for _ in 0..<2 { peer.sends(.ack(seq: c.seq - 2000, ack: c.ack)) }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.inFinWait2 == 1)

    peer.sends(.fin(seq: c.seq, ack: c.ack))
    try peer.expectsAtOnce(.ack(ack: c.seq + 1))
    try peer.advances(by: .seconds(1))
    for _ in 0..<2 { peer.sends(.ack(seq: c.seq - 2000, ack: c.ack)) }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.inTimeWait == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.total == 3)
  }

  // SYS-19, SEC-8, TW-6
  @Test func `in TIME-WAIT segments that fail PAWS get answers at a distance, too`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: [
      .maximumSegmentSize(1460), .timestamps(1_000_000, 0),
    ])
    try peer.closesAfterStack(&c)
    try peer.advances(by: .seconds(1))
    for _ in 0..<50 {
      peer.sends(.ack(seq: c.seq, ack: c.ack, options: [.timestamps(999_000, 0)]))
      try peer.advances(by: .milliseconds(1))
    }
    #expect(try peer.takesSegments().count == 1)
    #expect(peer.stack.counters.tcp.skippedReplies.inTimeWait == 49)
  }
}
