// The stand-in for the kernel's segmentation: what it cuts must be what a wire would carry.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SegmenterTests {
  func superSegment(_ segment: Segment, size: UInt16) -> Frame {
    var packet = segment.from(port: 1).to(port: 2)
      .packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    packet.identification = 0xFFFF
    packet.payload[16] = UInt8(packet.pseudoHeaderSum >> 8)
    packet.payload[17] = UInt8(packet.pseudoHeaderSum & 0xFF)
    return Frame(packet.encoded(), offload: OffloadInfo(checksum: .partial, segmentSize: size))
  }

  @Test func `a super-segment is cut with PSH and FIN last and CWR first`() throws {
    let text = ScriptedPeer.pattern(2500)
    let whole = Segment.fin(seq: 0xFFFF_FC00, ack: 5, text, options: [.timestamps(3, 4)])
      .adding([.psh, .cwr])
    let pieces = try Segmenter.cut(superSegment(whole, size: 1000))
    let packets = try pieces.map { try CapturedPacket(reading: $0, at: .zero) }
    let segments = packets.compactMap(\.segment)
    #expect(segments.map(\.payload.count) == [1000, 1000, 500])
    #expect(segments.map(\.seq) == [whole.seq, whole.seq + 1000, whole.seq + 2000])
    #expect(segments.map(\.flags) == [[.ack, .cwr], .ack, [.ack, .psh, .fin]])
    #expect(segments.flatMap(\.payload) == text)
    #expect(segments.allSatisfy { $0.options == whole.options })
    #expect(packets.map(\.ip.identification) == [0xFFFF, 0, 1])
    for packet in packets {
      #expect(packet.frame.offload == .none)
      #expect(
        onesComplementSum(packet.ip.payload, startingAt: packet.ip.pseudoHeaderSum) == 0xFFFF)
    }
  }

  @Test func `a partial checksum is completed`() throws {
    let frame = superSegment(.data(seq: 1, ack: 1, "odd"), size: 0)
    let pieces = try Segmenter.cut(frame)
    #expect(pieces.count == 1)
    let ip = try IPv4Packet(decoding: pieces[0].bytes)
    #expect(onesComplementSum(ip.payload, startingAt: ip.pseudoHeaderSum) == 0xFFFF)
  }

  @Test func `a complete frame passes untouched`() throws {
    let frame = Frame([1, 2, 3])
    #expect(try Segmenter.cut(frame) == [frame])
  }
}
