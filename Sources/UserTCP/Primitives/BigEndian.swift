// Network byte order (RFC 791 App. B) over borrowed bytes. Every access is bounds-checked by the
// span; after a parser's one length check the optimiser folds each into a load and a swap.
// Writing appends to an `OutputRawSpan`, so a header cannot be left half written.

extension RawSpan {
  func uint8(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)  // sound: every pattern is a UInt8
  }
  func uint16(at offset: Int) -> UInt16 {
    UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
  func uint32(at offset: Int) -> UInt32 {
    UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}

extension OutputRawSpan {
  @_lifetime(self: copy self)
  mutating func append(bigEndian value: UInt16) {
    unsafe append(value.bigEndian, as: UInt16.self)  // sound: integers have no padding
  }
  @_lifetime(self: copy self)
  mutating func append(bigEndian value: UInt32) {
    unsafe append(value.bigEndian, as: UInt32.self)
  }
}
