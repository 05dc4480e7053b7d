// The byte ring against an array that does the same the slow way, with octets written ahead of the
// queue, growth in the middle of a wrap, and memory given back.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ByteRingTests {
  /// What a ring should hold: the queue, and octets ahead of it that are written but not joined.
  private struct Model {
    var queue: [UInt8] = []
    var ahead: [Int: UInt8] = [:]  // distance from the queue's end

    /// How many octets directly behind the queue have been written.
    var joinable: Int {
      var length = 0
      while ahead[length] != nil { length += 1 }
      return length
    }

    mutating func join(_ length: Int) {
      for index in 0..<length { queue.append(ahead[index]!) }
      var shifted: [Int: UInt8] = [:]
      for (distance, octet) in ahead where distance >= length { shifted[distance - length] = octet }
      ahead = shifted
    }
  }

  private func contents(_ ring: borrowing ByteRing) -> [UInt8] {
    let (first, second) = unsafe ring.pieces(at: 0, count: ring.count)
    return unsafe [UInt8](first) + [UInt8](second)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `a ring holds what an array would hold`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var pool = BufferPool()
    var ring = ByteRing()
    var model = Model()
    for step in 0..<400 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...2:
        let bytes = random.bytes(Int.random(in: 0...700, using: &random))
        ring.append(bytes, from: &pool)
        for (index, octet) in bytes.enumerated() { model.ahead[index] = octet }
        model.join(bytes.count)
      case 3, 4:
        let distance = Int.random(in: 0...900, using: &random)
        let bytes = random.bytes(Int.random(in: 1...300, using: &random))
        ring.write(bytes, at: ring.count + distance, from: &pool)
        for (index, octet) in bytes.enumerated() { model.ahead[distance + index] = octet }
      case 5:
        let length = model.joinable
        ring.extend(by: length)
        model.join(length)
      case 6...8:
        let length = Int.random(in: 0...ring.count, using: &random)
        ring.consume(length)
        model.queue.removeFirst(length)
      default:
        if step % 50 == 49 {
          ring.release(to: &pool)
          model = Model()
        }
      }
      let held = contents(ring)
      try #require(held == model.queue, "seed \(seed), step \(step)")
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
