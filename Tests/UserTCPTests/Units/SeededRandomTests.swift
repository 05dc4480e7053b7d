// The generator that stands for luck: equal seeds, equal draws; near seeds, unrelated draws.

import Testing

@testable import UserTCP

struct SeededRandomTests {
  @Test func `equal seeds give equal draws`() {
    var first = SeededRandom(seed: 42)
    var second = SeededRandom(seed: 42)
    for _ in 0..<1000 { #expect(first.next() == second.next()) }
  }

  @Test func `neighbouring seeds share no draws`() {
    var seen: Set<UInt64> = []
    for seed: UInt64 in 0..<100 {
      var random = SeededRandom(seed: seed)
      for _ in 0..<100 { seen.insert(random.next()) }
    }
    #expect(seen.count == 10_000)
  }

  @Test func `every bit is set about half of the time`() {
    var random = SeededRandom(seed: 1)
    var counts = [Int](repeating: 0, count: 64)
    for _ in 0..<10_000 {
      let word = random.next()
      for bit in 0..<64 where word >> UInt64(bit) & 1 == 1 { counts[bit] += 1 }
    }
    // Ten standard deviations of a fair coin thrown 10,000 times.
    #expect(counts.allSatisfy { abs($0 - 5000) < 500 }, "\(counts)")
  }
}
