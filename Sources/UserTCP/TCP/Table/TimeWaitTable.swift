// Every connection in TIME-WAIT (RFC 9293 §3.6.1): found by key when a late segment comes, dropped in
// bulk when 2MSL have passed. Entries live in the slots of their own hashed wheel, 4,096 slots of
// 1/16 s, unrolled into chunks of 14 so that an entry needs no links for the wheel, only one for its
// hash chain. About 39 octets each at a million, tables included.
//
//   slot ──► chunk ──► chunk ──► …           chunk 512 octets:
//            (being    (full)                next, count, slot, 14 × entry
//             filled)
//
// An entry is named by its place, chunk × 16 + position, and moves when an earlier neighbour of its slot
// is removed; so a place is good only until the next change of the table.
//
// Unsafe inside: places come from this table's own chains and slots, and name initialised entries.

@safe struct TimeWaitTable: ~Copyable {
  static let entriesPerChunk: UInt16 = 14
  private static let chunksPerSlab = 128  // 64 KiB
  private static let slotCount = 4096
  private static let none = UInt32.max
  private static let tick = Interval(nanoseconds: 1_000_000_000 / TimeWaitEntry.ticksPerSecond)

  private struct ChunkHeader {
    var next: UInt32
    var count: UInt16
    var slot: UInt16
  }
  private static let chunkSize = 512
  private static let entrySize = 36

  private let secrets: HostSecrets
  private var buckets = HashBuckets()
  private var slabs: UnsafeMutablePointer<UnsafeMutableRawPointer>
  private var slabCapacity = 16
  private var slabCount = 0
  private var firstFreeChunk = Self.none
  private let slotHeads: UnsafeMutablePointer<UInt32>
  private var occupied = InlineArray<64, UInt64>(repeating: 0)
  /// Every slot before this tick has been expired.
  private var current: Int64 = 0
  private(set) var count = 0
  /// Lengths of the waits under way, by code; what comes beyond three has the last code and no age.
  private var lengths = InlineArray<3, Interval>(repeating: .zero)
  private static var unknownLength: UInt8 { 3 }
  /// Of those that have expired: how many were here for 3.5 RTO only.
  private(set) var recycledCount: UInt64 = 0

  init(secrets: HostSecrets) {
    precondition(MemoryLayout<TimeWaitEntry>.stride == Self.entrySize, "the layout holds")
    self.secrets = secrets
    unsafe slabs = .allocate(capacity: slabCapacity)
    unsafe slotHeads = .allocate(capacity: Self.slotCount)
    unsafe slotHeads.initialize(repeating: Self.none, count: Self.slotCount)
  }

  deinit {
    for index in 0..<slabCount { unsafe slabs[index].deallocate() }
    unsafe slabs.deallocate()
    unsafe slotHeads.deallocate()
  }

  static func tick(of instant: Instant) -> Int64 { instant.nanoseconds / tick.nanoseconds }
  private static func tickNotBefore(_ instant: Instant) -> Int64 {
    (instant.nanoseconds + tick.nanoseconds - 1) / tick.nanoseconds
  }

  // MARK: Entries by key and place

  /// The place of the entry with this key, good until the table changes.
  func find(_ key: ConnectionKey, hash: UInt32) -> UInt32? {
    var place = buckets[buckets.bucket(of: hash)]
    while place != Self.none {
      let entry = unsafe entry(place)
      if unsafe entry.pointee.key == key { return place }
      unsafe place = entry.pointee.nextInChain
    }
    return nil
  }

  subscript(place: UInt32) -> TimeWaitEntry {
    unsafeAddress { unsafe UnsafePointer(entry(place)) }
    unsafeMutableAddress { unsafe entry(place) }
  }

  /// The key must not be in the table.
  mutating func insert(
    _ entry: TimeWaitEntry, hash: UInt32, at now: Instant, for length: Interval
  ) {
    let dueTick = max(Self.tickNotBefore(now + length), current + 1)
    var entry = entry
    entry.deadlineTick = UInt32(truncatingIfNeeded: dueTick)
    entry.lengthCode = code(of: length)
    let place = append(entry, toSlotOf: min(dueTick, horizon))
    chain(place, hash)
    count += 1
    if count > 2 * buckets.count { splitBucket() }
  }

  /// Waits for `length` again, from now on: the entry moves when its old slot expires.
  mutating func restart(_ place: UInt32, at now: Instant, for length: Interval) {
    self[place].lengthCode = code(of: length)
    let due = max(
      Self.tickNotBefore(now + length),
      Self.tick(of: now) + Int64(self[place].ticksLeft(at: Self.tick(of: now))))
    self[place].deadlineTick = UInt32(truncatingIfNeeded: due)
  }

  private mutating func code(of length: Interval) -> UInt8 {
    if count == 0 { lengths = InlineArray(repeating: .zero) }
    for code in 0..<3 where lengths[code] == length || lengths[code] == .zero {
      lengths[code] = length
      return UInt8(code)
    }
    return Self.unknownLength
  }

  /// How long the entry has waited since it came or was last restarted; zero when that is not known.
  func age(_ place: UInt32, at now: Instant) -> Interval {
    let code = self[place].lengthCode
    guard code != Self.unknownLength else { return .zero }
    let left = Int64(self[place].ticksLeft(at: Self.tick(of: now)))
    return lengths[Int(code)] - .nanoseconds(left * Self.tick.nanoseconds)
  }

  mutating func remove(_ place: UInt32) {
    unchain(place)
    fillHole(place)
    count -= 1
  }

  // MARK: Time

  /// The last tick that has a slot of its own; what is due later is filed there and moved on.
  private var horizon: Int64 { current + Int64(Self.slotCount) - 1 }

  /// An empty table has nothing to expire, however long it was not asked.
  mutating func catchUp(to now: Instant) {
    if count == 0 { current = max(current, Self.tick(of: now)) }
  }

  /// When `expire` will have something to look at; `.never` for an empty table.
  var nextDeadline: Instant {
    guard count > 0, let tick = nextOccupied(from: current + 1) else { return .never }
    return Instant(nanoseconds: tick * Self.tick.nanoseconds)
  }

  /// Drops entries whose time has passed, at most about `limit`; returns how many went.
  mutating func expire(at now: Instant, limit: Int) -> Int {
    let nowTick = Self.tick(of: now)
    catchUp(to: now)
    var expired = 0
    var looked = 0
    while current < nowTick, looked < limit {
      guard let due = nextOccupied(from: current + 1), due <= nowTick else {
        current = nowTick
        break
      }
      let slot = Int(due) & (Self.slotCount - 1)
      while looked < limit, unsafe slotHeads[slot] != Self.none {
        let chunk = unsafe slotHeads[slot]
        let place = unsafe chunk << 4 | UInt32(header(chunk).pointee.count - 1)
        looked += 1
        let left = self[place].ticksLeft(at: nowTick)
        if left > 0 {
          moveToLaterSlot(place, min(nowTick + Int64(left), due + Int64(Self.slotCount) - 1))
        } else {
          expired += 1
          if self[place].flags.contains(.recycled) { recycledCount += 1 }
          remove(place)
        }
      }
      current = unsafe slotHeads[slot] == Self.none ? due : due - 1
    }
    return expired
  }

  private mutating func moveToLaterSlot(_ place: UInt32, _ tick: Int64) {
    let entry = self[place]
    unchain(place)
    fillHole(place)
    chain(append(entry, toSlotOf: tick), secrets.tableHash(entry.key))
  }

  private func nextOccupied(from tick: Int64) -> Int64? {
    var distance: Int64 = 0
    while distance < Int64(Self.slotCount) {
      let slot = Int(tick + distance) & (Self.slotCount - 1)
      let word = occupied[slot >> 6] >> UInt64(slot & 63)
      if word != 0 { return tick + distance + Int64(word.trailingZeroBitCount) }
      distance += Int64(64 - slot & 63)
    }
    return nil
  }

  // MARK: Tables that a human asked for

  /// Chunks that are or were in use.
  var chunks: Range<UInt32> { 0..<UInt32(slabCount * Self.chunksPerSlab) }

  /// Shows every entry of a chunk; a free one has none.
  func visit(chunk: UInt32, _ body: (TimeWaitEntry) -> Void) {
    let count = unsafe UInt32(header(chunk).pointee.count)
    for position in 0..<count { body(self[chunk << 4 | position]) }
  }

  // MARK: Chunks

  private func header(_ chunk: UInt32) -> UnsafeMutablePointer<ChunkHeader> {
    let slab = unsafe slabs[Int(chunk) / Self.chunksPerSlab]
    return unsafe (slab + Int(chunk) % Self.chunksPerSlab * Self.chunkSize)
      .assumingMemoryBound(to: ChunkHeader.self)
  }

  private func entry(_ place: UInt32) -> UnsafeMutablePointer<TimeWaitEntry> {
    unsafe (UnsafeMutableRawPointer(header(place >> 4)) + MemoryLayout<ChunkHeader>.stride
      + Int(place & 15) * Self.entrySize).assumingMemoryBound(to: TimeWaitEntry.self)
  }

  private mutating func append(_ entry: TimeWaitEntry, toSlotOf tick: Int64) -> UInt32 {
    let slot = Int(tick) & (Self.slotCount - 1)
    var chunk = unsafe slotHeads[slot]
    if chunk == Self.none {
      chunk = takeChunk(for: slot, before: Self.none)
      occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    } else if unsafe header(chunk).pointee.count == Self.entriesPerChunk {
      chunk = takeChunk(for: slot, before: chunk)
    }
    let position = unsafe header(chunk).pointee.count
    unsafe header(chunk).pointee.count += 1
    let place = chunk << 4 | UInt32(position)
    unsafe self.entry(place).initialize(to: entry)
    return place
  }

  private mutating func takeChunk(for slot: Int, before next: UInt32) -> UInt32 {
    if firstFreeChunk == Self.none { addSlab() }
    let chunk = firstFreeChunk
    unsafe firstFreeChunk = header(chunk).pointee.next
    unsafe header(chunk).pointee = ChunkHeader(next: next, count: 0, slot: UInt16(slot))
    unsafe slotHeads[slot] = chunk
    return chunk
  }

  private mutating func addSlab() {
    if slabCount == slabCapacity {
      let larger = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(
        capacity: slabCapacity * 2)
      unsafe larger.update(from: slabs, count: slabCount)
      unsafe slabs.deallocate()
      unsafe slabs = larger
      slabCapacity *= 2
    }
    unsafe slabs[slabCount] = .allocate(
      byteCount: Self.chunksPerSlab * Self.chunkSize, alignment: 64)
    slabCount += 1
    for index in (0..<Self.chunksPerSlab).reversed() {
      let chunk = UInt32((slabCount - 1) * Self.chunksPerSlab + index)
      unsafe header(chunk).initialize(
        to: ChunkHeader(next: firstFreeChunk, count: 0, slot: 0))
      firstFreeChunk = chunk
    }
  }

  /// Moves the last entry of the slot into the place of one that was unchained.
  private mutating func fillHole(_ place: UInt32) {
    let slot = unsafe Int(header(place >> 4).pointee.slot)
    let chunk = unsafe slotHeads[slot]
    let last = unsafe chunk << 4 | UInt32(header(chunk).pointee.count - 1)
    if last != place {
      let moved = self[last]
      unsafe entry(place).pointee = moved
      redirect(from: last, to: place, secrets.tableHash(moved.key))
    }
    unsafe header(chunk).pointee.count -= 1
    guard unsafe header(chunk).pointee.count == 0 else { return }
    unsafe slotHeads[slot] = header(chunk).pointee.next
    if unsafe slotHeads[slot] == Self.none { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    unsafe header(chunk).pointee.next = firstFreeChunk
    firstFreeChunk = chunk
  }

  // MARK: Chains

  private mutating func chain(_ place: UInt32, _ hash: UInt32) {
    let bucket = buckets.bucket(of: hash)
    self[place].nextInChain = buckets[bucket]
    buckets[bucket] = place
  }

  private mutating func unchain(_ place: UInt32) {
    redirect(from: place, to: self[place].nextInChain, secrets.tableHash(self[place].key))
  }

  /// Makes whatever points at `place` point at `target`.
  private mutating func redirect(from place: UInt32, to target: UInt32, _ hash: UInt32) {
    let bucket = buckets.bucket(of: hash)
    if buckets[bucket] == place {
      buckets[bucket] = target
      return
    }
    var previous = buckets[bucket]
    while self[previous].nextInChain != place { previous = self[previous].nextInChain }
    self[previous].nextInChain = target
  }

  private mutating func splitBucket() {
    let source = buckets.split()
    var place = buckets[source]
    buckets[source] = HashBuckets.none
    while place != Self.none {
      let next = self[place].nextInChain
      chain(place, secrets.tableHash(self[place].key))
      place = next
    }
  }
}
