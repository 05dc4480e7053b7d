// Active opens that take a pair in TIME-WAIT over: `tcp_tw_reuse` (RFC 6191, REQUIREMENTS SYS-3, TW-13,
// TW-15), with a named local port and with a chosen one.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TimeWaitReuseTests {
  private static let port: UInt16 = 5000

  /// The stack opened from its port 5000, closed first, and is in TIME-WAIT.
  private func inTimeWait(
    _ reuse: TimeWaitReuse, timestamps: Bool = true
  ) throws -> (peer: ScriptedPeer, c: ScriptedConnection) {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.localPorts = Self.port...Self.port
        $0.timeWaitReuse = reuse
      })
    let stamps: [SegmentOption] = timestamps ? [.timestamps(1_000_000, 0)] : []
    var c = try peer.answersConnection(options: [.maximumSegmentSize(1460)] + stamps)
    try peer.closesAfterStack(&c)
    return (peer, c)
  }

  private func opensAgain(_ peer: ScriptedPeer) throws -> Segment {
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, Port(Self.port)))
    return try peer.expectsAtOnce(.syn())
  }

  // SYS-3, TW-15
  @Test func `within a second a pair in TIME-WAIT may not be taken over`() throws {
    let (peer, _) = try inTimeWait(.always)
    try peer.advances(by: .milliseconds(500))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    #expect(peer.state == .timeWait)
    #expect(peer.stack.counters.tcp.timeWaitReused == 0)
  }

  // SYS-3, TW-13, CNT-3
  @Test func `after two seconds the pair is taken over beyond its old numbers`() throws {
    let (peer, c) = try inTimeWait(.always)
    let before = try #require(peer.last?.segment?.timestamps?.value)
    try peer.advances(by: .seconds(2))
    let syn = try opensAgain(peer)
    #expect(syn.seq - c.ack == 65_537)
    let after = try #require(syn.timestamps?.value)
    #expect(Int32(bitPattern: after &- before) > 0)
    #expect(peer.stack.counters.tcp.timeWaitReused == 1)
    #expect(peer.stack.timeWaitCount == 0)
    #expect(peer.state == .synSent)
    peer.sends(.synAck(seq: 7_000, ack: syn.end, options: [peer.stampNow]))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 7_001))
    #expect(peer.state == .established)
  }

  // SYS-3
  @Test(arguments: [TimeWaitReuse.never, .loopbackOnly])
  func `otherwise a pair on the network is not taken over`(_ reuse: TimeWaitReuse) throws {
    let (peer, _) = try inTimeWait(reuse)
    try peer.advances(by: .seconds(30))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    #expect(peer.state == .timeWait)
  }

  // SYS-3
  @Test func `without timestamps a pair is not taken over`() throws {
    let (peer, _) = try inTimeWait(.always, timestamps: false)
    try peer.advances(by: .seconds(30))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    #expect(peer.state == .timeWait)
  }

  // SYS-3
  @Test func `the knob acts at once on a running stack`() throws {
    let (peer, _) = try inTimeWait(.never)
    try peer.advances(by: .seconds(2))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    peer.stack.settings.timeWaitReuse = .always
    _ = try opensAgain(peer)
  }

  // SYS-3, TW-1
  @Test(arguments: [10, 300])
  func `a pair's age does not change with the length of TIME-WAIT`(_ seconds: Int64) throws {
    let (peer, _) = try inTimeWait(.always)
    peer.stack.settings.timeWaitInterval = .seconds(seconds)
    try peer.advances(by: .milliseconds(500))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    try peer.advances(by: .milliseconds(1_500))
    _ = try opensAgain(peer)
  }

  // SYS-3, SYS-4
  @Test func `a pair that is recycled soon is not younger or older for it`() throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.localPorts = Self.port...Self.port
        $0.timeWaitReuse = .always
        $0.recyclesTimeWait = true
        $0.minimumRetransmissionTimeout = .seconds(1)
      })
    var c = try peer.answersConnection(options: [
      .maximumSegmentSize(1460), .timestamps(1_000_000, 0),
    ])
    try peer.closesAfterStack(&c)
    try peer.advances(by: .milliseconds(500))
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    try peer.advances(by: .milliseconds(1_500))
    _ = try opensAgain(peer)
  }

  // SYS-3
  @Test func `an orphan in FIN-WAIT-2 is not taken over`() throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.localPorts = Self.port...Self.port
        $0.timeWaitReuse = .always
      })
    let c = try peer.answersConnection(options: [
      .maximumSegmentSize(1460), .timestamps(1_000_000, 0),
    ])
    peer.appCloses(c.id)
    let fin = try peer.expectsAtOnce(.fin(seq: c.ack))
    peer.sends(.ack(seq: c.seq, ack: fin.end, options: [peer.stampNow]))
    try peer.advances(by: .seconds(5))
    #expect(peer.state == .finWait2)
    #expect(throws: TCPError.addressInUse) { try opensAgain(peer) }
    #expect(peer.state == .finWait2)
  }

  // SYS-3, SEC-15
  @Test func `when every port waits, a chosen port may be one that is ripe`() throws {
    let (peer, c) = try inTimeWait(.always)
    try peer.advances(by: .milliseconds(500))
    #expect(throws: TCPError.addressNotAvailable) { try peer.appConnects() }
    try peer.advances(by: .milliseconds(1_500))
    _ = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    #expect(syn.sourcePort == Self.port)
    #expect(syn.seq - c.ack > 0)
    #expect(peer.stack.counters.tcp.timeWaitReused == 1)
  }

  // SYS-3
  @Test func `without the knob every port that waits is a port less`() throws {
    let (peer, _) = try inTimeWait(.never)
    try peer.advances(by: .seconds(30))
    #expect(throws: TCPError.addressNotAvailable) { try peer.appConnects() }
    try peer.advances(by: .seconds(31))
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).sourcePort == Self.port)
  }

  // SYS-3
  @Test func `a free port is preferred to one in TIME-WAIT`() throws {
    for secret: UInt64 in 0..<8 {
      let peer = ScriptedPeer(
        settings: .changed {
          $0.localPorts = Self.port...Self.port
          $0.timeWaitReuse = .always
        }, secret: StackSecret(secret, 1, 2, 3))
      var c = try peer.answersConnection(options: [
        .maximumSegmentSize(1460), .timestamps(1_000_000, 0),
      ])
      try peer.closesAfterStack(&c)
      try peer.advances(by: .seconds(2))
      peer.stack.settings.localPorts = Self.port...Self.port + 1
      _ = try peer.appConnects()
      #expect(try peer.expectsAtOnce(.syn()).sourcePort == Self.port + 1)
      #expect(peer.stack.counters.tcp.timeWaitReused == 0)
    }
  }

  /// A connection of the stack with itself over the loopback network, closed by the client.
  private func loopback(_ reuse: TimeWaitReuse) throws -> (ScriptedPeer, () throws -> ConnectionID)
  {
    let peer = ScriptedPeer(settings: .changed { $0.timeWaitReuse = reuse })
    try peer.appListens()
    let home = IPv4Address(127, 0, 0, 1)
    let connect = {
      try peer.appConnects(from: Endpoint(home, Port(Self.port)), to: Endpoint(home, 80))
    }
    let client = try connect()
    let server = try #require(peer.appAccepts())
    peer.appCloses(client)
    peer.appCloses(server)
    #expect(peer.stack.timeWaitCount == 1)
    return (peer, connect)
  }

  // SYS-3
  @Test func `on the loopback network a pair is taken over by default`() throws {
    let (peer, connect) = try loopback(StackSettings().timeWaitReuse)
    #expect(throws: TCPError.addressInUse) { try connect() }
    try peer.advances(by: .seconds(2))
    let again = try connect()
    #expect(peer.takeEvents(again).contains(.established))
    #expect(peer.stack.counters.tcp.timeWaitReused == 1)
  }

  // SYS-3
  @Test func `with the knob at zero not even there`() throws {
    let (peer, connect) = try loopback(.never)
    try peer.advances(by: .seconds(2))
    #expect(throws: TCPError.addressInUse) { try connect() }
  }
}
