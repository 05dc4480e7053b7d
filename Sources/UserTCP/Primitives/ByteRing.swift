// A queue of octets in a circle of memory: the send and the receive buffer of a connection, and each
// run of octets that waits out of order. Memory comes from a `BufferPool` with the first octet and goes
// back with the last; it grows by doubling, so a connection pays for what it holds and not for what it
// may hold. When the pool's budget is spent nothing is added, and the caller hears of it.
//
// Unsafe inside: `base` points at `capacity` octets lent by the pool while it is not nil; every
// access below is masked into that range after a check against it.

@safe struct ByteRing: ~Copyable {
  private var base: UnsafeMutableRawPointer? = nil
  private var storageCapacity: UInt32 = 0  // zero or a power of two
  private var head: UInt32 = 0
  private var used: UInt32 = 0

  init() {}

  deinit { unsafe base?.deallocate() }

  var count: Int { Int(used) }
  var isEmpty: Bool { used == 0 }
  var capacity: Int { Int(storageCapacity) }

  /// Makes room for `needed` octets; false when the pool lends no more.
  private mutating func reserve(_ needed: Int, from pool: inout BufferPool) -> Bool {
    guard needed > capacity else { return true }
    let larger = BufferPool.capacity(for: needed)
    guard larger <= BufferPool.largest, pool.mayLend(larger) else { return false }
    let block = unsafe pool.take(capacity: larger)
    if let old = unsafe base {
      // The whole circle is unrolled.
      let untilEnd = capacity - Int(head)
      unsafe block.copyMemory(from: old + Int(head), byteCount: untilEnd)
      unsafe (block + untilEnd).copyMemory(from: old, byteCount: Int(head))
      unsafe pool.give(old, capacity: capacity)
    }
    unsafe base = block
    storageCapacity = UInt32(larger)
    head = 0
    return true
  }

  /// Copies octets to `position` of the circle, for which there is room.
  private mutating func store(_ bytes: RawSpan, at position: Int) {
    let length = bytes.byteCount
    let first = min(length, capacity - position)
    unsafe bytes.withUnsafeBytes { source in
      unsafe (base! + position).copyMemory(from: source.baseAddress!, byteCount: first)
      if first < length {
        unsafe base!.copyMemory(from: source.baseAddress! + first, byteCount: length - first)
      }
    }
  }

  /// Adds octets behind the last; false, and nothing changes, when there is no memory for them.
  mutating func append(_ bytes: RawSpan, from pool: inout BufferPool) -> Bool {
    guard bytes.byteCount > 0 else { return true }
    guard reserve(count + bytes.byteCount, from: &pool) else { return false }
    store(bytes, at: (Int(head) + count) & (capacity - 1))
    used += UInt32(bytes.byteCount)
    return true
  }

  /// Adds octets before the first; false, and nothing changes, when there is no memory for them.
  mutating func prepend(_ bytes: RawSpan, from pool: inout BufferPool) -> Bool {
    guard bytes.byteCount > 0 else { return true }
    guard reserve(count + bytes.byteCount, from: &pool) else { return false }
    let start = (Int(head) - bytes.byteCount) & (capacity - 1)
    store(bytes, at: start)
    head = UInt32(start)
    used += UInt32(bytes.byteCount)
    return true
  }

  /// Takes all octets of `other` behind its own, and copies the fewer of both; false, and nothing changes,
  /// when there is no memory for it.
  mutating func append(allOf other: inout ByteRing, from pool: inout BufferPool) -> Bool {
    if count < other.count {
      guard other.reserve(count + other.count, from: &pool) else { return false }
      let (first, second) = unsafe pieces(at: 0, count: count)
      _ = unsafe other.prepend(second.bytes, from: &pool)
      _ = unsafe other.prepend(first.bytes, from: &pool)
      swap(&self, &other)
    } else {
      guard reserve(count + other.count, from: &pool) else { return false }
      let (first, second) = unsafe other.pieces(at: 0, count: other.count)
      _ = unsafe append(first.bytes, from: &pool)
      _ = unsafe append(second.bytes, from: &pool)
    }
    other.release(to: &pool)
    return true
  }

  mutating func consume(_ length: Int) {
    precondition(length <= count, "no more can be consumed than is there")
    used -= UInt32(length)
    guard storageCapacity > 0 else { return }
    head = (head &+ UInt32(length)) & (storageCapacity - 1)
  }

  /// Forgets everything and gives the memory back.
  mutating func release(to pool: inout BufferPool) {
    used = 0
    head = 0
    guard let block = unsafe base.take() else { return }
    unsafe pool.give(block, capacity: capacity)
    storageCapacity = 0
  }

  /// `length` octets from `offset` on, in at most two pieces. Valid until the ring changes.
  @unsafe func pieces(
    at offset: Int, count length: Int
  ) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    precondition(offset >= 0 && length >= 0 && offset + length <= count, "inside the queue")
    guard length > 0, let base = unsafe base else {
      return unsafe (UnsafeRawBufferPointer(start: nil, count: 0), .init(start: nil, count: 0))
    }
    let start = (Int(head) + offset) & (capacity - 1)
    let first = min(length, capacity - start)
    return unsafe (
      UnsafeRawBufferPointer(start: base + start, count: first),
      UnsafeRawBufferPointer(start: base, count: length - first)
    )
  }

  /// Copies as many octets as fit into `output`.
  func copy(into output: inout OutputRawSpan) -> Int {
    let length = min(output.freeCapacity, count)
    let (first, second) = unsafe pieces(at: 0, count: length)
    unsafe Self.append(first, to: &output)
    unsafe Self.append(second, to: &output)
    return length
  }

  @unsafe private static func append(
    _ piece: UnsafeRawBufferPointer, to output: inout OutputRawSpan
  ) {
    guard piece.count > 0 else { return }
    unsafe output.withUnsafeMutableBytes { target, filled in
      unsafe (target.baseAddress! + filled).copyMemory(
        from: piece.baseAddress!, byteCount: piece.count)
      filled += piece.count
    }
  }
}
