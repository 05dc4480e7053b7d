// Storage for byte rings. A ring holds memory only while it holds octets, so rings are taken and
// given back all the time; this pool makes that a few instructions instead of a malloc, and hands
// the block given back last to the next taker, while it is still in the cache. It also knows how
// many octets are lent, and how many may be: the memory budget of the whole stack.

/// Blocks of a power of two octets, from 512 to 16 Mi, kept in one free list per size.
@safe struct BufferPool: ~Copyable {
  static let smallest = 512
  static let largest = 16 << 20
  private static let smallestShift = 9
  private static let sizes = 16

  /// Free blocks linked through their first word.
  private var free = unsafe InlineArray<16, UnsafeMutableRawPointer?>(repeating: nil)
  private let keepLimit: Int
  private(set) var bytesKept = 0
  private(set) var bytesLent = 0
  /// No more than this is lent to those who ask first (`mayLend`).
  var limit = Int.max

  /// Keeps at most `keepLimit` octets of free blocks; what is given back beyond goes to the system.
  init(keepLimit: Int = 4 << 20) { self.keepLimit = keepLimit }

  deinit {
    for index in 0..<Self.sizes {
      var next = unsafe free[index]
      while let block = unsafe next {
        unsafe next = block.load(as: UnsafeMutableRawPointer?.self)
        unsafe block.deallocate()
      }
    }
  }

  private static func sizeIndex(_ capacity: Int) -> Int {
    max(0, Int.bitWidth - (capacity - 1).leadingZeroBitCount - smallestShift)
  }

  /// The capacity that a request for `count` octets yields.
  static func capacity(for count: Int) -> Int { smallest << sizeIndex(max(count, 1)) }

  /// Whether the budget has room for a block; who can do without asks before taking one.
  func mayLend(_ capacity: Int) -> Bool { bytesLent + capacity <= limit }

  /// The smallest block would be too much.
  var isExhausted: Bool { !mayLend(Self.smallest) }

  @unsafe mutating func take(capacity: Int) -> UnsafeMutableRawPointer {
    precondition(capacity <= Self.largest, "no ring is larger than 16 MiB")
    bytesLent += capacity
    let index = Self.sizeIndex(capacity)
    guard let block = unsafe free[index] else {
      return .allocate(byteCount: capacity, alignment: 64)
    }
    unsafe free[index] = block.load(as: UnsafeMutableRawPointer?.self)
    bytesKept -= capacity
    return unsafe block
  }

  @unsafe mutating func give(_ block: UnsafeMutableRawPointer, capacity: Int) {
    bytesLent -= capacity
    guard bytesKept + capacity <= keepLimit else { return unsafe block.deallocate() }
    let index = Self.sizeIndex(capacity)
    unsafe block.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
    unsafe free[index] = block
    bytesKept += capacity
  }
}
