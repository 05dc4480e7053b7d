// TCP options (RFC 9293 §3.2) as a test writes them, and a generic walker over kind and length that
// reports whatever breaks the rules of MUST-68 and MUST-69. Independent of the engine's parser.

import UserTCP

/// A SACK block: octets from `left` up to, not including, `right` (RFC 2018 §3).
public struct SegmentBlock: Hashable, Sendable {
  public var left: SequenceNumber
  public var right: SequenceNumber

  public init(_ left: SequenceNumber, _ right: SequenceNumber) {
    self.left = left
    self.right = right
  }

  public var length: Int { right - left }
  public func contains(_ other: SegmentBlock) -> Bool { left <= other.left && other.right <= right }
}

extension SegmentBlock: CustomStringConvertible {
  public var description: String { "{\(left.rawValue):\(right.rawValue)}" }
}

/// One TCP option. `raw` is for what a correct sender would never write.
public enum SegmentOption: Hashable, Sendable {
  case endOfList
  case noOperation
  case maximumSegmentSize(UInt16)
  case windowScale(UInt8)
  case sackPermitted
  case sack([SegmentBlock])
  /// Value and echo.
  case timestamps(UInt32, UInt32)
  case other(kind: UInt8, [UInt8])
  case raw([UInt8])

  /// RFC 7413: a cookie, or without octets the request for one.
  public static func fastOpen(_ cookie: [UInt8]) -> SegmentOption { .other(kind: 34, cookie) }

  public var encoded: [UInt8] {
    switch self {
    case .endOfList: return [0]
    case .noOperation: return [1]
    case .maximumSegmentSize(let size): return [2, 4, UInt8(size >> 8), UInt8(size & 0xFF)]
    case .windowScale(let shift): return [3, 3, shift]
    case .sackPermitted: return [4, 2]
    case .sack(let blocks):
      var bytes: [UInt8] = [5, UInt8(2 + 8 * blocks.count)]
      for block in blocks {
        bytes.append(uint32: block.left.rawValue)
        bytes.append(uint32: block.right.rawValue)
      }
      return bytes
    case .timestamps(let value, let echo):
      var bytes: [UInt8] = [8, 10]
      bytes.append(uint32: value)
      bytes.append(uint32: echo)
      return bytes
    case .other(let kind, let data): return [kind, UInt8(data.count + 2)] + data
    case .raw(let bytes): return bytes
    }
  }

  /// Padding (no-operation, end of list) is left out of the result.
  static func decode(_ bytes: [UInt8]) throws(MalformedPacket) -> [SegmentOption] {
    var options: [SegmentOption] = []
    var index = 0
    while index < bytes.count {
      let kind = bytes[index]
      if kind == 0 {
        guard bytes[index...].allSatisfy({ $0 == 0 }) else {
          throw MalformedPacket("octets after the end of the option list are not zero")
        }
        return options
      }
      if kind == 1 {
        index += 1
        continue
      }
      guard index + 1 < bytes.count, bytes[index + 1] >= 2,
        index + Int(bytes[index + 1]) <= bytes.count
      else { throw MalformedPacket("option \(kind) has no valid length") }
      let data = Array(bytes[index + 2..<index + Int(bytes[index + 1])])
      options.append(try decode(kind: kind, data))
      index += data.count + 2
    }
    return options
  }

  private static func decode(
    kind: UInt8, _ data: [UInt8]
  ) throws(MalformedPacket) -> SegmentOption {
    switch (kind, data.count) {
    case (2, 2): return .maximumSegmentSize(data.uint16(at: 0))
    case (3, 1): return .windowScale(data[0])
    case (4, 0): return .sackPermitted
    case (5, 8), (5, 16), (5, 24), (5, 32):
      return .sack(
        stride(from: 0, to: data.count, by: 8).map {
          SegmentBlock(
            SequenceNumber(data.uint32(at: $0)), SequenceNumber(data.uint32(at: $0 + 4)))
        })
    case (8, 8): return .timestamps(data.uint32(at: 0), data.uint32(at: 4))
    case (2, _), (3, _), (4, _), (5, _), (8, _):
      throw MalformedPacket("option \(kind) with \(data.count) octets")
    default: return .other(kind: kind, data)
    }
  }
}

extension SegmentOption: CustomStringConvertible {
  public var description: String {
    switch self {
    case .endOfList: "eol"
    case .noOperation: "nop"
    case .maximumSegmentSize(let size): "mss \(size)"
    case .windowScale(let shift): "wscale \(shift)"
    case .sackPermitted: "sackOK"
    case .sack(let blocks):
      "sack " + blocks.map(\.description).joined()
    case .timestamps(let value, let echo): "TS val \(value) ecr \(echo)"
    case .other(let kind, let data): "kind \(kind) len \(data.count + 2)"
    case .raw(let bytes): "raw \(bytes)"
    }
  }
}
