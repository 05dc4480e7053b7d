// The Internet checksum (RFC 1071): the ones' complement sum of 16-bit words. Sums are kept in the
// machine's byte order, which RFC 1071 §2(B) allows, and swapped once at the end. RFC 1624 §3
// changes a sum without reading the data again.

/// A running ones' complement sum over octets that may come in several pieces.
public struct InternetChecksum: Sendable, BitwiseCopyable {
  private var sum: UInt64 = 0
  private var isOdd = false

  public init() {}

  /// Adds octets as if they followed those added before.
  public mutating func add(_ bytes: RawSpan) {
    let part = Self.nativeSum(bytes)
    // After an odd number of octets the pairs are shifted by one: swapped words sum to a swapped sum.
    sum &+= UInt64(isOdd ? part.byteSwapped : part)
    if bytes.byteCount & 1 == 1 { isOdd.toggle() }
  }

  /// Adds a 16-bit word in reading order; only between whole words.
  public mutating func add(_ word: UInt16) { sum &+= UInt64(word.bigEndian) }
  public mutating func add(_ word: UInt32) {
    sum &+= UInt64(word.bigEndian & 0xFFFF) &+ UInt64(word.bigEndian >> 16)
  }

  /// The folded sum in reading order, not complemented: what a pseudo-header leaves in the field.
  public var partial: UInt16 { UInt16(bigEndian: Self.fold(sum)) }
  /// What goes into the checksum field.
  public var value: UInt16 { ~partial }
  /// Whether octets that include their checksum field sum to all ones.
  public var isValid: Bool { Self.fold(sum) == 0xFFFF }

  /// The checksum after a word of the data changed (RFC 1624 §3, eqn. 3).
  public static func updated(_ checksum: UInt16, changing old: UInt16, to new: UInt16) -> UInt16 {
    let sum = UInt64(~checksum) + UInt64(~old) + UInt64(new)
    return ~fold(sum)
  }

  private static func fold(_ wide: UInt64) -> UInt16 {
    var sum = (wide & 0xFFFF_FFFF) &+ (wide >> 32)
    sum = (sum & 0xFFFF_FFFF) &+ (sum >> 32)
    sum = (sum & 0xFFFF) &+ (sum >> 16)
    sum = (sum & 0xFFFF) &+ (sum >> 16)
    return UInt16(truncatingIfNeeded: sum)
  }

  /// 32-bit lanes widened into 64-bit sums, so that carries are collected and never lost.
  private static func nativeSum(_ bytes: RawSpan) -> UInt16 {
    let count = bytes.byteCount
    var total: UInt64 = 0
    var offset = 0
    if count >= 64 {
      var low = SIMD8<UInt64>.zero
      var high = SIMD8<UInt64>.zero
      let mask = SIMD8<UInt64>(repeating: 0xFFFF_FFFF)
      while offset &+ 64 <= count {
        let lanes = unsafe bytes.unsafeLoadUnaligned(
          fromByteOffset: offset, as: SIMD8<UInt64>.self)
        low &+= lanes & mask
        high &+= lanes &>> 32
        offset &+= 64
      }
      let lanes = low &+ high
      for lane in 0..<8 { total &+= (lanes[lane] & 0xFFFF_FFFF) &+ (lanes[lane] >> 32) }
    }
    while offset &+ 4 <= count {
      total &+= UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
      offset &+= 4
    }
    if offset &+ 2 <= count {
      total &+= UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
      offset &+= 2
    }
    if offset < count {
      // The last octet is the first of a pair whose second is zero.
      total &+= UInt64(UInt16(littleEndian: UInt16(bytes.uint8(at: offset))))
    }
    return fold(total)
  }
}
