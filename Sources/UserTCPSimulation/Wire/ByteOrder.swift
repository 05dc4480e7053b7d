// Network byte order and the Internet checksum over plain arrays. The engine has its own; these are
// written a second time, simply and slowly, because what judges must not share the code it judges.

extension [UInt8] {
  func uint16(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }
  func uint32(at offset: Int) -> UInt32 {
    UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
  }

  mutating func append(uint16 value: UInt16) {
    append(UInt8(value >> 8))
    append(UInt8(value & 0xFF))
  }
  mutating func append(uint32 value: UInt32) {
    append(uint16: UInt16(value >> 16))
    append(uint16: UInt16(value & 0xFFFF))
  }

  mutating func set(uint16 value: UInt16, at offset: Int) {
    self[offset] = UInt8(value >> 8)
    self[offset + 1] = UInt8(value & 0xFF)
  }
}

/// The one's complement sum of RFC 1071 over `bytes`, odd lengths padded with a zero octet.
/// Over data that holds its own correct checksum it is 0xFFFF.
public func onesComplementSum(_ bytes: [UInt8], startingAt start: UInt16 = 0) -> UInt16 {
  // By pointer, because tests run unoptimised and this loop is most of their time.
  unsafe bytes.withUnsafeBytes { unsafe onesComplementSum($0, startingAt: start) }
}

public func onesComplementSum(_ bytes: ArraySlice<UInt8>, startingAt start: UInt16 = 0) -> UInt16 {
  unsafe bytes.withUnsafeBytes { unsafe onesComplementSum($0, startingAt: start) }
}

/// Sums words of 32 bits in the machine's order and swaps once: the sum does not depend on the byte
/// order (RFC 1071 §2 (B)), and 2^16 is 1 modulo 2^16 - 1.
@unsafe private func onesComplementSum(_ bytes: UnsafeRawBufferPointer, startingAt start: UInt16)
  -> UInt16
{
  var sum: UInt64 = 0
  var offset = 0
  while offset &+ 4 <= bytes.count {
    sum &+= UInt64(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    offset &+= 4
  }
  var tail: UInt32 = 0
  while offset < bytes.count {
    let shift = UInt32((3 - (offset & 3)) * 8)
    tail |= UInt32(unsafe bytes[offset]) << shift
    offset += 1
  }
  sum += UInt64(tail.bigEndian)
  while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
  var total = UInt64(UInt16(sum).bigEndian) + UInt64(start)
  while total > 0xFFFF { total = total & 0xFFFF + total >> 16 }
  return UInt16(total)
}
