// Settings at values that no operator should choose and some will: nothing traps, spins or overflows.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ExtremeSettingTests {
  // SYS-20
  @Test func `keep-alive times of zero do not spin`() throws {
    for probes: UInt8 in [0, 1, 9, 255] {
      var keepAlive = KeepAlive()
      keepAlive.idleSeconds = 0
      keepAlive.intervalSeconds = 0
      keepAlive.probes = probes
      var options = ConnectionOptions()
      options.followsKeepAliveSettings = true
      let peer = ScriptedPeer(settings: .changed { $0.keepAlive = keepAlive })
      _ = try peer.opensConnection(connectionOptions: options)
      #expect(try peer.takesAll(for: .seconds(10)).count <= Int(probes) + 10)
    }
  }

  // SYS-14
  @Test(arguments: [Int.min, -1, 0, 255, Int.max])
  func `any R2 is survived`(_ retries: Int) throws {
    let peer = ScriptedPeer()
    peer.stack.settings.retries1 = retries
    peer.stack.settings.retries2 = retries
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    _ = try peer.takesAll(for: .seconds(3_000))
    #expect((peer.stack.outcome(c.id) == .timedOut) == (retries <= 0))
  }

  // SYS-11, SYS-12
  @Test(arguments: [Int.min, -1, 0, 255, Int.max])
  func `any number of SYNs is survived`(_ retries: Int) throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.synRetries = retries
        $0.synAckRetries = retries
        $0.synLinearTimeouts = min(retries, 4)
      })
    let id = try peer.appConnects()
    _ = try peer.takesAll()
    try peer.appListens()
    try peer.opensHalf(ports: 1...1)
    #expect(try peer.takesAll(for: .seconds(600)).count <= 30)
    #expect((peer.stack.outcome(id) == .timedOut) == (retries <= 0))
    #expect((peer.stack.halfOpenCount == 0) == (retries <= 0))
  }

  // SYS-6, SYS-9, TW-1
  @Test(arguments: [Interval.zero, .nanoseconds(1), .seconds(-5), .seconds(1 << 33)])
  func `any length of TIME-WAIT and FIN-WAIT-2 is survived`(_ length: Interval) throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.timeWaitInterval = length
        $0.finTimeout = length
      })
    let c = try peer.opensConnection()
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    peer.sends(.fin(seq: c.seq, ack: c.ack + 1))
    _ = try peer.takesAll(for: .seconds(1))
    #expect((peer.stack.timeWaitCount == 0) == (length < .seconds(1)))
    peer.port = 40_001
    let other = try peer.opensConnection()
    peer.appCloses(other.id)
    peer.sends(.ack(seq: other.seq, ack: other.ack + 1))
    _ = try peer.takesAll(for: .seconds(10))
    #expect((peer.stack.connectionCount == 0) == (length < .seconds(1)))
  }

  // SYS-19, SYS-37
  @Test(arguments: [Interval.zero, .nanoseconds(1), .seconds(-5), .seconds(1 << 33)])
  func `any distance between answers is survived`(_ length: Interval) throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.invalidReplyInterval = length
        $0.icmpTargetInterval = length
      })
    let c = try peer.opensConnection()
    for _ in 0..<20 {
      peer.sends(.ack(seq: c.seq - 2000, ack: c.ack))
      peer.sends(
        IPv4Packet(from: peer.address, to: peer.stackAddress, protocol: 253, payload: [1, 2]))
      try peer.advances(by: .seconds(1))
    }
    #expect(try peer.takesSegments().count >= 1)
    #expect(peer.state == .established)
  }

  // SYS-6, SYS-15, SYS-37
  @Test(arguments: [Int.min, -1, 0, Int.max])
  func `any limit is survived`(_ limit: Int) throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.maximumTimeWait = limit
        $0.maximumOrphans = limit
        $0.maximumHalfOpen = limit
        $0.icmpErrorBurst = limit
        $0.icmpErrorsPerSecond = limit
        $0.orphanRetries = limit
        $0.minimumSegmentSize = limit
        $0.synCookies = .off
      })
    try peer.appListens()
    peer.sends(.syn(seq: 99))
    for segment in try peer.takesSegments() {
      peer.sends(.ack(seq: 100, ack: segment.end))
      if let id = peer.appAccepts() {
        try peer.appWrites(id, count: 100)
        peer.appCloses(id)
      }
    }
    peer.sends(IPv4Packet(from: peer.address, to: peer.stackAddress, protocol: 253, payload: [1]))
    _ = try peer.takesAll(for: .seconds(5_000))
    #expect(peer.stack.halfOpenCount == 0)
  }
}
