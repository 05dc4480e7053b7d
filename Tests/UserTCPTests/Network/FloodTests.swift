// A stack under floods, seeded: SYNs with every field random, SYNs for pairs in TIME-WAIT, packets that
// provoke ICMP errors. Clients go on, memory stays (RFC 4987, REQUIREMENTS SEC-16, SEC-17, SYS-1, SYS-37).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct FloodTests {
  /// A SYN whose every field is random, but for where it goes.
  private static func randomSYN(
    _ random: inout SeededRandom, to stack: IPv4Address, port: UInt16 = 80
  ) -> IPv4Packet {
    func word() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
    func half() -> UInt16 { UInt16(truncatingIfNeeded: random.next()) }
    var options: [SegmentOption] = []
    if random.happens(0.8) { options.append(.maximumSegmentSize(half())) }
    if random.happens(0.5) { options.append(.windowScale(UInt8(half() & 0xFF))) }
    if random.happens(0.5) { options.append(.sackPermitted) }
    if random.happens(0.5) { options.append(.timestamps(word(), word())) }
    if random.happens(0.1) { options.append(.raw(random.bytes(1 + Int(half() & 7)))) }
    let text = random.happens(0.1) ? random.bytes(Int(half() & 0x7F)) : []
    let segment = Segment.syn(
      seq: SequenceNumber(word()), window: half(), options: options, payload: text)
    var packet = segment.from(port: half()).to(port: port)
      .packet(from: IPv4Address(bits: word()), to: stack)
    packet.timeToLive = UInt8(half() & 0xFF)
    packet.typeOfService = UInt8(half() & 0xFF)
    packet.identification = half()
    return packet
  }

  // SEC-16, SEC-17, SYS-1
  @Test(arguments: [UInt64(1), 2])
  func `a flood of random SYNs keeps no client out and no memory`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 128)
    var flood = Flood()
    for round in 0..<40 {
      for _ in 0..<500 {
        flood.add(Self.randomSYN(&random, to: peer.stackAddress).encoded(), to: peer)
      }
      flood.flush(to: peer)
      try peer.requires(peer.stack.halfOpenCount <= 129, "\(peer.stack.halfOpenCount) entries")
      try peer.requires(peer.stack.bufferedBytes == 0, "buffers for strangers")
      // A client in the midst of it, with each kind of option in turn.
      let stamps: [SegmentOption] = round % 2 == 0 ? [.timestamps(1_000_000, 0)] : []
      peer.port = 20_000 + UInt16(round)
      peer.sends(.syn(seq: 99, options: [.maximumSegmentSize(1460), .windowScale(7)] + stamps))
      let answer = try #require(
        try peer.takesSegments().first { $0.destinationPort == peer.port }, "seed \(seed)")
      peer.sends(.ack(seq: 100, ack: answer.end, options: stamps.isEmpty ? [] : [peer.stampNow]))
      #expect(peer.state == .established, "seed \(seed), round \(round)")
      #expect(peer.appAccepts() != nil)
      try peer.advances(by: .milliseconds(5))
      _ = try peer.takesAll()
    }
    #expect(peer.stack.connectionCount == 40)
    #expect(peer.stack.counters.tcp.synCookiesSent > 10_000)
    #expect(peer.stack.counters.tcp.synCookiesReceived >= 30)
    _ = try peer.takesAll(for: .seconds(70))
    #expect(peer.stack.halfOpenCount == 0)
  }

  // SEC-16, SEC-17, SYS-1
  @Test(arguments: [UInt64(10), 11, 12])
  func `stacks finish their conversations while one of them is flooded`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var network = Network(seed: seed, transcriptLimit: 0)
    let ports: Range<UInt16> = 8000..<8008
    var talks: [Conversation] = []
    for port in ports {
      talks.append(
        try Conversation(
          on: network, port: Port(port), clientSends: random.bytes(20_000),
          serverSends: random.bytes(20_000)))
    }
    let server = network.hosts[1]
    let limit = network.now + .seconds(300)
    var batch = IncomingBatch()
    var round = 0
    repeat {
      // The clients come when the queues are full.
      if round > 40 { for index in talks.indices { talks[index].act(on: network) } }
      if round < 400 {
        batch.removeAll()
        for _ in 0..<48 {
          let port = UInt16.random(in: ports, using: &random)
          let bytes = Self.randomSYN(&random, to: server.address, port: port).encoded()
          batch.append(bytes, offload: .none)
        }
        server.stack.receive(batch, at: network.now)
      }
      #expect(server.stack.halfOpenCount <= ports.count * 17)
      round += 1
    } while talks.contains { !$0.isOver && $0.failure == nil } && network.step(until: limit)
    for talk in talks {
      #expect(talk.failure == nil, "seed \(seed)")
      #expect(talk.isOver, "seed \(seed)")
    }
    #expect(network.problems == [])
    #expect(server.stack.counters.tcp.synCookiesReceived > 0)
    network.run(until: network.now + .seconds(200))
    #expect(server.stack.halfOpenCount == 0)
    #expect(server.stack.connectionCount == 0)
    #expect(server.stack.bufferedBytes == 0)
  }

  // TW-19, SEC-16
  @Test func `SYNs for pairs in TIME-WAIT fill no memory and get no cookie`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 8)
    var ends: [SequenceNumber] = []
    for port: UInt16 in 1...300 {
      peer.port = port
      var c = try peer.opensConnection()
      try peer.closesAfterStack(&c)
      ends.append(c.seq)
    }
    for port: UInt16 in 1...300 {
      peer.sends(.syn(seq: ends[Int(port) - 1] + 1000).from(port: port))
      // A bound of the listener's making, not of the number of pairs.
      try peer.requires(peer.stack.halfOpenCount <= 32, "\(peer.stack.halfOpenCount) entries")
    }
    #expect(peer.stack.halfOpenCount >= 9)
    #expect(peer.stack.counters.tcp.synCookiesSent == 0)
    #expect(peer.stack.timeWaitCount == 300)
    _ = try peer.takesAll(for: .seconds(70))
    #expect(peer.stack.halfOpenCount == 0)
    #expect(peer.stack.timeWaitCount == 0)
  }

  // SEC-16, SYS-1
  @Test func `a hundred thousand spoofed SYNs leave no more entries than the backlog allows`()
    throws
  {
    var random = SeededRandom(seed: 3)
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .off })
    try peer.appListens(backlog: 128)
    var bytes = Segment.syn(seq: 1).from(port: 1).to(port: 80)
      .packet(from: peer.address, to: peer.stackAddress).encoded()
    var flood = Flood()
    for _ in 0..<100_000 {
      bytes.put(UInt32(truncatingIfNeeded: random.next()) << 16 | 80, at: 20)
      bytes.put(UInt32(truncatingIfNeeded: random.next()), at: 24)
      flood.add(bytes, to: peer)
    }
    flood.flush(to: peer)
    #expect(peer.stack.halfOpenCount == 129)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.bufferedBytes == 0)
    #expect(flood.answered < 200 + Int(peer.stack.counters.tcp.challengeACKs))
    #expect(peer.stack.counters.tcp.synQueueFullDrops > 99_000)
  }

  // SEC-9, SYS-37
  @Test func `a flood that provokes ICMP errors from many addresses gets a bounded answer`() throws
  {
    var random = SeededRandom(seed: 9)
    let peer = ScriptedPeer()
    var flood = Flood()
    for _ in 0..<20 {
      for _ in 0..<1000 {
        let packet = IPv4Packet(
          from: IPv4Address(bits: 0x0B00_0000 | UInt32(truncatingIfNeeded: random.next()) >> 8),
          to: peer.stackAddress, protocol: 253, payload: [1, 2, 3, 4])
        flood.add(packet.encoded(), to: peer)
      }
      flood.flush(to: peer)
      try peer.advances(by: .milliseconds(50))
    }
    // A second of 1,000, and the burst.
    #expect((50...1_200).contains(flood.answered))
  }
}
