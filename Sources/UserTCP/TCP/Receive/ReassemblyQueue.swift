// What has arrived ahead of a gap (RFC 9293 §3.10.7.4, SHLD-31): runs of octets, sorted and apart from each
// other, each in a ring of its own. So an octet far ahead costs what it is and not its distance, and when
// the gap closes a whole run becomes the receive buffer without being copied. Runs are few: past `limit`
// a new one is refused and the sender will repeat it, so that a flood of tiny gaps has a bound.
//
// It remembers which runs grew last (RFC 2018 §4 reports those first) by a sequence number inside each,
// which holds however runs melt into each other.
//
//   | recent × 4, their number | run | run | …        one block of the pool
//                              ^ firstRun
//
// Unsafe inside: `base` is nil or a block of `capacity` octets, in which the runs below `count` are
// initialised, and their rings are moved, never copied.

@safe struct ReassemblyQueue: ~Copyable {
  struct Range: Hashable, BitwiseCopyable {
    var start: SequenceNumber
    var end: SequenceNumber
  }

  struct Run: ~Copyable {
    var ring = ByteRing()
    var start: SequenceNumber
    var end: SequenceNumber { start + ring.count }
  }

  static let limit = 256
  /// As many as an ACK can report.
  static let recentLimit = SACKBlocks.limit
  private static let firstRun = 24
  private static let stride = MemoryLayout<Run>.stride

  private var base: UnsafeMutableRawPointer? = nil
  private var capacity: UInt32 = 0
  private var used: UInt16 = 0

  init() {}

  deinit {
    guard let base = unsafe base else { return }
    for index in 0..<count { unsafe run(index).deinitialize(count: 1) }
    unsafe base.deallocate()
  }

  var count: Int { Int(used) }
  var isEmpty: Bool { used == 0 }

  subscript(index: Int) -> Range {
    precondition(index >= 0 && index < count, "no such run")
    return unsafe Range(start: run(index).pointee.start, end: run(index).pointee.end)
  }

  private func run(_ index: Int) -> UnsafeMutablePointer<Run> {
    guard let base = unsafe base else { preconditionFailure("there are runs") }
    return unsafe (base + Self.firstRun + index * Self.stride).assumingMemoryBound(to: Run.self)
  }

  /// The first run that ends at `sequence` or behind it; `count` when there is none.
  private func index(reaching sequence: SequenceNumber) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if unsafe run(middle).pointee.end < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // MARK: Arrival

  /// Keeps text from `start` on and melts the runs that it joins; false when there was no room for it, or
  /// for all of it. What is there already stays as it was.
  mutating func insert(
    _ text: RawSpan, at start: SequenceNumber, pool: inout BufferPool
  ) -> Bool {
    let end = start + text.byteCount
    let index = index(reaching: start)
    if index == count || self[index].start > end {
      guard insertRun(text, at: start, index: index, pool: &pool) else { return false }
    } else {
      guard extend(index, with: text, from: start, to: end, pool: &pool) else { return false }
    }
    remember(end - 1)
    return true
  }

  private mutating func insertRun(
    _ text: RawSpan, at start: SequenceNumber, index: Int, pool: inout BufferPool
  ) -> Bool {
    guard reserveOne(pool: &pool) else { return false }
    var new = Run(start: start)
    guard new.ring.append(text, from: &pool) else {
      if isEmpty { releaseBlock(to: &pool) }
      return false
    }
    unsafe (run(index) + 1).moveInitialize(from: run(index), count: count - index)
    unsafe run(index).initialize(to: new)
    used += 1
    return true
  }

  private mutating func extend(
    _ index: Int, with text: RawSpan, from start: SequenceNumber, to end: SequenceNumber,
    pool: inout BufferPool
  ) -> Bool {
    let run = unsafe run(index)
    let ahead = unsafe max(run.pointee.start - start, 0)
    guard unsafe run.pointee.ring.prepend(text.extracting(first: ahead), from: &pool) else {
      return false
    }
    unsafe run.pointee.start = run.pointee.start - ahead
    while true {
      // What lies between this run and the next, or the end of the text.
      let hasNext = index + 1 < count && self[index + 1].start <= end
      let stop = hasNext ? self[index + 1].start : end
      let known = self[index].end
      if known < stop {
        let missing = text.extracting((known - start)..<(stop - start))
        guard unsafe run.pointee.ring.append(missing, from: &pool) else { return false }
      }
      guard hasNext else { return true }
      let isJoined = unsafe run.pointee.ring.append(
        allOf: &self.run(index + 1).pointee.ring, from: &pool)
      removeRun(at: index + 1, pool: &pool)
      if !isJoined { return false }
    }
  }

  /// The part of `start..<end` that is in a run already, in the first such run; touching it makes it the
  /// latest (RFC 2883 §4).
  mutating func touch(_ start: SequenceNumber, _ end: SequenceNumber) -> Range? {
    let index = index(reaching: start + 1)
    guard index < count, self[index].start < end else { return nil }
    let range = self[index]
    remember(.earliest(end, range.end) - 1)
    return Range(start: .latest(start, range.start), end: .earliest(end, range.end))
  }

  /// The gap before `next` is closed: moves what follows it to `ring`, and says how many octets.
  mutating func takeReached(
    by next: SequenceNumber, into ring: inout ByteRing, pool: inout BufferPool
  ) -> Int {
    var length = 0
    while count > 0, unsafe run(0).pointee.start <= next + length {
      let run = unsafe run(0)
      let known = unsafe min(next + length - run.pointee.start, run.pointee.ring.count)
      unsafe run.pointee.ring.consume(known)
      let new = unsafe run.pointee.ring.count
      // Without memory to put them together the run is forgotten: nobody has acknowledged it yet.
      if new > 0, unsafe ring.append(allOf: &run.pointee.ring, from: &pool) { length += new }
      removeRun(at: 0, pool: &pool)
    }
    return length
  }

  /// Forgets the last run, which is the furthest from being read; false when there is none (RFC 2018 §8).
  mutating func prune(pool: inout BufferPool) -> Bool {
    guard !isEmpty else { return false }
    removeRun(at: count - 1, pool: &pool)
    return true
  }

  mutating func removeAll(pool: inout BufferPool) {
    while prune(pool: &pool) {}
  }

  // MARK: What grew last

  private var recent: UnsafeMutablePointer<SequenceNumber> {
    guard let base = unsafe base else { preconditionFailure("there are runs") }
    return unsafe base.assumingMemoryBound(to: SequenceNumber.self)
  }

  private var recentCount: Int {
    get { unsafe Int(recent[Self.recentLimit].rawValue) }
    nonmutating set { unsafe recent[Self.recentLimit] = SequenceNumber(UInt32(newValue)) }
  }

  /// `octet` lies in the run that grew last.
  private func remember(_ octet: SequenceNumber) {
    let range = self[index(reaching: octet + 1)]
    // Out goes what lies in the same run, or else the oldest.
    var place = min(recentCount, Self.recentLimit - 1)
    for index in 0..<recentCount {
      let known = unsafe recent[index]
      guard known >= range.start, known < range.end else { continue }
      place = index
      break
    }
    if place == recentCount { recentCount += 1 }
    unsafe (recent + 1).update(from: recent, count: place)
    unsafe recent[0] = octet
  }

  /// The run that grew last, the one before and so on; then others, while an ACK has room for them.
  func forEachRecent(atMost limit: Int, _ body: (Range) -> Void) {
    guard !isEmpty, limit > 0 else { return }
    var reported = InlineArray<4, Int>(repeating: -1)
    var found = 0
    func report(_ index: Int) {
      for earlier in 0..<found where reported[earlier] == index { return }
      reported[found] = index
      found += 1
      body(self[index])
    }
    for place in 0..<recentCount where found < limit {
      let octet = unsafe recent[place]
      let index = index(reaching: octet + 1)
      if index < count, self[index].start <= octet { report(index) }
    }
    var index = count
    while index > 0, found < min(limit, count) {
      index -= 1
      report(index)
    }
  }

  // MARK: Memory

  private mutating func removeRun(at index: Int, pool: inout BufferPool) {
    unsafe run(index).pointee.ring.release(to: &pool)
    unsafe run(index).deinitialize(count: 1)
    unsafe run(index).moveInitialize(from: run(index) + 1, count: count - 1 - index)
    used -= 1
    if isEmpty { releaseBlock(to: &pool) }
  }

  private mutating func releaseBlock(to pool: inout BufferPool) {
    guard let block = unsafe base.take() else { return }
    unsafe pool.give(block, capacity: Int(capacity))
    capacity = 0
  }

  private mutating func reserveOne(pool: inout BufferPool) -> Bool {
    guard count < Self.limit else { return false }
    guard Self.firstRun + (count + 1) * Self.stride > Int(capacity) else { return true }
    let larger = max(BufferPool.smallest, Int(capacity) * 2)
    guard pool.mayLend(larger) else { return false }
    let block = unsafe pool.take(capacity: larger)
    if let old = unsafe base {
      unsafe block.copyMemory(from: old, byteCount: Self.firstRun)
      unsafe (block + Self.firstRun).assumingMemoryBound(to: Run.self)
        .moveInitialize(from: run(0), count: count)
      unsafe pool.give(old, capacity: Int(capacity))
      unsafe base = block
    } else {
      unsafe base = block
      recentCount = 0
    }
    capacity = UInt32(larger)
    return true
  }
}
