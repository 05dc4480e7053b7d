// Received octets that outlive the call that read them: an owned, immutable buffer that may be sent
// to other tasks. Buffers are taken only once there are octets for them, so a stream that waits
// holds none; one that nobody kept goes back to the stack's pool and is used again.

/// Octets received on a stream.
@safe public struct ByteChunk: Sendable {
  let storage: ChunkStorage
  public let count: Int

  /// The octets, while the chunk lives.
  public var bytes: RawSpan {
    @_lifetime(borrow self) get {
      let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(storage.base), byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// A copy.
  public var array: [UInt8] {
    unsafe [UInt8](UnsafeRawBufferPointer(start: storage.base, count: count))
  }
}

/// A buffer: written once by the reader that took it, read-only from then on.
@safe final class ChunkStorage: @unchecked Sendable {
  // Sound as Sendable: filled before a `ByteChunk` hands it on, and filled again only while it is
  // uniquely referenced.
  let base: UnsafeMutableRawPointer
  let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { unsafe base.deallocate() }
}

/// Buffers that nobody uses, in two sizes: a chunk of a few octets that a program keeps should not
/// hold 64 KB. The loop's alone.
struct ChunkPool: ~Copyable {
  static let smallCapacity = 4 << 10
  static let largeCapacity = 64 << 10
  /// At most 1 MB is kept.
  private static let limit = 15

  private var small: [ChunkStorage] = []
  private var large: [ChunkStorage] = []

  /// A buffer for `count` octets or the largest there is; `spare` when it fits, given back otherwise.
  mutating func take(for count: Int, reusing spare: consuming ChunkStorage?) -> ChunkStorage {
    let isSmall = count <= Self.smallCapacity
    if let spare {
      if (spare.capacity == Self.smallCapacity) == isSmall { return spare }
      giveBack(spare)
    }
    if isSmall {
      return small.popLast() ?? ChunkStorage(capacity: Self.smallCapacity)
    }
    return large.popLast() ?? ChunkStorage(capacity: Self.largeCapacity)
  }

  /// Takes a buffer back that the caller alone referred to.
  mutating func giveBack(_ storage: consuming ChunkStorage) {
    if storage.capacity == Self.smallCapacity {
      if small.count < Self.limit { small.append(storage) }
    } else if large.count < Self.limit {
      large.append(storage)
    }
  }
}
