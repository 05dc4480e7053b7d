// A SYN as a flood sends it: 44 octets of which only the source, its port and the sequence number change.
// Written here and not by the engine's writer, so that the attacker shares no code with the attacked.

import UserTCP

struct SYNPacket {
  private static let tcp = 20
  private(set) var octets: [UInt8]
  private let target: Endpoint

  init(to target: Endpoint) {
    self.target = target
    octets = [0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0]  // the kernel fills in the IP checksum
    octets += [0, 0, 0, 0]
    octets += Self.octets(of: Self.bits(target))
    octets += [0, 0, UInt8(target.port.rawValue >> 8), UInt8(target.port.rawValue & 0xFF)]
    octets += [0, 0, 0, 0, 0, 0, 0, 0]
    octets += [0x60, 0x02, 0xFF, 0xFF, 0, 0, 0, 0]  // 24 octets of header, SYN, a window
    octets += [2, 4, 0x05, 0xB4]  // MSS 1460
  }

  mutating func set(source: IPv4Address, port: UInt16, sequence: UInt32) {
    replace(12, Self.octets(of: source.bits))
    replace(Self.tcp, [UInt8(port >> 8), UInt8(port & 0xFF)])
    replace(Self.tcp + 4, Self.octets(of: sequence))
    replace(Self.tcp + 16, [0, 0])
    let sum = checksum(source)
    replace(Self.tcp + 16, [UInt8(sum >> 8), UInt8(sum & 0xFF)])
  }

  /// RFC 9293 §3.1: over the pseudo-header and the segment.
  private func checksum(_ source: IPv4Address) -> UInt16 {
    var sum: UInt32 = 6 + 24
    for word in [source.bits, Self.bits(target)] { sum += word >> 16 + word & 0xFFFF }
    for index in stride(from: Self.tcp, to: octets.count, by: 2) {
      sum += UInt32(octets[index]) << 8 | UInt32(octets[index + 1])
    }
    while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(sum)
  }

  private mutating func replace(_ place: Int, _ piece: [UInt8]) {
    for (index, octet) in piece.enumerated() { octets[place + index] = octet }
  }

  private static func bits(_ endpoint: Endpoint) -> UInt32 {
    switch endpoint.address {
    case .v4(let address): address.bits
    }
  }

  private static func octets(of word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }
}
