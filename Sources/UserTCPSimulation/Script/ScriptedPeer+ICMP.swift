// ICMP errors as a router on the path would make them about a packet of the stack.

import UserTCP

extension ScriptedPeer {
  /// An error of `type` and `code` that quotes `packet`: its header and `quoting` octets more.
  public func sendsError(
    type: UInt8, code: UInt8, about packet: CapturedPacket, quoting count: Int = 8,
    word: UInt32 = 0
  ) {
    let length = packet.ip.headerLength + min(count, packet.ip.payload.count)
    sends(
      ICMPPacket(
        type: type, code: code, word: word, payload: Array(packet.frame.bytes.prefix(length))))
  }

  /// As above, about a segment that the stack may or may not have sent.
  public func sendsError(
    type: UInt8, code: UInt8, aboutSegment segment: Segment, source: IPv4Address? = nil,
    quoting count: Int = 8, word: UInt32 = 0
  ) {
    var segment = segment
    if segment.sourcePort == nil { segment.sourcePort = stackPort }
    if segment.destinationPort == nil { segment.destinationPort = port }
    let bytes = segment.packet(from: source ?? stackAddress, to: address).encoded()
    sends(
      ICMPPacket(type: type, code: code, word: word, payload: Array(bytes.prefix(20 + count))))
  }
}
