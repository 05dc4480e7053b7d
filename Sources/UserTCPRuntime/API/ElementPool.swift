// Elements in chunks that never move, found by slot; free slots are a list through the free
// elements themselves, so an element costs its stride and nothing else. There are no generations:
// the owner table has them.

/// A pool of non-copyable elements.
@safe struct ElementPool<Element: ~Copyable>: ~Copyable {
  private static var chunkShift: Int { 8 }
  private static var chunkSize: Int { 1 << chunkShift }
  /// A free element holds the number of the next free one.
  private static var stride: Int {
    (max(MemoryLayout<Element>.stride, MemoryLayout<UInt32>.size) + alignment - 1)
      & ~(alignment - 1)
  }
  private static var alignment: Int {
    max(MemoryLayout<Element>.alignment, MemoryLayout<UInt32>.alignment)
  }

  private var chunks: [UnsafeMutableRawPointer] = unsafe []
  /// The first free slot; `UInt32.max`: none.
  private var free = UInt32.max
  private(set) var count = 0

  init() {}

  /// Whoever owns the pool has removed every element; they cannot be told from free slots here.
  deinit {
    for index in unsafe chunks.indices { unsafe chunks[index].deallocate() }
  }

  mutating func insert(_ element: consuming Element) -> UInt32 {
    if free == .max { grow() }
    let slot = free
    let place = unsafe rawPointer(slot)
    unsafe free = place.load(as: UInt32.self)
    unsafe place.initializeMemory(as: Element.self, to: element)
    count += 1
    return slot
  }

  mutating func remove(_ slot: UInt32) -> Element {
    let element = unsafe pointer(slot).move()
    unsafe rawPointer(slot).storeBytes(of: free, as: UInt32.self)
    free = slot
    count -= 1
    return element
  }

  /// Where a live element lies, until it is removed.
  @unsafe func pointer(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
    unsafe rawPointer(slot).assumingMemoryBound(to: Element.self)
  }

  private func rawPointer(_ slot: UInt32) -> UnsafeMutableRawPointer {
    unsafe chunks[Int(slot) >> Self.chunkShift]
      + (Int(slot) & (Self.chunkSize - 1)) * Self.stride
  }

  private mutating func grow() {
    let first = UInt32(unsafe chunks.count << Self.chunkShift)
    unsafe chunks.append(
      .allocate(byteCount: Self.chunkSize * Self.stride, alignment: Self.alignment))
    for slot in (first..<first + UInt32(Self.chunkSize)).reversed() {
      unsafe rawPointer(slot).storeBytes(of: free, as: UInt32.self)
      free = slot
    }
  }
}
