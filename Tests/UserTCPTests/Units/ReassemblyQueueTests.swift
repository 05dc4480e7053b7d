// Runs of octets out of order against an array of what has arrived, which of them grew last, and the bounds on
// how many there may be and on what they may cost.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ReassemblyQueueTests {
  /// Octets by their distance from a beginning, and how many of these have been read.
  private struct Model {
    let text: [UInt8]
    var hasArrived: [Bool]
    var next = 0

    init(_ random: inout SeededRandom) {
      text = random.bytes(40_000)
      hasArrived = [Bool](repeating: false, count: text.count)
    }

    /// What lies ahead of the gap, as runs.
    var runs: [Range<Int>] {
      var runs: [Range<Int>] = []
      var index = next
      while index < text.count {
        guard hasArrived[index] else {
          index += 1
          continue
        }
        let start = index
        while index < text.count, hasArrived[index] { index += 1 }
        runs.append(start..<index)
      }
      return runs
    }
  }

  private func runs(
    _ queue: borrowing ReassemblyQueue, from base: SequenceNumber
  ) -> [Range<Int>] {
    (0..<queue.count).map { index in
      let range = queue[index]
      return range.start - base..<range.end - base
    }
  }

  // SHLD-31
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `runs hold what arrived, and come out when the gap closes`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    // Half of the runs wrap at 2^32.
    let base = SequenceNumber(seed % 2 == 0 ? 1000 : 0xFFFF_FF00)
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    var model = Model(&random)
    var ring = ByteRing()
    for _ in 0..<300 {
      if Int.random(in: 0..<8, using: &random) > 0 {
        let start = model.next + Int.random(in: 1...6000, using: &random)
        let end = min(model.text.count, start + Int.random(in: 1...900, using: &random))
        guard start < end else { continue }
        let isTaken = queue.insert(
          Array(model.text[start..<end]).raw, at: base + start, pool: &pool)
        try #require(isTaken)
        for index in start..<end { model.hasArrived[index] = true }
      } else {
        // The gap closes in part, or whole and further.
        let end = min(model.text.count, model.next + Int.random(in: 1...1200, using: &random))
        ring.append(Array(model.text[model.next..<end]), from: &pool)
        let start = model.next
        let length = queue.takeReached(by: base + end, into: &ring, pool: &pool)
        model.next = end
        while model.next < model.text.count, model.hasArrived[model.next] { model.next += 1 }
        try #require(end + length == model.next, "seed \(seed)")
        let (first, second) = unsafe ring.pieces(at: 0, count: ring.count)
        let read = unsafe [UInt8](first) + [UInt8](second)
        try #require(read == Array(model.text[start..<model.next]), "seed \(seed)")
        ring.release(to: &pool)
      }
      let held = runs(queue, from: base)
      try #require(held == model.runs, "seed \(seed)")
    }
    queue.removeAll(pool: &pool)
    let lent = pool.bytesLent
    #expect(lent == 0)
  }

  /// A queue with one octet at each of `places`.
  private func fill(
    _ queue: inout ReassemblyQueue, _ places: [UInt32], _ pool: inout BufferPool
  ) {
    for place in places { _ = queue.insert([7].raw, at: SequenceNumber(place), pool: &pool) }
  }

  @Test func `neighbours that touch melt into one`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    fill(&queue, [10, 12], &pool)
    var count = queue.count
    #expect(count == 2)
    fill(&queue, [11], &pool)
    count = queue.count
    let only = queue[0]
    #expect(count == 1)
    #expect(only.start == SequenceNumber(10) && only.end == SequenceNumber(13))
    queue.removeAll(pool: &pool)
  }

  // SACK-2
  @Test func `what grew last is reported first, and room is filled with what is left`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    func recent(_ limit: Int) -> [UInt32] {
      var starts: [UInt32] = []
      queue.forEachRecent(atMost: limit) { starts.append($0.start.rawValue) }
      return starts
    }
    fill(&queue, [10, 20, 30, 40, 50], &pool)
    var order = recent(4)
    #expect(order == [50, 40, 30, 20])
    fill(&queue, [11, 31], &pool)
    order = recent(3)
    #expect(order == [30, 10, 50])
    _ = queue.touch(SequenceNumber(40), SequenceNumber(45))
    order = recent(4)
    #expect(order == [40, 30, 10, 50])
    // Of two runs that melt the later name is forgotten, and 20 fills the room.
    _ = queue.insert([UInt8](repeating: 7, count: 10).raw, at: SequenceNumber(31), pool: &pool)
    order = recent(4)
    #expect(order == [30, 10, 50, 20])
    order = recent(0)
    #expect(order == [])
    queue.removeAll(pool: &pool)
  }

  // SEC-28
  @Test func `a flood of tiny gaps is refused at the limit and melting still works`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    fill(&queue, (0..<UInt32(ReassemblyQueue.limit)).map { 10 + $0 * 2 }, &pool)
    let beyond = SequenceNumber(10) + ReassemblyQueue.limit * 2
    var isTaken = queue.insert([7].raw, at: beyond, pool: &pool)
    #expect(!isTaken)
    // Closing a gap needs no further run.
    isTaken = queue.insert([7].raw, at: SequenceNumber(11), pool: &pool)
    let count = queue.count
    let lent = pool.bytesLent
    #expect(isTaken)
    #expect(count == ReassemblyQueue.limit - 1)
    #expect(lent <= 160 << 10)
    queue.removeAll(pool: &pool)
  }

  // SEC-28
  @Test func `an octet far ahead costs what it is`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    fill(&queue, [16 << 20], &pool)
    let lent = pool.bytesLent
    #expect(lent == 2 * BufferPool.smallest)
    queue.removeAll(pool: &pool)
  }

  // SEC-28
  @Test func `without memory nothing new is kept, and what there was stays whole`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    fill(&queue, [10, 20], &pool)
    pool.limit = pool.bytesLent
    var isTaken = queue.insert([7].raw, at: SequenceNumber(30), pool: &pool)
    #expect(!isTaken)
    // A run's own memory has room.
    isTaken = queue.insert([7, 7].raw, at: SequenceNumber(21), pool: &pool)
    #expect(isTaken)
    isTaken = queue.insert(
      [UInt8](repeating: 7, count: 600).raw, at: SequenceNumber(23), pool: &pool)
    #expect(!isTaken)
    let held = runs(queue, from: SequenceNumber(0))
    #expect(held == [10..<11, 20..<23])
    // The furthest goes first.
    isTaken = queue.prune(pool: &pool)
    let left = runs(queue, from: SequenceNumber(0))
    #expect(isTaken && left == [10..<11])
    isTaken = queue.prune(pool: &pool)
    #expect(isTaken)
    isTaken = queue.prune(pool: &pool)
    let lent = pool.bytesLent
    #expect(!isTaken && lent == 0)
  }

  @Test func `nothing is reached before the first run`() {
    var pool = BufferPool()
    var queue = ReassemblyQueue()
    var ring = ByteRing()
    _ = queue.insert([UInt8](repeating: 7, count: 10).raw, at: SequenceNumber(10), pool: &pool)
    var length = queue.takeReached(by: SequenceNumber(9), into: &ring, pool: &pool)
    #expect(length == 0)
    length = queue.takeReached(by: SequenceNumber(10), into: &ring, pool: &pool)
    let isEmpty = queue.isEmpty
    #expect(length == 10)
    #expect(isEmpty)
    ring.release(to: &pool)
  }
}
