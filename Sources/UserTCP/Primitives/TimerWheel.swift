// One wheel for the deadlines of all connections (Varghese and Lauck 1987, scheme 6): 4,096 slots
// of one millisecond, found again by an occupancy bitmap. It holds numbers, not closures: whoever
// is due is asked what it wanted. A node fires at its tick or, if its owner moved the deadline out
// meanwhile, too early for it; the owner then sets it again. So moving a deadline outwards, which
// every ACK does, touches nothing here. Never early for a deadline last set, at most a tick late.

@safe struct TimerWheel: ~Copyable {
  private static var slotCount: Int64 { 4096 }
  private static var mask: Int64 { slotCount - 1 }
  private static var none: UInt32 { .max }
  static var tick: Interval { .milliseconds(1) }

  private struct Node {
    var next: UInt32
    var previous: UInt32
    var tick: Int64  // of the slot it stands in; -1 when it stands in none
  }

  private let nodes: UnsafeMutablePointer<Node>
  private let heads: UnsafeMutablePointer<UInt32>
  private var occupied = InlineArray<64, UInt64>(repeating: 0)
  private var current: Int64 = 0  // every slot before this one is empty
  private(set) var count = 0

  /// For owners numbered below `maximum`; memory becomes resident as numbers are used.
  init(maximum: Int) {
    unsafe nodes = .allocate(capacity: max(1, maximum))
    unsafe heads = .allocate(capacity: Int(Self.slotCount))
    unsafe heads.initialize(repeating: Self.none, count: Int(Self.slotCount))
  }

  deinit {
    unsafe nodes.deallocate()
    unsafe heads.deallocate()
  }

  /// Must be called before an owner's number is first used.
  mutating func prepare(_ owner: UInt32) {
    unsafe (nodes + Int(owner)).initialize(to: Node(next: Self.none, previous: Self.none, tick: -1))
  }

  /// Makes sure that `owner` is due at `deadline` or before.
  mutating func set(_ owner: UInt32, for deadline: Instant) {
    let wanted = (deadline.nanoseconds &+ Self.tick.nanoseconds &- 1) / Self.tick.nanoseconds
    // What lies beyond the wheel's horizon is set to its end and set again from there.
    let due = min(max(wanted, current + 1), current + Self.slotCount - 1)
    let armed = unsafe nodes[Int(owner)].tick
    if armed >= 0 {
      if armed <= due { return }
      unlink(owner)
    }
    link(owner, due)
  }

  /// An empty wheel has nothing to fire, however long it was not asked.
  mutating func catchUp(to now: Instant) {
    if count == 0 { current = max(current, now.nanoseconds / Self.tick.nanoseconds) }
  }

  mutating func cancel(_ owner: UInt32) {
    if unsafe nodes[Int(owner)].tick >= 0 { unlink(owner) }
  }

  /// The next owner that is due at `now`, taken out of the wheel.
  mutating func next(at now: Instant) -> UInt32? {
    let nowTick = now.nanoseconds / Self.tick.nanoseconds
    catchUp(to: now)
    if count == 0 { return nil }
    while true {
      let head = unsafe heads[Int(current & Self.mask)]
      if head != Self.none, current <= nowTick {
        unlink(head)
        return head
      }
      guard current < nowTick else { return nil }
      current = min(nextOccupied(after: current) ?? nowTick, nowTick)
    }
  }

  /// When `next` will have something; `.never` for an empty wheel.
  var nextExpiry: Instant {
    guard count > 0 else { return .never }
    let due =
      unsafe heads[Int(current & Self.mask)] != Self.none
      ? current : nextOccupied(after: current) ?? current
    return Instant(nanoseconds: due * Self.tick.nanoseconds)
  }

  /// The tick of the first occupied slot after `tick`, at most one turn of the wheel ahead.
  private func nextOccupied(after tick: Int64) -> Int64? {
    var distance: Int64 = 1
    while distance < Self.slotCount {
      let slot = (tick + distance) & Self.mask
      let word = occupied[Int(slot >> 6)] >> UInt64(slot & 63)
      if word != 0 { return tick + distance + Int64(word.trailingZeroBitCount) }
      distance += 64 - (slot & 63)
    }
    return nil
  }

  private mutating func link(_ owner: UInt32, _ tick: Int64) {
    let slot = Int(tick & Self.mask)
    let head = unsafe heads[slot]
    unsafe nodes[Int(owner)] = Node(next: head, previous: Self.none, tick: tick)
    if head != Self.none { unsafe nodes[Int(head)].previous = owner }
    unsafe heads[slot] = owner
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    count += 1
  }

  private mutating func unlink(_ owner: UInt32) {
    let node = unsafe nodes[Int(owner)]
    let slot = Int(node.tick & Self.mask)
    if node.previous == Self.none {
      unsafe heads[slot] = node.next
      if node.next == Self.none { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    } else {
      unsafe nodes[Int(node.previous)].next = node.next
    }
    if node.next != Self.none { unsafe nodes[Int(node.next)].previous = node.previous }
    unsafe nodes[Int(owner)].tick = -1
    count -= 1
  }
}
