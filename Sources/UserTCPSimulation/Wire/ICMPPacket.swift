// An ICMP message (RFC 792) as a value: what a script sends as a router or a pinging host, and what
// it gets back. Independent of the engine's parser and writer.

import UserTCP

public struct ICMPPacket: Hashable, Sendable {
  public static let echoReply: UInt8 = 0
  public static let destinationUnreachable: UInt8 = 3
  public static let sourceQuench: UInt8 = 4
  public static let redirect: UInt8 = 5
  public static let echoRequest: UInt8 = 8
  public static let timeExceeded: UInt8 = 11
  public static let parameterProblem: UInt8 = 12

  public var type: UInt8
  public var code: UInt8
  /// The second word: identifier and sequence number, next-hop MTU, pointer or unused.
  public var word: UInt32
  /// Echo data, or the quoted packet of an error.
  public var payload: [UInt8]

  public init(type: UInt8, code: UInt8 = 0, word: UInt32 = 0, payload: [UInt8] = []) {
    self.type = type
    self.code = code
    self.word = word
    self.payload = payload
  }

  public static func echoRequest(
    identifier: UInt16, sequence: UInt16, _ data: [UInt8]
  ) -> ICMPPacket {
    ICMPPacket(
      type: echoRequest, word: UInt32(identifier) << 16 | UInt32(sequence), payload: data)
  }

  public func packet(from source: IPv4Address, to destination: IPv4Address) -> IPv4Packet {
    var bytes: [UInt8] = [type, code, 0, 0]
    bytes.append(uint32: word)
    bytes += payload
    bytes.set(uint16: ~onesComplementSum(bytes), at: 2)
    var packet = IPv4Packet(
      from: source, to: destination, protocol: IPv4Packet.icmp, payload: bytes)
    packet.dontFragment = false
    return packet
  }

  public init(decoding bytes: [UInt8]) throws(MalformedPacket) {
    guard bytes.count >= 8 else { throw MalformedPacket("\(bytes.count) octets, no ICMP header") }
    guard onesComplementSum(bytes) == 0xFFFF else { throw MalformedPacket("wrong ICMP checksum") }
    self.init(
      type: bytes[0], code: bytes[1], word: bytes.uint32(at: 4), payload: Array(bytes[8...]))
  }
}
