// Addresses and endpoints as people write them. An `IPAddress` is neutral: what stands above
// `Wire/` and the connection key never asks which version it holds. IPv6 joins as a second case.

/// An IPv4 address (RFC 791 §3.2).
public struct IPv4Address: Hashable, Sendable, BitwiseCopyable {
  /// The four octets in reading order: `192.0.2.1` is `0xC000_0201`.
  public var bits: UInt32

  public init(bits: UInt32) { self.bits = bits }
  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  public static let unspecified = IPv4Address(bits: 0)
  public static let limitedBroadcast = IPv4Address(bits: 0xFFFF_FFFF)

  /// 224.0.0.0/4 (RFC 1112 §4).
  public var isMulticast: Bool { bits >> 28 == 0xE }
  /// 240.0.0.0/4, reserved (RFC 1112 §4), the limited broadcast included.
  public var isReserved: Bool { bits >> 28 == 0xF }
  /// 127.0.0.0/8 (RFC 1122 §3.2.1.3 (g)).
  public var isLoopback: Bool { bits >> 24 == 127 }
  /// 0.0.0.0/8, "this host on this network" (RFC 1122 §3.2.1.3 (a), (b)).
  public var isThisNetwork: Bool { bits >> 24 == 0 }
}

extension IPv4Address: LosslessStringConvertible {
  /// Dotted decimal, four numbers from 0 to 255 without leading zeros.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bits: UInt32 = 0
    for part in parts {
      // A leading zero is octal to some readers and decimal to others, so it is refused.
      guard part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), part == "0" || part.first != "0",
        let octet = UInt8(part)
      else { return nil }
      bits = bits << 8 | UInt32(octet)
    }
    self.bits = bits
  }
  public init?(_ description: String) { self.init(description[...]) }

  public var description: String {
    "\(bits >> 24).\(bits >> 16 & 0xFF).\(bits >> 8 & 0xFF).\(bits & 0xFF)"
  }
}

/// An address of either IP version.
public enum IPAddress: Hashable, Sendable, BitwiseCopyable {
  case v4(IPv4Address)
}

extension IPAddress: LosslessStringConvertible {
  public init?(_ description: String) {
    guard let address = IPv4Address(description) else { return nil }
    self = .v4(address)
  }
  public var description: String {
    switch self {
    case .v4(let address): address.description
    }
  }
}

/// A TCP port.
public struct Port: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
  public var rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  public static func < (left: Port, right: Port) -> Bool { left.rawValue < right.rawValue }
}

extension Port: ExpressibleByIntegerLiteral, CustomStringConvertible {
  public init(integerLiteral value: UInt16) { rawValue = value }
  public var description: String { rawValue.description }
}

/// One end of a connection: an address and a port.
public struct Endpoint: Hashable, Sendable, BitwiseCopyable {
  public var address: IPAddress
  public var port: Port

  public init(_ address: IPAddress, _ port: Port) {
    self.address = address
    self.port = port
  }
  public init(_ address: IPv4Address, _ port: Port) { self.init(.v4(address), port) }
}

extension Endpoint: CustomStringConvertible {
  public var description: String {
    switch address {
    case .v4(let address): "\(address):\(port)"
    }
  }
}

/// An address and the length of its network prefix: `192.0.2.2/24`.
public struct InterfaceAddress: Hashable, Sendable, BitwiseCopyable {
  public var address: IPv4Address
  /// 0 to 32.
  public var prefixLength: Int

  public init(_ address: IPv4Address, prefixLength: Int) {
    precondition((0...32).contains(prefixLength), "an IPv4 prefix has 0 to 32 bits")
    self.address = address
    self.prefixLength = prefixLength
  }

  public var mask: UInt32 { prefixLength == 0 ? 0 : ~0 << (32 - UInt32(prefixLength)) }
  public func contains(_ other: IPv4Address) -> Bool { (other.bits ^ address.bits) & mask == 0 }

  /// The directed broadcast; a prefix of 31 (RFC 3021) or 32 bits has none.
  public var broadcast: IPv4Address? {
    prefixLength <= 30 ? IPv4Address(bits: address.bits | ~mask) : nil
  }
  /// The first address of the prefix that a host may have and that is not our own.
  public var firstOtherHost: IPv4Address? {
    let network = address.bits & mask
    let first = prefixLength <= 30 ? network + 1 : network
    let last = prefixLength <= 30 ? (network | ~mask) - 1 : network | ~mask
    let candidate = first == address.bits ? first &+ 1 : first
    return candidate >= first && candidate <= last ? IPv4Address(bits: candidate) : nil
  }
}

extension InterfaceAddress: LosslessStringConvertible {
  public init?(_ description: String) {
    let parts = description.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]),
      let length = UInt8(parts[1]), length <= 32
    else { return nil }
    self.init(address, prefixLength: Int(length))
  }
  public var description: String { "\(address)/\(prefixLength)" }
}
