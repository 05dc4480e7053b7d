// What a router does with a packet that its next link does not take (RFC 791 §3.2, RFC 1191 §4): cuts it,
// or says why it may not. Independent of the engine's own reassembly and ICMP.

import UserTCP

public enum Fragmenter {
  /// The pieces that a link of `mtu` octets takes; one when the packet fits, `nil` when it does not and may
  /// not be cut. Options stay with every piece.
  public static func cut(_ packet: IPv4Packet, mtu: Int) -> [IPv4Packet]? {
    if packet.headerLength + packet.payload.count <= mtu { return [packet] }
    let room = (mtu - packet.headerLength) / 8 * 8
    guard !packet.dontFragment, room > 0 else { return nil }
    return stride(from: 0, to: packet.payload.count, by: room).map { start in
      let end = min(start + room, packet.payload.count)
      var piece = packet
      piece.fragmentOffset += UInt16(start / 8)
      piece.moreFragments = packet.moreFragments || end < packet.payload.count
      piece.payload = Array(packet.payload[start..<end])
      return piece
    }
  }

  /// "Fragmentation needed and DF set", with what the next link takes (RFC 1191 §4).
  public static func tooBig(
    _ packet: IPv4Packet, mtu: Int, from router: IPv4Address
  ) -> IPv4Packet {
    let quotation = Array(packet.encoded().prefix(packet.headerLength + 8))
    return ICMPPacket(
      type: ICMPPacket.destinationUnreachable, code: 4, word: UInt32(mtu), payload: quotation
    ).packet(from: router, to: packet.source)
  }
}
