// Buckets of a hash table that grows by one at a time (linear hashing, Litwin 1980): each insertion
// past the load splits one bucket, so no insertion ever pays for a rehash of the whole table. Only
// the heads of chains live here; the links live with the entries.

@safe struct HashBuckets: ~Copyable {
  static var none: UInt32 { .max }
  private static var segmentShift: Int { 12 }
  private static var segmentSize: Int { 1 << segmentShift }

  private var segments: UnsafeMutablePointer<UnsafeMutablePointer<UInt32>>
  private var directoryCapacity = 16
  private var segmentCount = 0
  private var roundMask: UInt32 = 63  // buckets at the start of this round of splits, less one
  private(set) var count: Int = 64

  init() {
    unsafe segments = .allocate(capacity: directoryCapacity)
    addSegment()
  }

  deinit {
    for index in 0..<segmentCount { unsafe segments[index].deallocate() }
    unsafe segments.deallocate()
  }

  func bucket(of hash: UInt32) -> Int {
    let wide = Int(hash & (roundMask << 1 | 1))
    return wide < count ? wide : Int(hash & roundMask)
  }

  subscript(bucket: Int) -> UInt32 {
    get { unsafe segments[bucket >> Self.segmentShift][bucket & (Self.segmentSize - 1)] }
    set { unsafe segments[bucket >> Self.segmentShift][bucket & (Self.segmentSize - 1)] = newValue }
  }

  /// Adds a bucket. Entries of the bucket returned now belong there or into the new, last one.
  mutating func split() -> Int {
    let source = count - Int(roundMask) - 1
    if count >> Self.segmentShift == segmentCount { addSegment() }
    count += 1
    self[count - 1] = Self.none
    if count == Int(roundMask) * 2 + 2 { roundMask = roundMask << 1 | 1 }
    return source
  }

  private mutating func addSegment() {
    if segmentCount == directoryCapacity {
      let larger = UnsafeMutablePointer<UnsafeMutablePointer<UInt32>>.allocate(
        capacity: directoryCapacity * 2)
      unsafe larger.update(from: segments, count: segmentCount)
      unsafe segments.deallocate()
      unsafe segments = larger
      directoryCapacity *= 2
    }
    let segment = UnsafeMutablePointer<UInt32>.allocate(capacity: Self.segmentSize)
    unsafe segment.initialize(repeating: Self.none, count: Self.segmentSize)
    unsafe segments[segmentCount] = segment
    segmentCount += 1
  }
}
