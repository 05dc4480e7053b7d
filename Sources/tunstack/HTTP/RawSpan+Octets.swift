// Looking at octets that somebody else holds: single octets, line ends, words. Every access is
// bounds-checked by the span; the `unsafe` marks are loads of integers, of which every pattern of
// bits is a value. Called by the HTTP parser and by whoever needs an array's octets as a span.

extension RawSpan {
  func octet(_ offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Where the first line feed in `start..<end` is.
  func firstLineFeed(from start: Int, to end: Int) -> Int? {
    var offset = start
    // Eight at a time: a zero octet of `difference` marks a line feed, and the lowest mark is exact.
    while offset + 8 <= end {
      let word = UInt64(
        littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let difference = word ^ 0x0A0A_0A0A_0A0A_0A0A
      let marks = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      if marks != 0 { return offset + marks.trailingZeroBitCount >> 3 }
      offset += 8
    }
    while offset < end {
      if octet(offset) == ASCII.lineFeed { return offset }
      offset += 1
    }
    return nil
  }

  /// The octets of `range` are exactly `word`.
  func holds(_ word: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { letters in
      for index in 0..<letters.count
      where octet(range.lowerBound + index) != (unsafe letters[index]) { return false }
      return true
    }
  }

  /// The octets of `range` are `word`, whatever the case of their letters; `word` is in lower case.
  func holds(ignoringCase word: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { letters in
      for index in 0..<letters.count
      where ASCII.lowercased(octet(range.lowerBound + index)) != (unsafe letters[index]) {
        return false
      }
      return true
    }
  }
}

extension [UInt8] {
  /// The array's octets, lent.
  var octets: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }  // sound: a UInt8 has no padding
  }

  mutating func append(_ octets: RawSpan) {
    unsafe octets.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}

/// Octets with a meaning in HTTP.
enum ASCII {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let comma: UInt8 = 0x2C
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B
  static let delete: UInt8 = 0x7F

  static func lowercased(_ octet: UInt8) -> UInt8 {
    octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet
  }

  static func digit(_ octet: UInt8) -> Int? {
    octet >= 0x30 && octet <= 0x39 ? Int(octet - 0x30) : nil
  }

  static func hexadecimalDigit(_ octet: UInt8) -> Int? {
    switch lowercased(octet) {
    case 0x30...0x39: Int(octet - 0x30)
    case 0x61...0x66: Int(lowercased(octet) - 0x61) + 10
    default: nil
    }
  }

  /// RFC 9110 §5.6.2: what names of fields and methods are made of.
  static func isToken(_ octet: UInt8) -> Bool {
    guard octet < 0x80 else { return false }
    let bits = octet < 64 ? tokenBitsBelow64 : tokenBitsFrom64
    return bits >> UInt64(octet & 63) & 1 != 0
  }
  // ! # $ % & ' * + - . 0-9
  private static let tokenBitsBelow64: UInt64 = 0x03FF_6CFA_0000_0000
  // A-Z ^ _ ` a-z | ~
  private static let tokenBitsFrom64: UInt64 = 0x57FF_FFFF_C7FF_FFFE

  /// RFC 9110 §5.5: what a field's value may hold; CR, LF, NUL and other controls are not among it.
  static func isFieldContent(_ octet: UInt8) -> Bool {
    octet >= space ? octet != delete : octet == tab
  }

  static func isBlank(_ octet: UInt8) -> Bool { octet == space || octet == tab }
}
