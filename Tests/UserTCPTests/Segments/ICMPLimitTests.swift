// How many ICMP errors leave: one budget for all, one bucket for each host, and which types they are for
// (REQUIREMENTS SYS-36, SYS-37, ICMP4-6).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ICMPLimitTests {
  /// Provokes `count` errors (protocol unreachable) to a host at once; how many came.
  private func errors(
    _ peer: ScriptedPeer, _ count: Int, to host: IPv4Address? = nil
  ) throws -> Int {
    let packet = IPv4Packet(
      from: host ?? peer.address, to: peer.stackAddress, protocol: 253, payload: [1, 2, 3, 4])
    for _ in 0..<count { peer.sends(packet) }
    return try peer.takesAll().count { $0.icmp?.type == 3 && $0.icmp?.code == 2 }
  }

  private func replies(_ peer: ScriptedPeer, _ count: Int) throws -> Int {
    for _ in 0..<count { peer.sends(.echoRequest(identifier: 1, sequence: 1, [1])) }
    return try peer.takesAll().count { $0.icmp?.type == 0 }
  }

  private static let other = IPv4Address(192, 0, 2, 50)

  // SYS-37, ICMP4-6
  @Test func `a host gets six errors at once and then one a second`() throws {
    let peer = ScriptedPeer()
    #expect(try errors(peer, 10) == 6)
    #expect(peer.stack.counters.icmp.rateLimitedByTarget == 4)
    #expect(peer.stack.counters.icmp.rateLimited == 0)
    for _ in 0..<5 {
      try peer.advances(by: .seconds(1))
      #expect(try errors(peer, 10) == 1)
    }
    try peer.advances(by: .seconds(600))
    #expect(try errors(peer, 10) == 6)
  }

  // SYS-37
  @Test func `what one host has used up another still has`() throws {
    let peer = ScriptedPeer()
    #expect(try errors(peer, 10) == 6)
    #expect(try errors(peer, 10, to: Self.other) == 6)
    #expect(peer.stack.counters.icmp.rateLimitedByTarget == 8)
  }

  // SYS-37
  @Test func `a host that asks for thousands does not use up what others get`() throws {
    let peer = ScriptedPeer()
    #expect(try errors(peer, 2000) == 6)
    #expect(try errors(peer, 1, to: Self.other) == 1)
  }

  // SYS-37
  @Test func `the interval acts at once on a running stack`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.icmpErrorBurst = 10_000 })
    #expect(try errors(peer, 10) == 6)
    peer.stack.settings.icmpTargetInterval = .milliseconds(100)
    try peer.advances(by: .milliseconds(201))
    #expect(try errors(peer, 10) == 2)
    peer.stack.settings.icmpTargetInterval = .zero
    #expect(try errors(peer, 40) == 40)
  }

  // SYS-37
  @Test func `types outside the mask are not limited`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.icmpErrorBurst = 10_000 })
    peer.stack.settings.icmpLimitedTypes = 0
    #expect(try errors(peer, 300) == 300)
    #expect(peer.stack.counters.icmp.rateLimitedByTarget == 0)
    peer.stack.settings.icmpLimitedTypes = 1 << 3
    #expect(try errors(peer, 300) <= 6)
  }

  // SYS-37
  @Test func `echo replies are limited only when the mask has them`() throws {
    let peer = ScriptedPeer()
    #expect(try replies(peer, 100) == 100)
    peer.stack.settings.icmpLimitedTypes = 1
    try peer.advances(by: .seconds(10))
    #expect(try replies(peer, 100) <= 6)
    peer.stack.settings.icmpLimitedTypes = 6168
    #expect(try replies(peer, 100) == 100)
  }

  // SYS-37, ICMP4-6
  @Test func `all hosts together get about the burst at once`() throws {
    let peer = ScriptedPeer()
    var sent = 0
    for host: UInt32 in 1...1000 {
      sent += try errors(peer, 1, to: IPv4Address(bits: 0xCB00_7100 + host << 8))
    }
    // Fifty, give or take what chance makes each of them cost.
    #expect((25...100).contains(sent))
    #expect(Int(peer.stack.counters.icmp.rateLimited) == 1000 - sent)
    #expect(peer.stack.counters.icmp.rateLimitedByTarget == 0)
  }

  // SYS-37, SEC-9
  @Test func `nobody can count from outside how many errors others got`() throws {
    var seen: Set<Int> = []
    for word: UInt64 in 0..<8 {
      let peer = ScriptedPeer(secret: StackSecret(word, 1, 2, 3))
      peer.stack.settings.icmpTargetInterval = .zero
      seen.insert(try errors(peer, 200))
    }
    #expect(seen.count >= 3)
  }

  // SYS-37
  @Test func `burst and rate for all hosts act at once on a running stack`() throws {
    let peer = ScriptedPeer()
    peer.stack.settings.icmpTargetInterval = .zero
    peer.stack.settings.icmpErrorBurst = 5
    peer.stack.settings.icmpErrorsPerSecond = 5
    try peer.advances(by: .seconds(1))
    // What one error costs is drawn: none, one or two of the five.
    #expect((1...20).contains(try errors(peer, 100)))
    try peer.advances(by: .seconds(10))
    #expect((1...20).contains(try errors(peer, 100)))
    peer.stack.settings.icmpErrorBurst = 1000
    peer.stack.settings.icmpErrorsPerSecond = 1000
    try peer.advances(by: .seconds(2))
    #expect(try errors(peer, 300) == 300)
  }

  // SYS-36
  @Test func `echo is turned off and on while the stack runs`() throws {
    let peer = ScriptedPeer()
    #expect(try replies(peer, 3) == 3)
    peer.stack.settings.ignoresEcho = true
    #expect(try replies(peer, 3) == 0)
    peer.stack.settings.ignoresEcho = false
    #expect(try replies(peer, 3) == 3)
  }
}
