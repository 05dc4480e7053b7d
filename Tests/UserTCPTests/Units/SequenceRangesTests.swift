// Ranges of received text against a set of octets, and the bound on how many there may be.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct SequenceRangesTests {
  /// The octets that the ranges cover, as distances from `base`, and that they are sorted and apart.
  private func octets(
    _ ranges: borrowing SequenceRanges, from base: SequenceNumber
  ) throws -> Set<Int> {
    var octets: Set<Int> = []
    var previousEnd = Int.min
    for index in 0..<ranges.count {
      let start = ranges[index].start - base
      let end = ranges[index].end - base
      try #require(start > previousEnd, "sorted, and a gap between neighbours")
      try #require(end > start, "no empty range")
      previousEnd = end
      octets.formUnion(start..<end)
    }
    return octets
  }

  // R9293-SHLD-31
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `ranges cover what a set of octets covers`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    // Half of the runs wrap at 2^32.
    let base = SequenceNumber(seed % 2 == 0 ? 1000 : 0xFFFF_FF00)
    var ranges = SequenceRanges()
    var model: Set<Int> = []
    var next = 0
    for _ in 0..<300 {
      if Int.random(in: 0..<8, using: &random) > 0 {
        let start = next + Int.random(in: 1...600, using: &random)
        let end = start + Int.random(in: 1...60, using: &random)
        let isTaken = ranges.insert(base + start, base + end)
        try #require(isTaken)
        model.formUnion(start..<end)
      } else {
        next += Int.random(in: 0...100, using: &random)
        let reached = ranges.takeReached(by: base + next)
        // The model: what is covered or touched from `next` on, without a gap.
        if model.contains(where: { $0 <= next }) || model.contains(next) {
          let covered = model.filter { $0 <= next }.max().map { $0 + 1 } ?? next
          var end = max(next, covered)
          while model.contains(end) { end += 1 }
          try #require(reached.map { $0 - base } == end)
          next = end
        } else {
          try #require(reached == nil)
        }
        model = model.filter { $0 >= next }
      }
      let covered = try octets(ranges, from: base)
      try #require(covered == model, "seed \(seed)")
    }
  }

  @Test func `neighbours that touch melt into one`() {
    var ranges = SequenceRanges()
    _ = ranges.insert(SequenceNumber(10), SequenceNumber(20))
    _ = ranges.insert(SequenceNumber(30), SequenceNumber(40))
    var count = ranges.count
    #expect(count == 2)
    _ = ranges.insert(SequenceNumber(20), SequenceNumber(30))
    count = ranges.count
    let only = ranges[0]
    #expect(count == 1)
    #expect(only.start == SequenceNumber(10) && only.end == SequenceNumber(40))
  }

  @Test func `a flood of tiny gaps is refused at the limit and melting still works`() {
    var ranges = SequenceRanges()
    for index in 0..<SequenceRanges.limit {
      let isTaken = ranges.insert(SequenceNumber(10) + index * 2, SequenceNumber(11) + index * 2)
      #expect(isTaken)
    }
    let beyond = SequenceNumber(10) + SequenceRanges.limit * 2
    var isTaken = ranges.insert(beyond, beyond + 1)
    #expect(!isTaken)
    // Closing a gap needs no further range.
    isTaken = ranges.insert(SequenceNumber(11), SequenceNumber(12))
    let count = ranges.count
    #expect(isTaken)
    #expect(count == SequenceRanges.limit - 1)
    let reached = ranges.takeReached(by: SequenceNumber(10))
    #expect(reached == SequenceNumber(13))
  }

  @Test func `nothing is reached before the first range`() {
    var ranges = SequenceRanges()
    _ = ranges.insert(SequenceNumber(10), SequenceNumber(20))
    let early = ranges.takeReached(by: SequenceNumber(9))
    #expect(early == nil)
    let touching = ranges.takeReached(by: SequenceNumber(10))
    let isEmpty = ranges.isEmpty
    #expect(touching == SequenceNumber(20))
    #expect(isEmpty)
  }
}
