// Where routers are silent: probes that are larger than other segments, black holes found by timeouts, and
// what one connection learns for all to the same host (RFC 4821, REQUIREMENTS PMTU-4, PMTU-7, PMTU-8).

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct PathProbingTests {
  static let options: [SegmentOption] = [
    .maximumSegmentSize(1460), .sackPermitted, .windowScale(8),
  ]

  private func peer(
    _ probing: PathProbing, offloads: OffloadCapabilities = .none,
    _ change: (inout StackSettings) -> Void = { _ in }
  ) -> ScriptedPeer {
    ScriptedPeer(
      settings: .forLossTests {
        $0.pathProbing = probing
        change(&$0)
      }, offloads: offloads)
  }

  /// A connection that may search, and the packets of its first flight of 20,000 octets.
  private func search(
    offloads: OffloadCapabilities = .none, options: [SegmentOption] = options
  ) throws -> (peer: ScriptedPeer, c: ScriptedConnection, packets: [CapturedPacket]) {
    let peer = peer(.always, offloads: offloads)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: options)
    peer.stampsSegments = c.usesTimestamps
    try peer.appWrites(c.id, count: 20_000)
    return (peer, c, try peer.takesAll())
  }

  /// The octets of text in each segment of `packets`, as the wire has them.
  private func sizes(_ packets: [CapturedPacket]) -> [Int] {
    packets.flatMap { packet -> [Int] in
      let count = packet.segment?.payload.count ?? 0
      let size = Int(packet.frame.offload.segmentSize)
      guard size > 0, count > size else { return [count] }
      return stride(from: 0, to: count, by: size).map { min(size, count - $0) }
    }
  }

  // MARK: Probes

  // PMTU-8, SYS-32
  @Test func `a search begins at the base size with one larger segment`() throws {
    let (_, _, packets) = try search()
    let sizes = sizes(packets)
    #expect(sizes.filter { $0 > 1024 } == [1242], "half way from 1064 to 1500, without headers")
    #expect(sizes.allSatisfy { $0 == 1024 || $0 == 1242 })
    #expect(sizes.count >= 5)
  }

  // PMTU-8
  @Test func `with timestamps the packet is as large`() throws {
    let (_, _, packets) = try search(options: Self.options + [.timestamps(1, 0)])
    #expect(Set(packets.map(\.frame.bytes.count)) == [1064, 1282])
  }

  // PMTU-8, OFF-2
  @Test func `a probe is no super-segment`() throws {
    let offloads = OffloadCapabilities(checksum: true, segmentation: true)
    let (_, _, packets) = try search(offloads: offloads)
    let probe = try #require(packets.first { $0.segment?.payload.count == 1242 })
    #expect(probe.frame.offload.segmentSize == 0)
    #expect(packets.contains { $0.frame.offload.segmentSize == 1024 })
  }

  // PMTU-8
  @Test func `a probe that arrives raises the size, until what is left is not worth one`() throws {
    var (peer, c, packets) = try search()
    var seen: Set<Int> = []
    for _ in 0..<12 {
      for packet in packets {
        guard let segment = packet.segment else { continue }
        seen.insert(segment.payload.count)
        c.ack = .latest(c.ack, segment.end)
      }
      try peer.advances(by: .milliseconds(50))
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      try peer.appWrites(c.id, count: 20_000)
      packets = try peer.takesAll()
    }
    let row = try #require(peer.snapshot)
    #expect(row.pathMTU > 1492 && row.pathMTU <= 1500)
    #expect(row.maximumSegmentSize == row.pathMTU - 40)
    #expect(seen.count > 4, "\(seen.sorted())")
    #expect(peer.stack.counters.tcp.pathProbesArrived == 6)
    #expect(peer.stack.counters.tcp.pathProbesLost == 0)
    #expect(peer.stack.counters.tcp.retransmissions == 0)
  }

  // PMTU-8, RFC 4821 §7.5
  @Test func `a probe that is lost alone is no sign of congestion`() throws {
    var (peer, c, packets) = try search()
    let probe = try #require(packets.first { $0.segment?.payload.count == 1242 }?.segment)
    let window = try #require(peer.snapshot).congestionWindow
    try peer.advances(by: .milliseconds(50))
    // All but the probe has arrived.
    c.ack = probe.seq
    let end = try #require(packets.last?.segment?.end)
    peer.sends(.ack(seq: c.seq, ack: probe.seq).sack([SegmentBlock(probe.end, end)]))
    let later = try peer.takesAll(for: .milliseconds(30))
    let again = later.filter {
      $0.segment.map { $0.seq >= probe.seq && $0.seq < probe.end } ?? false
    }
    #expect(sizes(again) == [1024, 218], "in ordinary pieces")
    #expect(try #require(peer.snapshot).congestionWindow >= window)
    #expect(peer.stack.counters.tcp.sackRecoveries == 0)
    #expect(peer.stack.counters.tcp.pathProbesLost == 1)
    // The next one is smaller.
    let last = later.compactMap { $0.segment?.end }.reduce(end) { .latest($0, $1) }
    peer.sends(.ack(seq: c.seq, ack: last))
    try peer.appWrites(c.id, count: 20_000)
    packets = try peer.takesAll()
    #expect(sizes(packets).filter { $0 > 1024 } == [1133])
  }

  // PMTU-8, CC-12, RFC 4821 §7.6.4
  @Test func `a probe that is lost with others shows nothing`() throws {
    let (peer, c, packets) = try search()
    let probe = try #require(packets.first { $0.segment?.payload.count == 1242 }?.segment)
    let end = try #require(packets.last?.segment?.end)
    try peer.advances(by: .milliseconds(50))
    peer.sends(.ack(seq: c.seq, ack: probe.seq).sack([SegmentBlock(probe.end + 1024, end)]))
    _ = try peer.takesAll(for: .milliseconds(30))
    #expect(peer.stack.counters.tcp.sackRecoveries == 1)
    #expect(peer.stack.counters.tcp.pathProbesLost == 0)
  }

  // PMTU-8
  @Test func `a router that reports a probe ends it at once`() throws {
    let (peer, _, packets) = try search()
    let probe = try #require(packets.first { $0.segment?.payload.count == 1242 })
    let window = try #require(peer.snapshot).congestionWindow
    peer.sendsError(type: 3, code: 4, about: probe, word: 1100)
    let again = try peer.takesAll()
    #expect(again.first?.segment?.seq == probe.segment?.seq)
    #expect(sizes(again).prefix(2) == [1024, 218])
    #expect(peer.snapshot?.pathMTU == 1064)
    #expect(peer.snapshot?.congestionWindow == window)
    #expect(peer.stack.counters.tcp.pathProbesLost == 1)
  }

  // PMTU-8
  @Test func `a probe finds its room while ACKs set the pace`() throws {
    var (peer, c, packets) = try search()
    try peer.appWrites(c.id, count: 40_000)
    var sent: [Int] = []
    var due = packets.compactMap { $0.segment?.end }
    // One ACK for every segment, as a path clocks them.
    for _ in 0..<60 where !due.isEmpty {
      c.ack = due.removeFirst()
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      packets = try peer.takesAll()
      due += packets.compactMap { $0.segment?.end }
      sent += sizes(packets)
    }
    #expect(Set(sent).count >= 3, "\(sent)")
    #expect(peer.stack.counters.tcp.pathProbesArrived >= 3)
  }

  // PMTU-8, RFC 4821 §7.4
  @Test func `no probe goes out that could only be missed by a timeout`() throws {
    let peer = peer(.always)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 1242 + 2 * 1024)
    #expect(sizes(try peer.takesAll()).allSatisfy { $0 <= 1024 })
  }

  // SYS-32
  @Test(arguments: [PathProbing.off, .onBlackHole])
  func `without a black hole nothing is searched for unless always`(_ probing: PathProbing) throws {
    let peer = peer(probing)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 14_600)
    #expect(sizes(try peer.takesAll()) == Array(repeating: 1460, count: 10))
  }

  // SYS-32
  @Test func `the base size can be set`() throws {
    let peer = peer(.always) { $0.baseSegmentSize = 700 }
    let c = try peer.opensConnection(options: Self.options)
    try peer.appWrites(c.id, count: 700)
    #expect(sizes(try peer.takesAll()) == [700])
  }

  // MARK: Black holes

  // PMTU-8
  @Test(arguments: [options, [.maximumSegmentSize(1460)]])
  func `after two timeouts of a full segment smaller ones are sent`(
    _ options: [SegmentOption]
  ) throws {
    let peer = peer(.onBlackHole)
    var c = try peer.opensConnection(roundTrip: .milliseconds(50), options: options)
    let end = c.ack + 14_600
    try peer.appWrites(c.id, count: 14_600)
    var inVain = 0
    for _ in 0..<2000 where c.ack < end {
      for packet in try peer.takesAll(for: .milliseconds(10)) {
        guard let segment = packet.segment, packet.frame.bytes.count <= 1100 else {
          inVain += 1
          continue
        }
        guard segment.seq == c.ack else { continue }
        if c.ack == end - 14_600 {
          #expect(segment.payload.count == 1024)
          #expect(peer.stack.counters.tcp.timeouts == 2)
          #expect(peer.snapshot?.pathMTU == 1064 && peer.snapshot?.maximumSegmentSize == 1024)
        }
        c.ack = segment.end
        peer.sends(.ack(seq: c.seq, ack: c.ack))
      }
    }
    #expect(c.ack == end)
    #expect(inVain >= 11, "a flight, and one segment after the first timeout")
    #expect(peer.stack.counters.tcp.timeouts == 2)
  }

  // PMTU-8, PMTU-6
  @Test func `a hole that swallows those, too, is tried with half and never below the floor`()
    throws
  {
    let peer = peer(.onBlackHole)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 14_600)
    _ = try peer.takesAll(for: .seconds(200))
    #expect(peer.snapshot?.pathMTU == 552)
  }

  // PMTU-8, SYS-32
  @Test func `timeouts mean no black hole unless asked for`() throws {
    let peer = peer(.off)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 14_600)
    #expect(sizes(try peer.takesAll(for: .seconds(60))).allSatisfy { $0 == 1460 })
  }

  // PMTU-8
  @Test func `timeouts of small segments mean no black hole`() throws {
    let peer = peer(.onBlackHole)
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 600)
    _ = try peer.takesAll(for: .seconds(60))
    #expect(peer.snapshot?.pathMTU == 1500)
  }

  // MARK: Shared with others

  /// Two connections with full segments in flight, and a router that has shrunk the first one's.
  private func two() throws -> (
    peer: ScriptedPeer, first: ScriptedConnection, second: ScriptedConnection
  ) {
    let peer = peer(.off)
    let first = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(first.id, count: 2 * 1460)
    let packet = try #require(try peer.takesAll().first)
    peer.sendsError(type: 3, code: 4, about: packet, word: 1000)
    _ = try peer.takesAll()
    peer.port += 1
    let second = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    return (peer, first, second)
  }

  // PMTU-7
  @Test func `a second connection to the same host starts smaller`() throws {
    let (peer, _, second) = try two()
    try peer.appWrites(second.id, count: 5000)
    #expect(try peer.takesAll().allSatisfy { $0.frame.bytes.count <= 1000 })
    #expect(peer.stack.snapshot(second.id)?.congestionWindow == 9600, "IW10 of its own segments")
  }

  // PMTU-7
  @Test func `an MSS below the path's is kept`() throws {
    let (peer, _, _) = try two()
    peer.port += 1
    let c = try peer.opensConnection(
      roundTrip: .milliseconds(50), options: [.maximumSegmentSize(700), .sackPermitted])
    try peer.appWrites(c.id, count: 5000)
    #expect(try peer.takesAll().allSatisfy { $0.frame.bytes.count <= 740 })
    #expect(peer.stack.snapshot(c.id)?.pathMTU == 1000)
  }

  // PMTU-7, PMTU-2
  @Test func `what another has learnt is true of what is in flight`() throws {
    let peer = peer(.off)
    let one = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(one.id, count: 5 * 1460)
    _ = try peer.takesAll()
    peer.port += 1
    let other = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(other.id, count: 2 * 1460)
    let packet = try #require(try peer.takesAll().first)
    peer.sendsError(type: 3, code: 4, about: packet, word: 1000)
    _ = try peer.takesAll()
    // The one's own message need not come: something to do is enough.
    try peer.appWrites(one.id, count: 100)
    let again = try peer.takesAll()
    #expect(again.first?.segment?.seq == one.ack)
    #expect(again.allSatisfy { $0.frame.bytes.count <= 1000 })
    #expect(peer.stack.counters.tcp.sackRecoveries == 0)
  }

  // PMTU-7, PMTU-4
  @Test func `a message to one connection does not raise what another has learnt`() throws {
    let peer = peer(.off)
    let one = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(one.id, count: 5 * 1460)
    let large = try #require(try peer.takesAll().first)
    peer.port += 1
    let other = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(other.id, count: 2 * 1460)
    peer.sendsError(type: 3, code: 4, about: try #require(try peer.takesAll().first), word: 800)
    peer.sendsError(type: 3, code: 4, about: large, word: 1000)
    #expect(try peer.takesAll().allSatisfy { $0.frame.bytes.count <= 800 })
    #expect(peer.stack.snapshot(one.id)?.pathMTU == 800)
    #expect(peer.stack.snapshot(one.id)?.maximumSegmentSize == 760)
  }

  // PMTU-7
  @Test func `another host's path is another path`() throws {
    var table = PathTable(secrets: HostSecrets(StackSecret(1, 2, 3, 4)))
    let near = IPv4Address(192, 0, 2, 1)
    table.limit(to: 1000, ceiling: 1000, for: near, at: .zero)
    #expect(table.path(to: near)?.mtu == 1000)
    #expect(table.path(to: IPv4Address(192, 0, 2, 2)) == nil)
  }

  // PMTU-7
  @Test func `a hundred thousand paths occupy no more than some`() throws {
    var table = PathTable(secrets: HostSecrets(StackSecret(1, 2, 3, 4)))
    for index: UInt32 in 1...100_000 {
      table.limit(to: 1000, ceiling: 1000, for: IPv4Address(bits: index), at: .zero)
    }
    let known = (1...100_000 as ClosedRange<UInt32>).filter {
      table.path(to: IPv4Address(bits: $0)) != nil
    }
    #expect(known.count <= 2048 && known.contains(100_000))
  }

  // MARK: Ageing

  // PMTU-4
  @Test func `with probes an old limit is probed before it is given up`() throws {
    let peer = peer(.onBlackHole)
    var c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 5 * 1460)
    let packet = try #require(try peer.takesAll().first)
    peer.sendsError(type: 3, code: 4, about: packet, word: 1000)
    _ = try peer.acknowledges(&c, count: 5 * 1460)
    try peer.advances(by: .seconds(301))
    try peer.appWrites(c.id, count: 9600)
    #expect(sizes(try peer.takesAll()).allSatisfy { $0 <= 960 }, "not within five minutes")
    c.ack += 9600
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.advances(by: .seconds(300))
    try peer.appWrites(c.id, count: 9600)
    let sizes = sizes(try peer.takesAll())
    #expect(sizes.filter { $0 > 960 } == [1210], "one larger segment is tried: \(sizes)")
  }

  // PMTU-4, PMTU-8
  @Test func `who cannot probe tries the whole when a limit is old`() throws {
    let peer = peer(.onBlackHole)
    var c = try peer.opensConnection(
      roundTrip: .milliseconds(50), options: [.maximumSegmentSize(1460)])
    try peer.appWrites(c.id, count: 5 * 1460)
    let packet = try #require(try peer.takesAll().first)
    peer.sendsError(type: 3, code: 4, about: packet, word: 1000)
    _ = try peer.acknowledges(&c, count: 5 * 1460)
    try peer.advances(by: .seconds(601))
    try peer.appWrites(c.id, count: 1460)
    #expect(sizes(try peer.takesAll()) == [1460])
  }

  // PMTU-4
  @Test func `a path ages from the last change, and all of them with one look`() throws {
    var table = PathTable(secrets: HostSecrets(StackSecret(1, 2, 3, 4)))
    let (first, second) = (IPv4Address(192, 0, 2, 1), IPv4Address(192, 0, 2, 2))
    table.limit(to: 1000, ceiling: 1000, for: first, at: .zero + .seconds(1))
    table.limit(to: 1000, ceiling: 1000, for: second, at: .zero + .seconds(100))
    table.limit(to: 900, ceiling: 900, for: second, at: .zero + .seconds(200))
    table.age(at: .zero + .seconds(600), probing: false)
    #expect(table.path(to: first) != nil)
    let before = table.generation
    table.age(at: .zero + .seconds(601), probing: false)
    #expect(table.path(to: first) == nil && table.path(to: second) != nil)
    #expect(table.generation != before)
    table.age(at: .zero + .seconds(800), probing: false)
    #expect(table.path(to: second) == nil)
  }

  // MARK: Without discovery

  // SYS-32, PMTU-1, IP4-11
  @Test(arguments: [PathMTUDiscovery.off, .ignoringMessages, .checked])
  func `without discovery packets may be cut`(_ discovery: PathMTUDiscovery) throws {
    let offloads = OffloadCapabilities(checksum: true, segmentation: true)
    let peer = peer(.always, offloads: offloads) { $0.pathMTUDiscovery = discovery }
    let c = try peer.opensConnection(roundTrip: .milliseconds(50), options: Self.options)
    try peer.appWrites(c.id, count: 10_240)
    let packets = try peer.takesAll()
    #expect(packets.allSatisfy { !$0.ip.dontFragment })
    #expect(Set(packets.map(\.ip.identification)).count == packets.count)
    #expect(sizes(packets).allSatisfy { $0 == 1024 }, "nor are there probes")
    peer.sendsError(type: 3, code: 4, about: packets[0], word: 700)
    let expected = [PathMTUDiscovery.off: 552, .ignoringMessages: 1064, .checked: 700]
    #expect(peer.snapshot?.pathMTU == expected[discovery])
  }
}
