// A position in TCP's circle of 2^32 octets (RFC 9293 §3.4). Two of them subtract to a distance;
// "before" and "after" mean less than half the circle away. Not `Comparable`: on a circle
// there is no smallest number, and sorting sequence numbers would be a mistake.

/// A TCP sequence or acknowledgement number; arithmetic is modulo 2^32.
public struct SequenceNumber: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public init(_ rawValue: UInt32) { self.rawValue = rawValue }

  public static func + (start: SequenceNumber, octets: Int) -> SequenceNumber {
    SequenceNumber(start.rawValue &+ UInt32(truncatingIfNeeded: octets))
  }
  public static func - (end: SequenceNumber, octets: Int) -> SequenceNumber {
    SequenceNumber(end.rawValue &- UInt32(truncatingIfNeeded: octets))
  }
  public static func += (number: inout SequenceNumber, octets: Int) { number = number + octets }

  /// Octets from `start` to `end`, negative when `end` comes first.
  public static func - (end: SequenceNumber, start: SequenceNumber) -> Int {
    Int(Int32(bitPattern: end.rawValue &- start.rawValue))
  }

  public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right < 0 }
  public static func <= (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right <= 0 }
  public static func > (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right > 0 }
  public static func >= (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right >= 0 }

  public static func latest(_ left: SequenceNumber, _ right: SequenceNumber) -> SequenceNumber {
    left < right ? right : left
  }
  public static func earliest(_ left: SequenceNumber, _ right: SequenceNumber) -> SequenceNumber {
    left < right ? left : right
  }
}
