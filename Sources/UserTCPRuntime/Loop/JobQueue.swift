// Jobs that are ready, in a ring that grows and never shrinks: in steady state enqueueing allocates
// nothing. Only the loop's thread touches it.

@safe struct JobQueue: ~Copyable {
  private var base: UnsafeMutablePointer<UnownedJob>
  /// A power of two.
  private var capacity: Int
  /// Positions that only grow; the place in the ring is the position modulo the capacity.
  private var head = 0
  private var tail = 0

  init(capacity: Int = 1024) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a power of two")
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity)
  }

  // `UnownedJob` is trivial: nothing to deinitialize.
  deinit { unsafe base.deallocate() }

  var isEmpty: Bool { head == tail }
  var count: Int { tail - head }

  mutating func append(_ job: UnownedJob) {
    if count == capacity { grow() }
    unsafe (base + (tail & (capacity - 1))).initialize(to: job)
    tail += 1
  }

  mutating func removeFirst() -> UnownedJob? {
    guard head != tail else { return nil }
    defer { head += 1 }
    return unsafe base[head & (capacity - 1)]
  }

  private mutating func grow() {
    let bigger = UnsafeMutablePointer<UnownedJob>.allocate(capacity: capacity * 2)
    for position in head..<tail {
      unsafe (bigger + (position & (capacity * 2 - 1)))
        .initialize(to: base[position & (capacity - 1)])
    }
    unsafe base.deallocate()
    unsafe base = bigger
    capacity *= 2
  }
}
