// An IPv4 packet (RFC 791 §3.1) as a value with every field open, so that a test can build what no
// honest host sends. Encoding fills in lengths and the checksum unless told otherwise. Decoding
// refuses what is not a well-formed packet and says why. Independent of the engine's parser.

import UserTCP

/// Why bytes are not the packet they should be.
public struct MalformedPacket: Error, Hashable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}

public struct IPv4Packet: Hashable, Sendable {
  public static let icmp: UInt8 = 1
  public static let tcp: UInt8 = 6
  public static let udp: UInt8 = 17

  public var source: IPv4Address
  public var destination: IPv4Address
  public var protocolNumber: UInt8
  public var typeOfService: UInt8 = 0
  public var identification: UInt16 = 0
  public var reservedFlag = false
  public var dontFragment = true
  public var moreFragments = false
  /// In units of eight octets, as on the wire.
  public var fragmentOffset: UInt16 = 0
  public var timeToLive: UInt8 = 64
  /// A multiple of four octets.
  public var options: [UInt8] = []
  public var payload: [UInt8]

  public init(
    from source: IPv4Address, to destination: IPv4Address, protocol number: UInt8,
    payload: [UInt8] = []
  ) {
    self.source = source
    self.destination = destination
    protocolNumber = number
    self.payload = payload
  }

  public var ecn: ECNField {
    get { ECNField(rawValue: typeOfService & 3) ?? .notECT }
    set { typeOfService = typeOfService & ~3 | newValue.rawValue }
  }
  public var headerLength: Int { 20 + options.count }

  public func encoded() -> [UInt8] {
    precondition(options.count % 4 == 0 && options.count <= 40, "IPv4 options fill whole words")
    precondition(headerLength + payload.count <= 65_535, "longer than any IP packet")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headerLength + payload.count)
    bytes.append(0x40 | UInt8(headerLength / 4))
    bytes.append(typeOfService)
    bytes.append(uint16: UInt16(headerLength + payload.count))
    bytes.append(uint16: identification)
    bytes.append(
      uint16: (reservedFlag ? 0x8000 : 0) | (dontFragment ? 0x4000 : 0)
        | (moreFragments ? 0x2000 : 0) | fragmentOffset)
    bytes.append(timeToLive)
    bytes.append(protocolNumber)
    bytes.append(uint16: 0)
    bytes.append(uint32: source.bits)
    bytes.append(uint32: destination.bits)
    bytes += options
    bytes.set(uint16: ~onesComplementSum(bytes), at: 10)
    return bytes + payload
  }

  public init(decoding bytes: [UInt8]) throws(MalformedPacket) {
    guard bytes.count >= 20 else { throw MalformedPacket("\(bytes.count) octets, no IPv4 header") }
    guard bytes[0] >> 4 == 4 else { throw MalformedPacket("IP version \(bytes[0] >> 4)") }
    let headerLength = Int(bytes[0] & 0xF) * 4
    guard headerLength >= 20, headerLength <= bytes.count else {
      throw MalformedPacket("IPv4 header length \(headerLength) in \(bytes.count) octets")
    }
    guard Int(bytes.uint16(at: 2)) == bytes.count else {
      throw MalformedPacket("IPv4 total length \(bytes.uint16(at: 2)) of \(bytes.count) octets")
    }
    guard onesComplementSum(bytes[..<headerLength]) == 0xFFFF else {
      throw MalformedPacket("wrong IPv4 header checksum")
    }
    typeOfService = bytes[1]
    identification = bytes.uint16(at: 4)
    let fragment = bytes.uint16(at: 6)
    reservedFlag = fragment & 0x8000 != 0
    dontFragment = fragment & 0x4000 != 0
    moreFragments = fragment & 0x2000 != 0
    fragmentOffset = fragment & 0x1FFF
    timeToLive = bytes[8]
    protocolNumber = bytes[9]
    source = IPv4Address(bits: bytes.uint32(at: 12))
    destination = IPv4Address(bits: bytes.uint32(at: 16))
    options = Array(bytes[20..<headerLength])
    payload = Array(bytes[headerLength...])
  }

  /// The sum over the pseudo-header of RFC 9293 §3.1, not yet complemented.
  public var pseudoHeaderSum: UInt16 {
    var bytes: [UInt8] = []
    bytes.append(uint32: source.bits)
    bytes.append(uint32: destination.bits)
    bytes.append(uint16: UInt16(protocolNumber))
    bytes.append(uint16: UInt16(payload.count))
    return onesComplementSum(bytes)
  }
}
