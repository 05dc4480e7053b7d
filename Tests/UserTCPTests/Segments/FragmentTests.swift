// Fragments that are what they should be, and what a datagram becomes of them (RFC 791 §3.2, RFC 1122 §3.3.2,
// REQUIREMENTS FRAG-1, FRAG-2, FRAG-7).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct FragmentTests {
  // FRAG-1
  @Test func `five fragments of a segment are processed once in whatever order`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    let text = ScriptedPeer.pattern(120)
    for (round, order) in permutations(of: [0, 1, 2, 3, 4]).enumerated() {
      let packet = peer.packet(of: .data(seq: c.seq + round * 120, ack: c.ack, text))
      let pieces = packet.fragments(at: [24, 48, 80, 128], identification: UInt16(round))
      for (position, index) in order.enumerated() {
        #expect(try peer.appReads(c.id).isEmpty, "\(order) before piece \(position)")
        peer.sends(pieces[index])
      }
      #expect(try peer.appReads(c.id) == text, "\(order)")
    }
    #expect(peer.stack.counters.ip.fragmentsReceived == 600)
    #expect(peer.stack.counters.ip.datagramsReassembled == 120)
    #expect(peer.stack.counters.ip.reassemblyFailures == 0)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // FRAG-1, FRAG-4
  @Test func `fragments that come again are ignored`() throws {
    let peer = ScriptedPeer()
    let pieces = peer.ping(500).fragments(at: [8, 96, 304], identification: 5)
    for index in [2, 2, 0, 2, 1, 0, 1, 1] { peer.sends(pieces[index]) }
    try peer.expectsNothing(for: .milliseconds(1))
    peer.sends(pieces[3])
    #expect(try peer.expectsICMP(type: 0).payload == ScriptedPeer.pattern(500))
    #expect(peer.stack.counters.ip.fragmentOverlaps == 0)
  }

  // FRAG-1, FRAG-4
  @Test func `the last fragment may come again before the others`() throws {
    let peer = ScriptedPeer()
    let pieces = peer.ping(501).fragments(at: [96], identification: 5)
    for index in [1, 1, 1, 0] { peer.sends(pieces[index]) }
    #expect(try peer.expectsICMP(type: 0).payload.count == 501)
  }

  // FRAG-1, ICMP4-1
  @Test(arguments: [8, 1480, 32_768])
  func `the largest of all packets is put together`(_ size: Int) throws {
    let peer = ScriptedPeer()
    let packet = peer.ping(65_507)
    let cuts = Array(stride(from: size, to: packet.payload.count, by: size))
    for piece in packet.fragments(at: cuts, identification: 1).reversed() { peer.sends(piece) }
    #expect(try peer.expectsICMP(type: 0).payload == ScriptedPeer.pattern(65_507))
  }

  // FRAG-1
  @Test func `options of the first fragment are those of the packet`() throws {
    let peer = ScriptedPeer()
    var udp = IPv4Packet(
      from: peer.address, to: peer.stackAddress, protocol: IPv4Packet.udp,
      payload: ScriptedPeer.pattern(64))
    var pieces = udp.fragments(at: [32], identification: 3)
    pieces[0].options = [0x94, 4, 0, 0]  // router alert
    pieces.reverse()
    for piece in pieces { peer.sends(piece) }
    let quotation = try peer.expectsICMP(type: 3, code: 3).payload
    udp.options = [0x94, 4, 0, 0]
    udp.identification = 3
    udp.dontFragment = false
    #expect(try IPv4Packet(decoding: quotation) == udp)
  }

  // FRAG-6
  @Test func `fragments of different datagrams are not mixed`() throws {
    let peer = ScriptedPeer()
    let other = IPv4Address(192, 0, 2, 77)
    var foreign = peer.halves(1)[1]
    foreign.protocolNumber = IPv4Packet.udp
    peer.sends(peer.halves(1)[0])
    peer.sends(peer.halves(2)[1])
    peer.sends(peer.halves(1, from: other)[1])
    peer.sends(foreign)
    try peer.expectsNothing(for: .milliseconds(1))
    peer.sends(peer.halves(1)[1])
    try peer.expectsICMP(type: 0)
    try peer.expectsNothing(for: .milliseconds(1))
  }

  // FRAG-1, R9293-MUST-3
  @Test func `a segment from fragments must have a right checksum, whatever the device says`()
    throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var packet = peer.packet(of: .data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(100)))
    packet.payload[90] ^= 1
    for piece in packet.fragments(at: [64], identification: 9) {
      peer.sends(piece, offload: OffloadInfo(checksum: .verified))
    }
    #expect(peer.stack.counters.tcp.checksumErrors == 1)
    #expect(try peer.appReads(c.id).isEmpty)
  }

  // MARK: Time

  // FRAG-2, SYS-34
  @Test(arguments: Profile.allCases)
  func `who sent a first fragment only is told when its time is over`(_ profile: Profile) throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: profile))
    let first = peer.ping(1400).fragments(at: [1000], identification: 4)[0]
    peer.sends(first)
    try peer.expectsNothing(for: .seconds(profile == .linux ? 29 : 59))
    let error = try peer.expectsICMP(type: 11, code: 1, within: .milliseconds(1_001))
    #expect(error.payload == Array(first.encoded().prefix(548)), "as much as 576 octets hold")
    #expect(peer.last?.ip.destination == peer.address)
    let counters = peer.stack.counters
    #expect(counters.ip.reassemblyTimeouts == 1 && counters.ip.reassemblyFailures == 1)
    #expect(counters.icmp.timesExceededOut == 1)
    #expect(peer.stack.fragmentBytes == 0)
    #expect(peer.stack.nextDeadline == .never)
  }

  // FRAG-2, ICMP4-5
  @Test func `without the first fragment nobody is told`() throws {
    let peer = ScriptedPeer()
    peer.sends(peer.halves(4)[1])
    try peer.expectsNothing(for: .seconds(100))
    #expect(peer.stack.counters.ip.reassemblyTimeouts == 1)
    #expect(peer.stack.fragmentBytes == 0)
  }

  // ICMP4-5
  @Test func `an error in fragments is answered with no error`() throws {
    let peer = ScriptedPeer()
    let error = ICMPPacket(type: 3, code: 1, payload: ScriptedPeer.pattern(200))
      .packet(from: peer.address, to: peer.stackAddress)
    peer.sends(error.fragments(at: [96], identification: 4)[0])
    try peer.expectsNothing(for: .seconds(100))
  }

  // FRAG-2
  @Test func `the time runs from the first that came and is not prolonged by others`() throws {
    let peer = ScriptedPeer()
    let pieces = peer.ping(500).fragments(at: [96, 200], identification: 4)
    peer.sends(pieces[1])
    try peer.expectsNothing(for: .seconds(20))
    peer.sends(pieces[0])
    try peer.expectsNothing(for: .milliseconds(9_990))
    try peer.expectsICMP(type: 11, code: 1, within: .milliseconds(20))
    peer.sends(pieces[2])
    try peer.expectsNothing(for: .seconds(1))
  }

  // FRAG-2, SYS-34
  @Test func `a shorter time acts at once`() throws {
    let peer = ScriptedPeer()
    peer.sends(peer.halves(4)[0])
    peer.stack.settings.reassemblyTimeout = .seconds(2)
    try peer.expectsICMP(type: 11, code: 1, within: .milliseconds(2_001))
  }

  // MARK: Congestion marks

  /// Codepoints of two fragments and of the packet they make; `nil`: dropped.
  static let marks: [(UInt8, UInt8, UInt8?)] = [
    (0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3),
    (3, 1, 3), (1, 3, 3), (3, 2, 3), (2, 3, 3),
    (3, 0, nil), (0, 3, nil),
    (1, 2, 1), (2, 1, 2), (0, 2, 0), (2, 0, 0),
  ]

  // FRAG-7
  @Test(arguments: marks)
  func `a congestion mark on one fragment is one on the packet`(
    _ first: UInt8, _ second: UInt8, _ whole: UInt8?
  ) throws {
    for order in [[0, 1], [1, 0]] {
      let peer = ScriptedPeer()
      var pieces = peer.halves(1)
      pieces[0].typeOfService = 46 << 2 | first
      pieces[1].typeOfService = 46 << 2 | second
      for index in order { peer.sends(pieces[index]) }
      if let whole {
        try peer.expectsICMP(type: 0)
        #expect(peer.last?.ip.typeOfService == 46 << 2 | whole)
      } else {
        try peer.expectsNothing(for: .seconds(60))
        #expect(peer.stack.counters.ip.reassemblyFailures == 1)
      }
    }
  }
}
