// What an ICMP error quotes of one of our segments: the IP header and at least eight octets (RFC 792).
// Enough to find the connection and to see whether the sender of the error saw our packet at all.

struct QuotedSegment {
  var key: ConnectionKey
  var sequence: SequenceNumber
  /// Octets of the whole packet, as its header says.
  var totalCount: Int

  /// `nil` unless the quotation is of a TCP segment and long enough (SEC-27).
  init?(parsing quotation: RawSpan) {
    guard quotation.byteCount >= IPv4Header.minimumCount,
      quotation.uint8(at: 0) >> 4 == 4
    else { return nil }
    let headerCount = Int(quotation.uint8(at: 0) & 0x0F) * 4
    guard headerCount >= IPv4Header.minimumCount, quotation.byteCount >= headerCount + 8,
      quotation.uint8(at: 9) == IPProtocol.tcp,
      quotation.uint16(at: 6) & 0x1FFF == 0  // a later fragment has no ports
    else { return nil }
    totalCount = Int(quotation.uint16(at: 2))
    key = ConnectionKey(
      remoteAddress: IPv4Address(bits: quotation.uint32(at: 16)),
      remotePort: Port(quotation.uint16(at: headerCount + 2)),
      localAddress: IPv4Address(bits: quotation.uint32(at: 12)),
      localPort: Port(quotation.uint16(at: headerCount)))
    sequence = SequenceNumber(quotation.uint32(at: headerCount + 4))
  }
}
