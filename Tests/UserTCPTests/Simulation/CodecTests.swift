// The judge judged: the simulation's own packet codec against vectors from elsewhere and against
// itself. Everything in `Segments/` stands on it.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct CodecTests {
  @Test func `the checksum of RFC 1071's example is right`() {
    // RFC 1071 §3: 0001 f203 f4f5 f6f7 sum to ddf2.
    #expect(onesComplementSum([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]) == 0xDDF2)
    #expect(onesComplementSum([0x12]) == 0x1200)
  }

  @Test func `a captured SYN of a Linux kernel is read and written back as it was`() throws {
    let bytes: [UInt8] = [
      0x45, 0x00, 0x00, 0x3C, 0x1C, 0x46, 0x40, 0x00, 0x40, 0x06, 0x00, 0x00, 0xC0, 0x00, 0x02,
      0x01, 0xC0, 0x00, 0x02, 0x02, 0x9C, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x64, 0x00, 0x00,
      0x00, 0x00, 0xA0, 0x02, 0xFA, 0xF0, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xB4, 0x04,
      0x02, 0x08, 0x0A, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
    ]
    var filled = bytes
    let header = ~onesComplementSum(filled[..<20])
    filled[10] = UInt8(header >> 8)
    filled[11] = UInt8(header & 0xFF)
    let packet = try IPv4Packet(decoding: filled)
    #expect(packet.source == IPv4Address(192, 0, 2, 1))
    #expect(packet.identification == 0x1C46)
    #expect(packet.encoded() == filled)
    let segment = try Segment(decoding: packet.payload)
    #expect(segment.flags == .syn)
    #expect(segment.seq == 100)
    #expect(segment.maximumSegmentSize == 1460)
    #expect(segment.windowScale == 7)
    #expect(segment.timestamps?.value == 1)
    #expect(segment.options.contains(.sackPermitted))
  }

  @Test(arguments: [0, 1, 2, 3, 535, 1460])
  func `a segment survives encoding and decoding at any length`(_ count: Int) throws {
    var sent = Segment.data(
      seq: 0xFFFF_FFF0, ack: 7, ScriptedPeer.pattern(count), window: 1234,
      options: [.timestamps(1, 2), .sack([SegmentBlock(3, 5), SegmentBlock(8, 9)])]
    ).urgent(upTo: 9)
    sent.sourcePort = 1
    sent.destinationPort = 2
    let packet = sent.packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    #expect(onesComplementSum(packet.payload, startingAt: packet.pseudoHeaderSum) == 0xFFFF)
    let again = try IPv4Packet(decoding: packet.encoded())
    #expect(again == packet)
    #expect(try Segment(decoding: again.payload) == sent)
  }

  @Test(
    arguments: [
      [2, 3, 0], [99], [99, 0], [99, 1], [99, 9, 1, 1], [0, 1], [3, 4, 1, 1], [8, 2], [5, 2],
      [5, 9, 0, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]])
  func `a malformed option list is refused`(_ area: [UInt8]) {
    var area = area
    while area.count % 4 != 0 { area.insert(1, at: 0) }
    let packet = Segment.ack(seq: 1, ack: 1, options: [.raw(area)])
      .packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    #expect(throws: MalformedPacket.self) { try Segment(decoding: packet.payload) }
  }

  @Test func `every flipped bit of a header is noticed`() throws {
    var sent = Segment.data(seq: 1, ack: 2, "hello")
    sent.sourcePort = 1
    sent.destinationPort = 2
    let bytes = sent.packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2)).encoded()
    let checks = FrameChecks(address: IPv4Address(10, 0, 0, 1), mtu: 1500, offloads: .none)
    #expect(checks.inspect(Frame(bytes), at: .zero).problems.isEmpty)
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(!checks.inspect(Frame(damaged), at: .zero).problems.isEmpty, "bit \(bit)")
    }
  }

  @Test func `an ICMP message survives encoding and decoding`() throws {
    let sent = ICMPPacket.echoRequest(identifier: 7, sequence: 8, [1, 2, 3])
    let packet = sent.packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    #expect(try ICMPPacket(decoding: packet.payload) == sent)
    var damaged = packet.payload
    damaged[8] ^= 1
    #expect(throws: MalformedPacket.self) { try ICMPPacket(decoding: damaged) }
  }
}
