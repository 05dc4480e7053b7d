// Octets for tests: an array lent as the engine borrows them, and one filled by what the engine writes.
// The two uses of `unsafe` that parsers and writers would need in every test are here once.

@testable import UserTCP

extension Array where Element == UInt8 {
  /// The octets as the engine's parsers take them.
  var raw: RawSpan {
    @_lifetime(borrow self)
    get {
      // Sound: the span borrows this array and octets have no padding.
      unsafe _overrideLifetime(span.bytes, borrowing: self)
    }
  }

  /// What `write` appends to an output of `capacity` octets.
  init(capacity: Int, writtenBy write: (inout OutputRawSpan) -> Void) {
    // Sound: `finalize` says how much of the buffer was initialised.
    unsafe self.init(unsafeUninitializedCapacity: capacity) { buffer, count in
      let room = UnsafeMutableRawBufferPointer(buffer)
      var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
      write(&output)
      count = unsafe output.finalize(for: room)
    }
  }
}

extension ByteRing {
  mutating func append(_ octets: [UInt8], from pool: inout BufferPool) {
    _ = append(octets.raw, from: &pool)
  }
}

extension IncomingBatch {
  mutating func append(_ octets: [UInt8], offload: OffloadInfo) {
    append(octets.raw, offload: offload)
  }
}
