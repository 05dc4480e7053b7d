// A stack under attack, seeded: SYNs with every field random, ACKs that guess cookies, resets swept over
// the whole sequence space, ICMP errors that quote what was never sent. What is real must go on, what is
// not must leave nothing behind (RFC 4987, RFC 5961, RFC 5927, REQUIREMENTS SEC-*).

import Testing
import UserTCP
import UserTCPSimulation

/// Feeds segments to a stack by the batch, past scripts and transcripts, which a million would choke.
private struct Flood: ~Copyable {
  private var batch = IncomingBatch(packetLimit: 256, byteLimit: 1 << 20)
  private var answers = OutgoingBatch(capacity: 256)
  private(set) var answered = 0
  /// Answers with both SYN and ACK.
  private(set) var synAcks = 0

  /// Marked as verified, so that nobody has to compute a million checksums.
  mutating func add(_ bytes: [UInt8], to peer: ScriptedPeer) {
    unsafe batch.append(bytes.span.bytes, offload: OffloadInfo(checksum: .verified))
    if batch.isFull { flush(to: peer) }
  }

  mutating func flush(to peer: ScriptedPeer) {
    peer.stack.receive(batch, at: peer.now)
    batch.removeAll()
    repeat {
      answers.removeAll()
      peer.stack.poll(at: peer.now, into: &answers)
      answered += answers.count
      for index in 0..<answers.count where answers.copy(at: index)[33] & 0x3F == 0x12 {
        synAcks += 1
      }
    } while !answers.isEmpty
    while peer.stack.nextNotification() != nil {}
  }
}

extension [UInt8] {
  fileprivate mutating func put(_ value: UInt32, at offset: Int) {
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
    }
  }
}

@Suite struct FloodTests {
  private static func randomSYN(
    _ random: inout SeededRandom, to stack: IPv4Address
  ) -> IPv4Packet {
    var options: [SegmentOption] = []
    if random.happens(0.8) {
      options.append(.maximumSegmentSize(UInt16.random(in: 0...UInt16.max, using: &random)))
    }
    if random.happens(0.5) {
      options.append(.windowScale(UInt8.random(in: 0...255, using: &random)))
    }
    if random.happens(0.5) { options.append(.sackPermitted) }
    if random.happens(0.5) {
      options.append(
        .timestamps(
          UInt32(truncatingIfNeeded: random.next()), UInt32(truncatingIfNeeded: random.next())))
    }
    if random.happens(0.1) {
      options.append(.raw(random.bytes(Int.random(in: 1...8, using: &random))))
    }
    let segment = Segment.syn(
      seq: SequenceNumber(UInt32(truncatingIfNeeded: random.next())),
      window: UInt16.random(in: 0...UInt16.max, using: &random), options: options,
      payload: random.bytes(random.happens(0.1) ? Int.random(in: 0...100, using: &random) : 0)
    ).from(port: UInt16.random(in: 0...UInt16.max, using: &random)).to(port: 80)
    var packet = segment.packet(
      from: IPv4Address(bits: UInt32(truncatingIfNeeded: random.next())), to: stack)
    packet.timeToLive = UInt8.random(in: 0...255, using: &random)
    packet.typeOfService = UInt8.random(in: 0...255, using: &random)
    packet.identification = UInt16.random(in: 0...UInt16.max, using: &random)
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

  // SEC-17a
  @Test func `a million guesses at a cookie during an overflow are all refused`() throws {
    var random = SeededRandom(seed: 4)
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .always })
    try peer.appListens()
    _ = try peer.takesCookie()
    var bytes = Segment.ack(seq: 1, ack: 1).from(port: 1).to(port: 80)
      .packet(from: peer.address, to: peer.stackAddress).encoded()
    var flood = Flood()
    let guesses = 1 << 20
    for _ in 0..<guesses {
      bytes.put(UInt32(truncatingIfNeeded: random.next()) << 16 | 80, at: 20)
      let numbers = random.next()
      bytes.put(UInt32(truncatingIfNeeded: numbers), at: 24)
      bytes.put(UInt32(truncatingIfNeeded: numbers >> 32), at: 28)
      flood.add(bytes, to: peer)
    }
    flood.flush(to: peer)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.counters.tcp.synCookiesReceived == 0)
    #expect(peer.stack.counters.tcp.synCookiesFailed == UInt64(guesses))
    #expect(flood.answered == guesses - Int(peer.stack.counters.tcp.repliesDropped))
    // The stack is as well as before.
    peer.port = 40_001
    let answer = try peer.takesCookie()
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SEC-1, SEC-3, SEC-7
  @Test func `resets swept over all sequence numbers end a connection only at the exact one`()
    throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var bytes = peer.packet(of: .rst(seq: 0)).encoded()
    var flood = Flood()
    // Every 4,099th number from the one after RCV.NXT: a million, more than one in every window.
    var distance: UInt32 = 1
    var count = 0
    while distance < UInt32.max - 4_099 {
      bytes.put(c.seq.rawValue &+ distance, at: 24)
      flood.add(bytes, to: peer)
      distance += 4_099
      count += 1
    }
    // And every number near it.
    for offset in -5_000...5_000 where offset != 0 {
      bytes.put((c.seq + offset).rawValue, at: 24)
      flood.add(bytes, to: peer)
    }
    flood.flush(to: peer)
    #expect(count > 1_000_000)
    #expect(peer.state == .established)
    #expect(flood.answered == 1, "challenges of one connection keep a distance")
    #expect(peer.stack.counters.tcp.skippedReplies.challenges > 5_000)
    peer.sends(.data(seq: c.seq, ack: c.ack, "still here"))
    #expect(try peer.appReads(c.id) == Array("still here".utf8))
    peer.sends(.rst(seq: c.seq + 10))
    #expect(peer.state == .closed)
  }

  // SEC-4, SEC-6
  @Test(arguments: [UInt64(5), 6])
  func `blind segments of every kind neither end nor feed a connection`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var flood = Flood()
    for _ in 0..<50_000 {
      // Half the circle away from the window and more: what a guess nearly always hits.
      let far = Int.random(in: 200_000...(1 << 31), using: &random)
      let segment = Segment(
        flags: SegmentFlags(rawValue: UInt16.random(in: 0...0x3F, using: &random)),
        seq: c.seq + far, ack: SequenceNumber(UInt32(truncatingIfNeeded: random.next())),
        payload: [0xBA, 0xD0])
      flood.add(peer.packet(of: segment).encoded(), to: peer)
    }
    flood.flush(to: peer)
    #expect(peer.state == .established)
    #expect(try peer.appReads(c.id) == [])
    #expect(peer.stack.connectionCount == 1)
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack, ack: c.seq, length: 5))
  }

  /// The quotation of an ICMP error, wrong in at least one place that identifies a connection.
  private static func falsify(
    _ quotation: [UInt8], _ random: inout SeededRandom
  ) -> [UInt8] {
    var bytes = quotation
    // Version, protocol, both addresses, both ports; the sequence number far from the flight.
    let places: [ClosedRange<Int>] = [0...0, 9...9, 12...15, 16...19, 20...21, 22...23, 24...24]
    for _ in 0...Int.random(in: 0...2, using: &random) {
      let place = Int.random(in: places.randomElement(using: &random)!, using: &random)
      // The sequence number's first octet: 2^24 away at least; the others: any other value.
      bytes[place] ^= place == 0 ? 0x20 : UInt8.random(in: 1...255, using: &random)
      if bytes == quotation { bytes[place] ^= 1 }
    }
    return bytes
  }

  // SEC-23, SEC-27
  @Test(arguments: [UInt64(7), 8])
  func `ICMP errors about what was never sent do nothing`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 1000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    let text = Array(peer.last!.frame.bytes.prefix(28))
    let (opening, syn) = try peer.takesSYNOfProgram()
    let open = Array(peer.last!.frame.bytes.prefix(28))
    for round in 0..<5_000 {
      let quotation = Self.falsify(round % 2 == 0 ? text : open, &random)
      let kind = [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (11, 0), (12, 0)]
        .randomElement(using: &random)!
      peer.sends(
        ICMPPacket(
          type: UInt8(kind.0), code: UInt8(kind.1),
          word: UInt32.random(in: 0...2000, using: &random),
          payload: quotation))
      let events = peer.takeEvents(c.id).union(peer.takeEvents(opening))
      if !events.isDisjoint(with: [.softError, .closed]) {
        throw peer.failure("seed \(seed), round \(round): \(quotation) had an effect")
      }
    }
    #expect(peer.state == .synSent)
    #expect(peer.output.isEmpty)
    peer.sends(.synAck(seq: 7, ack: syn.end))
    #expect(peer.takeEvents(opening).contains(.established))
    peer.stackPort = 80
    #expect(peer.state == .established)
    #expect(peer.snapshot?.maximumSegmentSize == 1460)
    #expect(peer.stack.outcome(c.id) == nil)
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
