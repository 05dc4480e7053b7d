// What a connection remembers only while something is in flight, and for a second after a loss: what was
// sent and when, and the state of loss recovery. A million idle connections do without. One block from
// the buffer pool: a head, then the transmissions in sequence order.
//
//   | RecoveryState | … | transmission | transmission | … |
//                       ^ head                         ^ head + count
//
// Unsafe inside: `base` is nil or a block of `capacity` octets whose first part is an initialised
// RecoveryState; transmissions are trivial, and only indices below `count` are read.

@safe struct ActivityBlock: ~Copyable {
  private var base: UnsafeMutableRawPointer? = nil

  private static let first = 320  // octets before the transmissions
  private static let stride = MemoryLayout<Transmission>.stride
  private static let smallest = 512

  init() {
    assert(MemoryLayout<RecoveryState>.size <= Self.first, "the head has room")
  }

  /// Nothing is remembered: `state` and transmissions must not be asked for.
  var isEmpty: Bool { unsafe base == nil }

  var state: RecoveryState {
    unsafeAddress { unsafe UnsafePointer(head) }
    unsafeMutableAddress { unsafe head }
  }

  private var head: UnsafeMutablePointer<RecoveryState> {
    guard let base = unsafe base else { preconditionFailure("the activity block is there") }
    return unsafe base.assumingMemoryBound(to: RecoveryState.self)
  }

  /// Takes memory; what is sent next begins at `start`.
  mutating func begin(at start: SequenceNumber, pool: inout BufferPool) {
    assert(isEmpty, "a block is begun once")
    let block = unsafe pool.take(capacity: Self.smallest)
    unsafe block.initializeMemory(
      as: RecoveryState.self,
      to: RecoveryState(start: start, capacity: UInt32(BufferPool.capacity(for: Self.smallest))))
    unsafe base = block
  }

  /// Nothing is in flight; what is sent next begins at `start`. What has been learnt of the path stays.
  mutating func restart(at start: SequenceNumber) {
    assert(
      count == 0 && state.sacked == 0 && state.lost == 0 && state.resent == 0
        && state.oversized == 0,
      "nothing is in flight")
    state.start = start
    state.recoveryPoint = .latest(state.recoveryPoint, start)
  }

  mutating func release(to pool: inout BufferPool) {
    guard let block = unsafe base else { return }
    unsafe pool.give(block, capacity: Int(state.capacity))
    unsafe base = nil
  }

  // MARK: Transmissions

  var count: Int { isEmpty ? 0 : Int(state.count) }

  private func address(_ index: Int) -> UnsafeMutablePointer<Transmission> {
    unsafe (UnsafeMutableRawPointer(head) + Self.first + (Int(state.head) + index) * Self.stride)
      .assumingMemoryBound(to: Transmission.self)
  }

  subscript(index: Int) -> Transmission {
    unsafeAddress {
      assert(index >= 0 && index < count, "no such transmission")
      return unsafe UnsafePointer(address(index))
    }
    unsafeMutableAddress {
      assert(index >= 0 && index < count, "no such transmission")
      return unsafe address(index)
    }
  }

  var last: Transmission? { count > 0 ? self[count - 1] : nil }

  /// Where a transmission begins.
  func start(of index: Int) -> SequenceNumber { index == 0 ? state.start : self[index - 1].end }
  func length(of index: Int) -> Int { self[index].end - start(of: index) }

  /// The first transmission that ends behind `sequence`; `count` when there is none.
  func index(behind sequence: SequenceNumber) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].end > sequence { high = middle } else { low = middle + 1 }
    }
    return low
  }

  // Losses are mostly near the head of a long flight: the shorter side makes way.

  mutating func insert(
    _ transmission: Transmission, at index: Int, pool: inout BufferPool
  ) {
    if index < count / 2, state.head > 0 {
      state.head -= 1
      state.count += 1
      unsafe address(0).update(from: address(1), count: index)
    } else {
      makeRoom(pool: &pool)
      state.count += 1
      unsafe (address(index) + 1).update(from: address(index), count: count - 1 - index)
    }
    unsafe address(index).initialize(to: transmission)
  }

  mutating func remove(at index: Int) {
    if index < count / 2 {
      unsafe address(1).update(from: address(0), count: index)
      state.head += 1
    } else {
      unsafe address(index).update(from: address(index) + 1, count: count - 1 - index)
    }
    state.count -= 1
  }

  /// The first `number` have been acknowledged up to `start`.
  mutating func removeFirst(_ number: Int, upTo start: SequenceNumber) {
    state.start = start
    state.head = count == number ? 0 : state.head + UInt32(number)
    state.count -= UInt32(number)
  }

  private mutating func makeRoom(pool: inout BufferPool) {
    let room = (Int(state.capacity) - Self.first) / Self.stride
    guard Int(state.head) + count == room else { return }
    if Int(state.head) > room / 2 {
      unsafe (address(0) - Int(state.head)).update(from: address(0), count: count)
      state.head = 0
      return
    }
    let capacity = BufferPool.capacity(for: Int(state.capacity) * 2)
    let larger = unsafe pool.take(capacity: capacity)
    unsafe larger.copyMemory(from: head, byteCount: Int(state.capacity))
    unsafe pool.give(UnsafeMutableRawPointer(head), capacity: Int(state.capacity))
    unsafe base = larger
    state.capacity = UInt32(capacity)
  }
}
