// The SYN queue's limits and its own retransmissions (RFC 4987 §3.1, REQUIREMENTS SYS-1, SYS-2, SYS-12,
// SEC-16, SEC-20, SEC-21). Cookies have their own file.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNQueueTests {
  private func withoutCookies(_ maximum: Int) throws -> ScriptedPeer {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.synCookies = .off
        $0.maximumHalfOpen = maximum
      })
    try peer.appListens(backlog: 4096)
    return peer
  }

  private static let stranger = IPv4Address(192, 0, 2, 50)

  // SYS-2
  @Test func `without cookies the last quarter of the SYN queue is closed to strangers`() throws {
    let peer = try withoutCookies(128)
    try peer.opensHalf(ports: 1...97)
    peer.sends(.syn(seq: 100).from(port: 98))
    try peer.expectsNothing(for: .milliseconds(900))
    #expect(peer.stack.halfOpenCount == 97)
    #expect(peer.stack.counters.tcp.listenDrops == 1)
  }

  // SYS-2
  @Test func `a host that has been connected before may use the last quarter`() throws {
    let peer = try withoutCookies(128)
    let c = try peer.opensConnection()
    peer.sends(.rst(seq: c.seq))
    for port: UInt16 in 1...97 {
      peer.sends(.syn(seq: 100).from(port: port), from: Self.stranger)
      try peer.expectsAtOnce(.synAck(ack: 101))
    }
    peer.sends(.syn(seq: 100).from(port: 98), from: Self.stranger)
    #expect(try peer.takesSegments().isEmpty)
    try peer.opensHalf(ports: 1...20)
    #expect(peer.stack.halfOpenCount == 117)
  }

  // SYS-2
  @Test func `with cookies on overflow that limit does not hold`() throws {
    let peer = try withoutCookies(128)
    peer.stack.settings.synCookies = .onOverflow
    try peer.opensHalf(ports: 1...300)
    #expect(peer.stack.halfOpenCount == 300)
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
  }

  // SYS-2
  @Test func `the limit acts at once on a running stack`() throws {
    let peer = try withoutCookies(16)
    try peer.opensHalf(ports: 1...13)
    peer.sends(.syn(seq: 100).from(port: 14))
    #expect(try peer.takesSegments().isEmpty)
    peer.stack.settings.maximumHalfOpen = 32
    try peer.opensHalf(ports: 14...25)
    peer.stack.settings.maximumHalfOpen = 16
    peer.sends(.syn(seq: 100).from(port: 26))
    #expect(try peer.takesSegments().isEmpty)
    #expect(peer.stack.halfOpenCount == 25)
  }

  // SYS-1, SEC-16
  @Test func `an entry that leaves makes room for another`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .off })
    try peer.appListens(backlog: 4)
    try peer.opensHalf(ports: 1...5)
    peer.sends(.syn(seq: 100).from(port: 6))
    #expect(try peer.takesSegments().isEmpty)
    peer.sends(.rst(seq: 101).from(port: 3))
    #expect(peer.stack.halfOpenCount == 4)
    try peer.opensHalf(ports: 6...6)
  }

  // SYS-12
  @Test func `the number of SYN-ACKs acts at once on a running stack`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.stack.settings.synAckRetries = 1
    let answer = try peer.opensHalf(ports: 40_000...40_000)[0]
    try peer.expects(.synAck(seq: answer.seq), after: .seconds(1))
    try peer.expectsNothing(for: .milliseconds(1_900))
    #expect(peer.state == .synReceived)
    try peer.expectsNothing(for: .milliseconds(200))
    #expect(peer.state == .closed)
    peer.stack.settings.synAckRetries = 2
    try peer.opensHalf(ports: 40_000...40_000)
    #expect(try peer.takesSegments(for: .milliseconds(6_900)).count == 2)
    try peer.expectsNothing(for: .milliseconds(200))
    #expect(peer.state == .closed)
  }

  // SEC-21, CNT-4, CNT-2
  @Test func `a reset of one half-open connection leaves the others and the listener`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    let answers = try peer.opensHalf(ports: 1...3)
    peer.sends(.rst(seq: 101).from(port: 2))
    #expect(peer.stack.halfOpenCount == 2)
    #expect(peer.stack.counters.tcp.embryonicResets == 1)
    #expect(peer.stack.counters.tcp.attemptFails == 1)
    peer.port = 3
    peer.sends(.ack(seq: 101, ack: answers[2].end))
    #expect(peer.state == .established)
    try peer.opensHalf(ports: 4...4)
  }

  // SEC-16
  @Test func `a listener that ends takes its entries with it`() throws {
    let peer = ScriptedPeer()
    let id = try peer.appListens()
    let answers = try peer.opensHalf(ports: 1...20)
    peer.stack.stopListening(id)
    #expect(peer.stack.halfOpenCount == 0)
    _ = try peer.takesAll()
    peer.sends(.ack(seq: 101, ack: answers[0].end).from(port: 1))
    try peer.expectsAtOnce(.rst(seq: answers[0].end))
  }
}
