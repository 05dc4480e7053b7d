// What a kernel does with a super-segment on its way to a wire (REQUIREMENTS OFF-2): cuts it at the
// segment size, counts sequence numbers and IP identifications up, keeps PSH and FIN for the last
// piece and CWR for the first, and completes checksums. Links use it before they corrupt or lose
// anything; tests use it to see what the network would see.

import UserTCP

public enum Segmenter {
  /// The packets that `frame` is on a wire, each with a complete checksum.
  public static func cut(_ frame: Frame) throws(MalformedPacket) -> [Frame] {
    if frame.offload == .none { return [frame] }
    let packet = try IPv4Packet(decoding: frame.bytes)
    guard packet.protocolNumber == IPv4Packet.tcp else { return [frame] }
    let whole = try Segment(decoding: packet.payload)
    let headerLength = packet.payload.count - whole.payload.count
    let size = Int(frame.offload.segmentSize)
    guard size > 0, whole.payload.count > size else { return [Frame(completed(packet))] }

    var pieces: [Frame] = []
    for offset in stride(from: 0, to: whole.payload.count, by: size) {
      let end = min(offset + size, whole.payload.count)
      // The header is copied octet by octet, so options stay exactly as they were written.
      var header = Array(packet.payload[..<headerLength])
      let number = (whole.sequence + offset).rawValue
      header.set(uint16: UInt16(number >> 16), at: 4)
      header.set(uint16: UInt16(number & 0xFFFF), at: 6)
      if end < whole.payload.count {
        header[13] &= ~UInt8(SegmentFlags([.fin, .psh]).rawValue)
      }
      if offset > 0 { header[13] &= ~UInt8(SegmentFlags.cwr.rawValue) }
      var piece = packet
      piece.identification &+= UInt16(truncatingIfNeeded: offset / size)
      piece.payload = header + whole.payload[offset..<end]
      pieces.append(Frame(completed(piece)))
    }
    return pieces
  }

  private static func completed(_ packet: IPv4Packet) -> [UInt8] {
    var packet = packet
    packet.completeChecksum(at: 16)
    return packet.encoded()
  }
}
