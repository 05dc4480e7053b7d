// Fragments that no honest host sends: overlaps, impossible lengths, headers cut to slip past a filter, and
// more of them than memory could hold (RFC 1858, RFC 3128, RFC 5722, REQUIREMENTS FRAG-3 to FRAG-6).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct BadFragmentTests {
  /// What lies across, inside or around the octets 96 to 192 of another fragment.
  static let overlaps: [(Range<Int>, Bool)] = [
    (88..<104, true), (96..<104, true), (104..<112, true), (184..<200, true), (184..<192, true),
    (88..<200, true), (96..<200, true), (88..<192, true), (0..<104, true), (184..<308, false),
  ]

  // FRAG-4, DEC-8
  @Test(arguments: overlaps)
  func `an overlap discards the datagram for good`(_ range: Range<Int>, _ more: Bool) throws {
    let peer = ScriptedPeer()
    let whole = peer.ping(300)
    peer.sends(whole.fragment(96..<192, more: true, identification: 1))
    peer.sends(whole.fragment(range, more: more, identification: 1))
    #expect(peer.stack.counters.ip.fragmentOverlaps == 1)
    for piece in whole.fragments(at: [96, 192], identification: 1) { peer.sends(piece) }
    try peer.expectsNothing(for: .seconds(29))
    #expect(peer.stack.counters.ip.reassemblyFailures == 1)
    #expect(peer.stack.fragmentBytes < 1000, "only its name is kept")
    try peer.expectsNothing(for: .seconds(2))
    #expect(peer.stack.counters.ip.reassemblyTimeouts == 0)
    for piece in whole.fragments(at: [96, 192], identification: 1) { peer.sends(piece) }
    try peer.expectsICMP(type: 0)
  }

  // FRAG-4, DEC-8
  @Test func `other octets at the same place are an overlap`() throws {
    let peer = ScriptedPeer()
    var pieces = peer.halves(1)
    peer.sends(pieces[0])
    pieces[0].payload[50] ^= 1
    peer.sends(pieces[0])
    peer.sends(pieces[1])
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.counters.ip.fragmentOverlaps == 1)
  }

  // FRAG-4: teardrop, a last fragment inside the first
  @Test func `a datagram that ends before its fragments do is discarded`() throws {
    let peer = ScriptedPeer()
    let whole = peer.ping(300)
    for (identification, pieces) in [
      [(0..<40, true), (24..<28, false)], [(200..<208, true), (96..<104, false)],
      [(96..<104, false), (200..<208, true)], [(200..<208, false), (96..<104, false)],
    ].enumerated() {
      for (range, more) in pieces {
        peer.sends(whole.fragment(range, more: more, identification: UInt16(identification)))
      }
      for piece in whole.fragments(at: [96], identification: UInt16(identification)) {
        peer.sends(piece)
      }
    }
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.counters.ip.reassemblyFailures == 4)
  }

  // FRAG-3
  @Test func `a fragment beyond the largest packet is dropped`() throws {
    let peer = ScriptedPeer()
    for (offset, count) in [(65_528, 8), (65_512, 8), (65_504, 12), (40_000, 40_000)] {
      var piece = peer.ping(65_000).fragment(
        0..<min(count, 25_600), more: false, identification: 1)
      piece.fragmentOffset = UInt16(offset / 8)
      peer.sends(piece)
    }
    #expect(peer.stack.counters.ip.reassemblyFailures == 4)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // FRAG-3
  @Test func `a packet that its first header makes too long is dropped`() throws {
    let peer = ScriptedPeer()
    var pieces = peer.ping(65_507).fragments(at: [32_768], identification: 1)
    pieces[0].options = [1, 1, 1, 0]
    for piece in pieces { peer.sends(piece) }
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.counters.ip.reassemblyFailures == 1)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // FRAG-3
  @Test func `only the last fragment may end between two units, and none is empty`() throws {
    let peer = ScriptedPeer()
    for count in [1, 7, 9, 95, 97, 0] {
      peer.sends(peer.ping(300).fragment(0..<count, more: true, identification: 1))
    }
    peer.sends(peer.ping(300).fragment(96..<96, more: false, identification: 1))
    #expect(peer.stack.counters.ip.reassemblyFailures == 7)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // FRAG-5
  @Test(arguments: [[8], [16], [8, 16], [24]])
  func `a TCP header in two fragments never arrives`(_ cuts: [Int]) throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    var syn = Segment.syn(seq: 99, options: [.maximumSegmentSize(1460), .sackPermitted])
    syn.payload = ScriptedPeer.pattern(40)
    for piece in peer.packet(of: syn).fragments(at: cuts, identification: 1) { peer.sends(piece) }
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.halfOpenCount == 0)
  }

  // FRAG-5
  @Test func `a SYN whose header is whole arrives in fragments`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    var syn = Segment.syn(seq: 99)
    syn.payload = ScriptedPeer.pattern(40)
    for piece in peer.packet(of: syn).fragments(at: [24], identification: 1) { peer.sends(piece) }
    try peer.expectsAtOnce(.synAck(ack: 100))
  }

  // MARK: Floods

  // FRAG-6, SYS-34
  @Test func `first fragments of many hosts never fill more than their memory`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.reassemblyMemory = 1 << 20 })
    var most = 0
    var batch = IncomingBatch(packetLimit: 1000, byteLimit: 1 << 20)
    for round in 0..<100 {
      batch.removeAll()
      for index in 0..<1000 {
        let host = IPv4Address(198, 51, UInt8(round), UInt8(index % 250))
        let piece = peer.ping(40, from: host).fragment(
          0..<24, more: true, identification: UInt16(index))
        unsafe batch.append(piece.encoded().span.bytes, offload: .none)
      }
      peer.stack.receive(batch, at: peer.now)
      most = max(most, peer.stack.fragmentBytes)
    }
    #expect(most <= 1 << 20)
    #expect(most > 900_000, "the memory is used before anything goes")
    for piece in peer.halves(1) { peer.sends(piece) }
    try peer.expectsICMP(type: 0)
  }

  // FRAG-6
  @Test func `one host's flood leaves the datagrams of others alone, and its own new ones pass`()
    throws
  {
    let peer = ScriptedPeer(settings: .changed { $0.reassemblyMemory = 1 << 20 })
    let victim = IPv4Address(203, 0, 113, 9)
    peer.sends(peer.halves(1, from: victim)[0])
    for identification: UInt16 in 0..<20_000 {
      peer.sends(peer.ping(4000).fragment(2400..<3200, more: true, identification: identification))
    }
    #expect(peer.stack.fragmentBytes < 300 << 10)
    peer.sends(peer.halves(1, from: victim)[1])
    try peer.expectsICMP(type: 0)
    for piece in peer.halves(60_000) { peer.sends(piece) }
    try peer.expectsICMP(type: 0)
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.fragmentBytes == 0)
  }

  // SYS-34
  @Test(arguments: [(64, true), (65, false)])
  func `a datagram whose host has long gone on is another one`(
    _ others: Int, _ isOne: Bool
  ) throws {
    let peer = ScriptedPeer()
    peer.sends(peer.halves(9)[0])
    let stranger = peer.ping(300).fragment(96..<192, more: true, identification: 1)
    // Repetitions count as well: it is the host's pace that matters.
    for _ in 0..<others - 1 { peer.sends(stranger) }
    peer.sends(peer.halves(9)[1])
    if isOne {
      try peer.expectsICMP(type: 0)
      #expect(peer.stack.counters.ip.reassemblyFailures == 0)
    } else {
      try peer.expectsNothing(for: .milliseconds(1))
      #expect(peer.stack.counters.ip.reassemblyFailures == 1)
      // What came is the beginning of the next.
      peer.sends(peer.halves(9)[0])
      try peer.expectsICMP(type: 0)
    }
  }

  // SYS-34
  @Test func `without such a distance nothing is too far away`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumFragmentDistance = 0 })
    peer.sends(peer.halves(9)[0])
    for identification: UInt16 in 10..<1000 { peer.sends(peer.halves(identification)[0]) }
    peer.sends(peer.halves(9)[1])
    try peer.expectsICMP(type: 0)
  }

  // FRAG-6
  @Test func `without memory no fragment is kept`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.reassemblyMemory = 0 })
    for piece in peer.halves(1) { peer.sends(piece) }
    try peer.expectsNothing(for: .seconds(60))
    #expect(peer.stack.counters.ip.reassemblyFailures == 2)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // MARK: Chance

  // FRAG-1, FRAG-6
  @Test(arguments: 0..<20)
  func `random cuts in random order make the same packet`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    for identification: UInt16 in 0..<20 {
      let packet = peer.ping(Int.random(in: 100...9000, using: &random))
      let share = random.fraction() * 0.2
      let cuts = stride(from: 8, to: packet.payload.count, by: 8).filter { _ in
        random.happens(share)
      }
      var pieces = packet.fragments(at: cuts, identification: identification)
      pieces += pieces.dropLast().filter { _ in random.happens(0.2) }
      let last = pieces.remove(at: Int.random(in: 0...cuts.count, using: &random))
      for piece in pieces.shuffled(using: &random) + [last] { peer.sends(piece) }
      let answers = try peer.takesAll().compactMap(\.icmp)
      if pieces.contains(last) { continue }  // it was there before, so the packet may be, too
      #expect(answers.map(\.payload) == [Array(packet.payload.dropFirst(8))], "seed \(seed)")
    }
  }

  // FRAG-3, FRAG-4, FRAG-6
  @Test(arguments: 0..<10)
  func `random fragments are survived, and their memory comes back`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer(settings: .changed { $0.reassemblyMemory = 200_000 })
    for _ in 0..<3000 {
      let numbers: [UInt8] = [1, 6, 17]
      var packet = IPv4Packet(
        from: peer.address, to: peer.stackAddress, protocol: numbers.randomElement(using: &random)!,
        payload: random.bytes(Int.random(in: 0...40, using: &random) * 8))
      if random.happens(0.1) { packet.payload += random.bytes(3) }
      packet.dontFragment = false
      packet.moreFragments = random.happens(0.7)
      let places = random.happens(0.05) ? 0..<8192 : 0..<40
      packet.fragmentOffset = UInt16(Int.random(in: places, using: &random))
      packet.identification = UInt16.random(in: 0..<10, using: &random)
      packet.typeOfService = UInt8.random(in: 0...3, using: &random)
      peer.sends(packet)
      try peer.requires(peer.stack.fragmentBytes <= 200_000, "memory has no bound: seed \(seed)")
      if random.happens(0.001) { try peer.advances(by: .seconds(10)) }
    }
    _ = try peer.takesAll(for: .seconds(31))
    #expect(peer.stack.fragmentBytes == 0)
    for piece in peer.halves(1) { peer.sends(piece) }
    #expect(try peer.takesAll().compactMap(\.icmp).contains { $0.type == 0 })
  }
}
