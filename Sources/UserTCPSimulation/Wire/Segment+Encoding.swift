// Bytes of a TCP segment and back, with the checksum over the pseudo-header (RFC 9293 §3.1, MUST-2).

import UserTCP

extension Segment {
  /// The whole IP packet; a `nil` port is sent as 0.
  public func packet(from source: IPv4Address, to destination: IPv4Address) -> IPv4Packet {
    var packet = IPv4Packet(
      from: source, to: destination, protocol: IPv4Packet.tcp, payload: encodedWithoutChecksum())
    packet.typeOfService = ecn.rawValue
    packet.completeChecksum(at: 16)
    return packet
  }

  private func encodedWithoutChecksum() -> [UInt8] {
    var area = options.flatMap(\.encoded)
    while area.count % 4 != 0 { area.append(0) }
    precondition(area.count <= 40, "TCP options fill at most 40 octets")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + area.count + payload.count)
    bytes.append(uint16: sourcePort ?? 0)
    bytes.append(uint16: destinationPort ?? 0)
    bytes.append(uint32: sequence.rawValue)
    bytes.append(uint32: acknowledgment.rawValue)
    let offset = UInt16(dataOffset ?? UInt8(5 + area.count / 4))
    bytes.append(uint16: offset << 12 | flags.rawValue & 0xFFF)
    bytes.append(uint16: window)
    bytes.append(uint16: 0)
    bytes.append(uint16: urgentPointer)
    return bytes + area + payload
  }

  /// Does not look at the checksum, which may have been left to a device: see `FrameChecks`.
  public init(decoding bytes: [UInt8]) throws(MalformedPacket) {
    guard bytes.count >= 20 else { throw MalformedPacket("\(bytes.count) octets, no TCP header") }
    let headerLength = Int(bytes[12] >> 4) * 4
    guard headerLength >= 20, headerLength <= bytes.count else {
      throw MalformedPacket("TCP data offset \(headerLength / 4) in \(bytes.count) octets")
    }
    self.init(
      flags: SegmentFlags(rawValue: bytes.uint16(at: 12) & 0xFFF),
      seq: SequenceNumber(bytes.uint32(at: 4)), ack: SequenceNumber(bytes.uint32(at: 8)),
      window: bytes.uint16(at: 14),
      options: try SegmentOption.decode(Array(bytes[20..<headerLength])),
      payload: Array(bytes[headerLength...]))
    sourcePort = bytes.uint16(at: 0)
    destinationPort = bytes.uint16(at: 2)
    urgentPointer = bytes.uint16(at: 18)
  }
}

extension IPv4Packet {
  /// Writes the checksum over pseudo-header and payload into the payload at `offset`.
  public mutating func completeChecksum(at offset: Int) {
    payload.set(uint16: 0, at: offset)
    payload.set(uint16: ~onesComplementSum(payload, startingAt: pseudoHeaderSum), at: offset)
  }
}
