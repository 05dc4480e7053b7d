// The IPv4 header (RFC 791 §3.1). Parsing checks what can be checked from the octets alone
// (IP4-1, IP4-2, IP4-8); whether the packet is for us is asked in `IP/`.

enum IPProtocol {
  static let icmp: UInt8 = 1
  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
}

struct IPv4Header: BitwiseCopyable {
  var source: IPv4Address
  var destination: IPv4Address
  var protocolNumber: UInt8
  var headerCount: Int
  /// Header and payload; what lies beyond it in the frame is padding.
  var totalCount: Int
  var identification: UInt16
  /// In octets, of the datagram's payload.
  var fragmentOffset: Int
  var hasMoreFragments: Bool
  var typeOfService: UInt8

  var ecn: ECNCodepoint { ECNCodepoint(typeOfService: typeOfService) }

  static let minimumCount = 20

  var isFragment: Bool { hasMoreFragments || fragmentOffset > 0 }

  enum Malformation: Error, BitwiseCopyable {
    /// Another version, a header length that cannot be, or a checksum that does not fit.
    case header
    /// The frame is shorter than the header says.
    case truncated
    /// An option with a length that cannot be.
    case options
    /// A source route, which we neither use nor reverse (DEC-6).
    case sourceRouted
  }

  init(parsing packet: RawSpan) throws(Malformation) {
    guard packet.byteCount >= Self.minimumCount else { throw .truncated }
    guard packet.uint8(at: 0) >> 4 == 4 else { throw .header }
    headerCount = Int(packet.uint8(at: 0) & 0x0F) * 4
    totalCount = Int(packet.uint16(at: 2))
    guard headerCount >= Self.minimumCount, totalCount >= headerCount else { throw .header }
    guard totalCount <= packet.byteCount else { throw .truncated }
    var checksum = InternetChecksum()
    checksum.add(packet.extracting(0..<headerCount))
    guard checksum.isValid else { throw .header }
    typeOfService = packet.uint8(at: 1)
    identification = packet.uint16(at: 4)
    let fragment = packet.uint16(at: 6)
    fragmentOffset = Int(fragment & 0x1FFF) * 8
    hasMoreFragments = fragment & 0x2000 != 0
    protocolNumber = packet.uint8(at: 9)
    source = IPv4Address(bits: packet.uint32(at: 12))
    destination = IPv4Address(bits: packet.uint32(at: 16))
    if headerCount > Self.minimumCount {
      try Self.check(options: packet.extracting(Self.minimumCount..<headerCount))
    }
  }

  private static func check(options: RawSpan) throws(Malformation) {
    var offset = 0
    while offset < options.byteCount {
      let kind = options.uint8(at: offset)
      if kind == 0 { return }
      if kind == 1 {
        offset += 1
        continue
      }
      guard offset + 1 < options.byteCount else { throw .options }
      let length = Int(options.uint8(at: offset + 1))
      guard length >= 2, offset + length <= options.byteCount else { throw .options }
      if kind == 131 || kind == 137 { throw .sourceRouted }  // loose, strict
      offset += length
    }
  }

  /// Appends a header without options: DF as `dontFragment` says, checksum complete.
  static func write(
    from source: IPv4Address, to destination: IPv4Address, protocolNumber: UInt8,
    totalCount: Int, typeOfService: UInt8, timeToLive: UInt8, identification: UInt16,
    dontFragment: Bool, into output: inout OutputRawSpan
  ) {
    let lengthWord = UInt16(totalCount)
    let versionWord = 0x4500 | UInt16(typeOfService)
    let fragmentWord: UInt16 = dontFragment ? 0x4000 : 0
    let lifeWord = UInt16(timeToLive) << 8 | UInt16(protocolNumber)
    var checksum = InternetChecksum()
    checksum.add(versionWord)
    checksum.add(lengthWord)
    checksum.add(identification)
    checksum.add(fragmentWord)
    checksum.add(lifeWord)
    checksum.add(source.bits)
    checksum.add(destination.bits)
    output.append(bigEndian: versionWord)
    output.append(bigEndian: lengthWord)
    output.append(bigEndian: identification)
    output.append(bigEndian: fragmentWord)
    output.append(bigEndian: lifeWord)
    output.append(bigEndian: checksum.value)
    output.append(bigEndian: source.bits)
    output.append(bigEndian: destination.bits)
  }

  /// The part of a TCP or UDP checksum that IPv4 contributes (RFC 9293 §3.1).
  static func pseudoHeader(
    from source: IPv4Address, to destination: IPv4Address, protocolNumber: UInt8, count: Int
  ) -> InternetChecksum {
    var checksum = InternetChecksum()
    checksum.add(source.bits)
    checksum.add(destination.bits)
    checksum.add(UInt16(protocolNumber))
    checksum.add(UInt16(count))
    return checksum
  }
}
