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
public func onesComplementSum(_ bytes: some Sequence<UInt8>, startingAt start: UInt16 = 0) -> UInt16 {
  var sum = UInt64(start)
  var isHigh = true
  for byte in bytes {
    sum += isHigh ? UInt64(byte) << 8 : UInt64(byte)
    isHigh.toggle()
  }
  while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
  return UInt16(sum)
}
