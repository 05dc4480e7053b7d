// A queue of octets in a circle of memory: the send and the receive buffer of a connection. Octets
// may also be written beyond the end, where out-of-order segments wait for the gap before them to
// close. Memory comes from a `BufferPool` with the first octet and goes back with the last;
// it grows by doubling, so a connection pays for what it holds and not for what it may hold.
//
//      head          head + count
//       | readable     | written ahead, not yet part of the queue |
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

  /// Makes room for `needed` octets from the head on.
  private mutating func reserve(_ needed: Int, from pool: inout BufferPool) {
    guard needed > capacity else { return }
    let larger = BufferPool.capacity(for: needed)
    let block = unsafe pool.take(capacity: larger)
    if let old = unsafe base {
      // The whole circle is unrolled, so what was written ahead keeps its place too.
      let untilEnd = capacity - Int(head)
      unsafe block.copyMemory(from: old + Int(head), byteCount: untilEnd)
      unsafe (block + untilEnd).copyMemory(from: old, byteCount: Int(head))
      unsafe pool.give(old, capacity: capacity)
    }
    unsafe base = block
    storageCapacity = UInt32(larger)
    head = 0
  }

  /// Writes octets `offset` behind the head without making them part of the queue.
  mutating func write(_ bytes: RawSpan, at offset: Int, from pool: inout BufferPool) {
    let length = bytes.byteCount
    guard length > 0 else { return }
    reserve(offset + length, from: &pool)
    let start = (Int(head) + offset) & (capacity - 1)
    let first = min(length, capacity - start)
    unsafe bytes.withUnsafeBytes { source in
      unsafe (base! + start).copyMemory(from: source.baseAddress!, byteCount: first)
      if first < length {
        unsafe base!.copyMemory(from: source.baseAddress! + first, byteCount: length - first)
      }
    }
  }

  /// Makes the next `length` octets, written before, part of the queue.
  mutating func extend(by length: Int) {
    assert(count + length <= capacity, "only written octets can join the queue")
    used += UInt32(length)
  }

  mutating func append(_ bytes: RawSpan, from pool: inout BufferPool) {
    write(bytes, at: count, from: &pool)
    used += UInt32(bytes.byteCount)
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
