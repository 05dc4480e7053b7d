// Which parts of a sequence space have arrived ahead of a gap (RFC 9293 §3.10.7.4, SHLD-31). Ranges
// are half open, sorted, apart from each other, and few: past `limit` a new one is refused and the
// sender will repeat it, so that a flood of tiny gaps has a bound. Holds no octets, only where they
// are and which of them grew last (RFC 2018 §4 reports those first); takes memory with the first
// range and frees it with the last.

@safe struct SequenceRanges: ~Copyable {
  struct Range: Hashable, BitwiseCopyable {
    var start: SequenceNumber
    var end: SequenceNumber
    /// Larger than that of every range that grew earlier.
    var age: UInt32 = 0
  }

  static let limit = 256

  private var storage: UnsafeMutablePointer<Range>? = nil
  private var capacity: UInt16 = 0
  private var used: UInt16 = 0
  private var clock: UInt32 = 0

  init() {}

  deinit { unsafe storage?.deallocate() }

  var count: Int { Int(used) }
  var isEmpty: Bool { used == 0 }

  subscript(index: Int) -> Range {
    precondition(index >= 0 && index < count, "no such range")
    return unsafe storage![index]
  }

  /// Adds a range, melting it with those it touches; false when there is no room for another.
  mutating func insert(_ start: SequenceNumber, _ end: SequenceNumber) -> Bool {
    clock &+= 1
    var merged = Range(start: start, end: end, age: clock)
    var first = 0
    while first < count, self[first].end < start { first += 1 }
    var last = first  // one past the ranges that touch the new one
    while last < count, self[last].start <= end {
      merged.start = .earliest(merged.start, self[last].start)
      merged.end = .latest(merged.end, self[last].end)
      last += 1
    }
    if first == last {
      guard reserveOne() else { return false }
      move(from: first, by: 1)
    } else {
      move(from: last, by: first + 1 - last)
    }
    unsafe storage![first] = merged
    return true
  }

  /// The part of `start..<end` that is in a range already, in the first such range; touching it makes it
  /// the latest (RFC 2883 §4).
  mutating func touch(_ start: SequenceNumber, _ end: SequenceNumber) -> Range? {
    for index in 0..<count where self[index].start < end && start < self[index].end {
      clock &+= 1
      unsafe storage![index].age = clock
      return Range(
        start: .latest(start, self[index].start), end: .earliest(end, self[index].end))
    }
    return nil
  }

  /// The range that grew last among those that grew before `other`; of all of them for `nil`.
  func latest(before other: Range? = nil) -> Range? {
    var found: Range? = nil
    for index in 0..<count {
      let age = clock &- self[index].age
      if let other, age <= clock &- other.age { continue }
      if let best = found, age >= clock &- best.age { continue }
      found = self[index]
    }
    return found
  }

  /// Takes out the range that `next` lies in or touches, once the gap before it is closed, and
  /// returns its end.
  mutating func takeReached(by next: SequenceNumber) -> SequenceNumber? {
    var end: SequenceNumber? = nil
    while count > 0, self[0].start <= next {
      end = .latest(end ?? next, self[0].end)
      move(from: 1, by: -1)
    }
    if isEmpty { removeAll() }
    return end
  }

  mutating func removeAll() {
    unsafe storage.take()?.deallocate()
    capacity = 0
    used = 0
  }

  private mutating func move(from index: Int, by distance: Int) {
    if index < count, distance != 0 {
      unsafe (storage! + index + distance).update(from: storage! + index, count: count - index)
    }
    used = UInt16(count + distance)
  }

  private mutating func reserveOne() -> Bool {
    guard used == capacity else { return true }
    guard count < Self.limit else { return false }
    let larger = max(8, Int(capacity) * 2)
    let block = UnsafeMutablePointer<Range>.allocate(capacity: larger)
    if let old = unsafe storage {
      unsafe block.update(from: old, count: count)
      unsafe old.deallocate()
    }
    unsafe storage = block
    capacity = UInt16(larger)
    return true
  }
}
