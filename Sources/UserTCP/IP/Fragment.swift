// One fragment of an IPv4 datagram (RFC 791 §3.2): whose it is and where its octets belong. What no honest
// sender would cut is not a `Fragment`: it cannot be built, and nothing of it is kept. What the fragments
// of one datagram say together is `FragmentBuffer`'s to judge.

/// What the fragments of one datagram have in common (FRAG-6).
struct DatagramKey: Equatable, BitwiseCopyable {
  var source: IPv4Address
  var destination: IPv4Address
  var protocolNumber: UInt8
  var identification: UInt16

  func hash(with keyed: KeyedHash) -> UInt32 {
    let addresses = UInt64(source.bits) << 32 | UInt64(destination.bits)
    // The third word apart from the small numbers that other tables hash beside an address.
    let rest = 1 << 32 | UInt64(protocolNumber) << 16 | UInt64(identification)
    return UInt32(truncatingIfNeeded: keyed.hash(addresses, rest))
  }
}

struct Fragment: BitwiseCopyable {
  /// Offsets count in units of so many octets.
  static let unit = 8
  /// The largest IP packet, header and all.
  static let largestPacket = 65_535

  private static let leastTCPHeader = 20

  let key: DatagramKey
  /// Of its first octet in the datagram's payload; a multiple of `unit`.
  let offset: Int
  /// Octets of payload, at least one.
  let count: Int
  /// Nothing follows it; only the last may end between two units.
  let isLast: Bool
  /// The codepoint of RFC 3168 §5 that it came with.
  let congestionBits: UInt8

  var end: Int { offset + count }

  /// `nil` for an impossible fragment (FRAG-3) and for one made to slip past filters (FRAG-5).
  init?(_ header: IPv4Header, _ payload: RawSpan) {
    key = DatagramKey(
      source: header.source, destination: header.destination,
      protocolNumber: header.protocolNumber, identification: header.identification)
    offset = header.fragmentOffset
    count = payload.byteCount
    isLast = !header.hasMoreFragments
    congestionBits = header.typeOfService & 3
    guard count > 0, isLast || count % Self.unit == 0,
      header.headerCount + offset + count <= Self.largestPacket
    else { return nil }
    if header.protocolNumber == IPProtocol.tcp, !Self.keepsTCPHeaderWhole(offset, payload) {
      return nil
    }
  }

  /// RFC 1858 §3, RFC 3128: a TCP header in two fragments shows a filter other ports or flags than it
  /// shows us. No link's MTU is so small that one must be cut.
  private static func keepsTCPHeaderWhole(_ offset: Int, _ payload: RawSpan) -> Bool {
    guard offset == 0 else { return offset >= Self.leastTCPHeader }
    guard payload.byteCount >= Self.leastTCPHeader else { return false }
    return payload.byteCount >= Int(payload.uint8(at: 12) >> 4) * 4
  }
}
