// Where control blocks live: chunks of elements that never move, found by slot and generation. A
// handle that outlived its element misses instead of meeting a stranger. Growth adds one chunk,
// never copies, so no turn stalls; a freed slot is the next to be used, while it is still warm.

/// Names one connection for as long as it lives.
public struct ConnectionID: Hashable, Sendable, BitwiseCopyable {
  /// Index below `StackSettings.maximumConnections`; used again with another generation.
  public var slot: UInt32
  public var generation: UInt32

  public init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }
}

/// A pool of noncopyable elements, changed in place.
@safe struct SlotPool<Element: ~Copyable>: ~Copyable {
  private struct Header {
    var generation: UInt32  // odd: in use
    var nextFree: UInt32
  }

  private static var chunkShift: Int { 9 }
  private static var chunkSize: Int { 1 << chunkShift }
  private static var none: UInt32 { .max }

  private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
  private let headers: UnsafeMutablePointer<Header>
  private let maximum: Int
  private var capacity = 0
  private var firstFree = Self.none
  private(set) var count = 0

  /// Memory for headers is reserved, not touched: pages become resident as slots are used.
  init(maximum: Int) {
    self.maximum = (maximum + Self.chunkSize - 1) & ~(Self.chunkSize - 1)
    unsafe chunks = .allocate(capacity: max(1, self.maximum >> Self.chunkShift))
    unsafe headers = .allocate(capacity: max(1, self.maximum))
  }

  deinit {
    for slot in 0..<capacity where unsafe headers[slot].generation & 1 == 1 {
      unsafe address(UInt32(slot)).deinitialize(count: 1)
    }
    for chunk in 0..<(capacity >> Self.chunkShift) { unsafe chunks[chunk].deallocate() }
    unsafe chunks.deallocate()
    unsafe headers.deallocate()
  }

  private func address(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
    unsafe chunks[Int(slot) >> Self.chunkShift] + (Int(slot) & (Self.chunkSize - 1))
  }

  /// `nil` when the pool is at its maximum; the element is then gone.
  mutating func insert(_ element: consuming Element) -> ConnectionID? {
    if firstFree == Self.none {
      guard capacity < maximum else { return nil }
      addChunk()
    }
    let slot = firstFree
    unsafe firstFree = headers[Int(slot)].nextFree
    unsafe headers[Int(slot)].generation &+= 1
    unsafe address(slot).initialize(to: element)
    count += 1
    return unsafe ConnectionID(slot: slot, generation: headers[Int(slot)].generation)
  }

  private mutating func addChunk() {
    unsafe chunks[capacity >> Self.chunkShift] = .allocate(capacity: Self.chunkSize)
    for slot in (capacity..<capacity + Self.chunkSize).reversed() {
      unsafe headers[slot] = Header(generation: 0, nextFree: firstFree)
      firstFree = UInt32(slot)
    }
    capacity += Self.chunkSize
  }

  func contains(_ id: ConnectionID) -> Bool {
    unsafe Int(id.slot) < capacity && headers[Int(id.slot)].generation == id.generation
  }

  /// The handle of an element in use, `nil` for a free slot.
  func id(at slot: UInt32) -> ConnectionID? {
    guard Int(slot) < capacity, unsafe headers[Int(slot)].generation & 1 == 1 else { return nil }
    return unsafe ConnectionID(slot: slot, generation: headers[Int(slot)].generation)
  }

  mutating func remove(_ slot: UInt32) {
    precondition(id(at: slot) != nil, "the slot is in use")
    unsafe headers[Int(slot)].generation &+= 1
    unsafe headers[Int(slot)].nextFree = firstFree
    firstFree = slot
    count -= 1
    unsafe address(slot).deinitialize(count: 1)
  }

  /// The element of a slot in use, in place. Whoever holds a bare slot has checked its handle.
  subscript(slot: UInt32) -> Element {
    unsafeAddress {
      assert(id(at: slot) != nil, "the slot is in use")
      return unsafe UnsafePointer(address(slot))
    }
    unsafeMutableAddress {
      assert(id(at: slot) != nil, "the slot is in use")
      return unsafe address(slot)
    }
  }

  /// Slots that are or were in use, for tables that a human asked for.
  var slots: Range<UInt32> { 0..<UInt32(capacity) }
}
