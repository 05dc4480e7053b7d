// Datagrams of which not all fragments have come (RFC 791 §3.2, RFC 1122 §3.3.2). Bounded in memory, for
// each host and together: what is oldest goes first, so a flood of first fragments costs others nothing but
// their patience (FRAG-6). What one datagram has so far is `FragmentBuffer`'s; what follows from one that
// is whole or too late, `ProtocolStack+Fragments` decides. It is made when the first fragment arrives.

struct Reassembly: ~Copyable {
  // Not private: the compiler (6.3) gives a private type in a pool no linkage.
  struct Datagram: ~Copyable {
    let key: DatagramKey
    /// When its first fragment came, in whatever order: its time runs from there (FRAG-2).
    let began: Instant
    /// Empty once it is discarded: then only its key is kept, so that what is still to come of it is
    /// discarded as well (RFC 5722 §4).
    var buffer = FragmentBuffer()
    var isDiscarded = false
    /// What it counts for in its queues.
    var cost = Reassembly.overhead
    /// Which of its host's fragments its last one was.
    var lastArrival: UInt32 = 0
    /// Neighbours in the queue of all and in the one of its host.
    var links = InlineArray<2, Link>(repeating: Link())

    init(key: DatagramKey, began: Instant) {
      self.key = key
      self.began = began
    }
  }

  struct Link: BitwiseCopyable {
    var older = Reassembly.noSlot
    var newer = Reassembly.noSlot
  }

  /// Datagrams by age.
  private struct Queue: BitwiseCopyable {
    var oldest = Reassembly.noSlot
    var newest = Reassembly.noSlot
    var cost = 0
    /// Fragments that have come.
    var arrivals: UInt32 = 0
  }

  /// What an operator allows.
  struct Limits: BitwiseCopyable {
    /// `ipfrag_high_thresh`
    var memory: Int
    /// `ipfrag_max_dist`
    var distance: Int
  }

  static var noSlot: UInt32 { .max }
  private static var capacity: Int { 1 << 16 }
  /// What a datagram occupies besides its octets: the entry, its place in the tables, the allocator.
  static var overhead: Int { 256 }
  /// Hosts that share a place in this table share its part of the memory.
  private static var hostPlaces: UInt64 { 1024 }
  private static let all = 0

  private let keyed: KeyedHash
  private var datagrams: SlotPool<Datagram>
  private var index: HashIndex
  /// All datagrams, then those of the hosts of each place.
  private var queues: [Queue]

  init(secrets: HostSecrets) {
    keyed = secrets.peers
    datagrams = SlotPool(maximum: Self.capacity)
    index = HashIndex(maximum: Self.capacity)
    queues = Array(repeating: Queue(), count: Int(Self.hostPlaces) + 1)
  }

  /// What all datagrams occupy together.
  var byteCount: Int { queues[Self.all].cost }
  var count: Int { datagrams.count }

  // MARK: Arrival

  /// Keeps a fragment; true when its datagram is whole, and then `whole` holds it.
  mutating func insert(
    _ fragment: Fragment, _ payload: RawSpan, header: RawSpan, limits: Limits, at now: Instant,
    _ counters: inout IPCounters, whole: inout FragmentBuffer
  ) -> Bool {
    let place = queue(of: fragment.key.source)
    queues[place].arrivals &+= 1
    forgetIfFar(fragment.key, beyond: limits.distance, &counters)
    let slot = find(fragment.key) ?? begin(fragment.key, at: now, &counters)
    datagrams[slot].lastArrival = queues[place].arrivals
    guard !datagrams[slot].isDiscarded else { return false }
    switch datagrams[slot].buffer.insert(fragment, payload, header: header) {
    case .kept: break
    case .repeated: return false
    case .overlapping:
      counters.fragmentOverlaps += 1
      discard(slot, &counters)
      return false
    case .contradictory:
      discard(slot, &counters)
      return false
    }
    if datagrams[slot].buffer.isComplete {
      swap(&whole, &datagrams[slot].buffer)
      remove(slot)
      return true
    }
    charge(slot)
    // One datagram must have room, whatever the share.
    let share = min(max(limits.memory / 4, 2 * Fragment.largestPacket), limits.memory)
    trim(place, to: share, &counters)
    trim(Self.all, to: limits.memory, &counters)
    return false
  }

  private func find(_ key: DatagramKey) -> UInt32? {
    index.find(key.hash(with: keyed)) { datagrams[$0].key == key }
  }

  /// SYS-34: so many fragments of others have come from its host since that this one belongs to a later
  /// datagram, which has the same identification because a fast sender runs out of them (RFC 4963). Hosts
  /// that share a place count together.
  private mutating func forgetIfFar(
    _ key: DatagramKey, beyond distance: Int, _ counters: inout IPCounters
  ) {
    guard distance > 0, let slot = find(key) else { return }
    let arrivals = queues[queue(of: key.source)].arrivals
    if Int(arrivals &- datagrams[slot].lastArrival) > distance { giveUp(slot, &counters) }
  }

  private mutating func begin(
    _ key: DatagramKey, at now: Instant, _ counters: inout IPCounters
  ) -> UInt32 {
    if datagrams.count == Self.capacity { giveUp(queues[Self.all].oldest, &counters) }
    guard let id = datagrams.insert(Datagram(key: key, began: now)) else {
      preconditionFailure("the oldest has made room")
    }
    index.insert(id.slot, hash: key.hash(with: keyed))
    append(id.slot, to: Self.all)
    append(id.slot, to: queue(of: key.source))
    return id.slot
  }

  /// Nothing of it will be delivered, and its octets go; its key stays until its time is over.
  private mutating func discard(_ slot: UInt32, _ counters: inout IPCounters) {
    counters.reassemblyFailures += 1
    datagrams[slot].isDiscarded = true
    _ = takeBuffer(slot)
    charge(slot)
  }

  private mutating func takeBuffer(_ slot: UInt32) -> FragmentBuffer {
    var buffer = FragmentBuffer()
    swap(&buffer, &datagrams[slot].buffer)
    return buffer
  }

  // MARK: Memory

  private mutating func trim(_ queue: Int, to limit: Int, _ counters: inout IPCounters) {
    while queues[queue].cost > limit { giveUp(queues[queue].oldest, &counters) }
  }

  private mutating func giveUp(_ slot: UInt32, _ counters: inout IPCounters) {
    if !datagrams[slot].isDiscarded { counters.reassemblyFailures += 1 }
    remove(slot)
  }

  /// Its buffer has grown, or gone.
  private mutating func charge(_ slot: UInt32) {
    let cost = Self.overhead + datagrams[slot].buffer.byteCount
    let change = cost - datagrams[slot].cost
    datagrams[slot].cost = cost
    queues[Self.all].cost += change
    queues[queue(of: datagrams[slot].key.source)].cost += change
  }

  private mutating func remove(_ slot: UInt32) {
    unlink(slot, from: Self.all)
    unlink(slot, from: queue(of: datagrams[slot].key.source))
    index.remove(slot)
    datagrams.remove(slot)
  }

  // MARK: Time

  /// When the oldest has waited for `timeout`.
  func nextDeadline(_ timeout: Interval) -> Instant {
    let oldest = queues[Self.all].oldest
    return oldest == Self.noSlot ? .never : datagrams[oldest].began + timeout
  }

  /// Takes out the oldest, which there must be; an empty buffer if it was discarded before.
  mutating func takeOldest() -> FragmentBuffer {
    let slot = queues[Self.all].oldest
    let buffer = takeBuffer(slot)
    remove(slot)
    return buffer
  }

  // MARK: Queues

  private func queue(of source: IPv4Address) -> Int {
    Int(keyed.hash(UInt64(source.bits), 2) % Self.hostPlaces) + 1
  }

  private mutating func append(_ slot: UInt32, to queue: Int) {
    let link = queue == Self.all ? 0 : 1
    let older = queues[queue].newest
    datagrams[slot].links[link] = Link(older: older, newer: Self.noSlot)
    if older == Self.noSlot {
      queues[queue].oldest = slot
    } else {
      datagrams[older].links[link].newer = slot
    }
    queues[queue].newest = slot
    queues[queue].cost += datagrams[slot].cost
  }

  private mutating func unlink(_ slot: UInt32, from queue: Int) {
    let index = queue == Self.all ? 0 : 1
    let link = datagrams[slot].links[index]
    if link.older == Self.noSlot {
      queues[queue].oldest = link.newer
    } else {
      datagrams[link.older].links[index].newer = link.newer
    }
    if link.newer == Self.noSlot {
      queues[queue].newest = link.older
    } else {
      datagrams[link.newer].links[index].older = link.older
    }
    queues[queue].cost -= datagrams[slot].cost
  }
}
