// The byte ring against an array that does the same the slow way: octets before and behind, growth in
// the middle of a wrap, two rings put together, and memory that is given back or not to be had.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ByteRingTests {
  private func contents(_ ring: borrowing ByteRing) -> [UInt8] {
    let (first, second) = unsafe ring.pieces(at: 0, count: ring.count)
    return unsafe [UInt8](first) + [UInt8](second)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `a ring holds what an array would hold`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var pool = BufferPool()
    var ring = ByteRing()
    var model: [UInt8] = []
    for step in 0..<400 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...2:
        let bytes = random.bytes(Int.random(in: 0...700, using: &random))
        ring.append(bytes, from: &pool)
        model += bytes
      case 3:
        let bytes = random.bytes(Int.random(in: 0...700, using: &random))
        let isTaken = ring.prepend(bytes.raw, from: &pool)
        try #require(isTaken)
        model = bytes + model
      case 4, 5:
        var other = ByteRing()
        let bytes = random.bytes(Int.random(in: 0...3000, using: &random))
        other.append(random.bytes(300), from: &pool)
        other.consume(300)
        other.append(bytes, from: &pool)
        let isTaken = ring.append(allOf: &other, from: &pool)
        let isEmpty = other.isEmpty && other.capacity == 0
        try #require(isTaken && isEmpty)
        model += bytes
      case 6...8:
        let length = Int.random(in: 0...ring.count, using: &random)
        ring.consume(length)
        model.removeFirst(length)
      default:
        if step % 50 == 49 {
          ring.release(to: &pool)
          model = []
        }
      }
      let held = contents(ring)
      try #require(held == model, "seed \(seed), step \(step)")
    }
    ring.release(to: &pool)
    let lent = pool.bytesLent
    #expect(lent == 0)
  }

  @Test func `memory comes with the first octet and goes with release`() {
    var pool = BufferPool()
    var ring = ByteRing()
    #expect(ring.capacity == 0)
    ring.append([], from: &pool)
    #expect(ring.capacity == 0)
    ring.append([UInt8](repeating: 1, count: 513), from: &pool)
    #expect(ring.capacity == 1024)
    ring.release(to: &pool)
    let lent = pool.bytesLent
    #expect(ring.capacity == 0 && ring.count == 0 && lent == 0)
  }

  // SEC-28
  @Test func `without memory a ring stays as it is`() {
    var pool = BufferPool()
    var ring = ByteRing()
    var other = ByteRing()
    ring.append([UInt8](repeating: 1, count: 500), from: &pool)
    other.append([UInt8](repeating: 2, count: 500), from: &pool)
    pool.limit = 2047
    var isTaken = ring.append([UInt8](repeating: 3, count: 13).raw, from: &pool)
    #expect(!isTaken && ring.count == 500)
    isTaken = ring.prepend([UInt8](repeating: 3, count: 13).raw, from: &pool)
    #expect(!isTaken && ring.count == 500)
    isTaken = ring.append(allOf: &other, from: &pool)
    #expect(!isTaken && ring.count == 500 && other.count == 500)
    // What fits into the memory it has needs none.
    isTaken = ring.append([UInt8](repeating: 3, count: 12).raw, from: &pool)
    #expect(isTaken)
    pool.limit = 2048
    isTaken = ring.append(allOf: &other, from: &pool)
    let lent = pool.bytesLent
    #expect(isTaken && ring.count == 1012 && lent == 1024)
    ring.release(to: &pool)
  }

  @Test func `a queue that wraps comes out in two pieces`() {
    var pool = BufferPool()
    var ring = ByteRing()
    ring.append([UInt8](repeating: 0, count: 500), from: &pool)
    ring.consume(500)
    ring.append((0..<100).map { UInt8($0) }, from: &pool)
    let (first, second) = unsafe ring.pieces(at: 2, count: 97)
    let lengths = [first.count, second.count]
    let octets = unsafe [UInt8](first) + [UInt8](second)
    #expect(lengths == [10, 87])
    #expect(octets == (2..<99).map { UInt8($0) })
    ring.release(to: &pool)
  }

  @Test func `copying takes as much as the output has room for`() {
    var pool = BufferPool()
    var ring = ByteRing()
    ring.append((0..<200).map { UInt8($0) }, from: &pool)
    var copiedCount = 0
    let copied = [UInt8](capacity: 150) { output in copiedCount = ring.copy(into: &output) }
    #expect(copied == (0..<150).map { UInt8($0) })
    let count = ring.count
    #expect(copiedCount == 150)
    #expect(count == 200)
    ring.release(to: &pool)
  }
}
