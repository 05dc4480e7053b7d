// Slots with generations: a handle that outlived its element misses. And the queue of plain values.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct SlotPoolTests {
  private struct Element: ~Copyable {
    var value: Int
    let log: Log
    deinit { log.ended.append(value) }
  }
  private final class Log {
    var ended: [Int] = []
  }

  @Test func `a handle names its element until it is removed, and never its successor`() {
    let log = Log()
    var pool = SlotPool<Element>(maximum: 512)
    let first = pool.insert(Element(value: 1, log: log))!
    pool[first.slot].value = 10
    var holds = pool.contains(first)
    #expect(holds)
    #expect(pool[first.slot].value == 10)
    pool.remove(first.slot)
    holds = pool.contains(first)
    #expect(!holds)
    #expect(log.ended == [10])
    let second = pool.insert(Element(value: 2, log: log))!
    holds = pool.contains(first)
    #expect(second.slot == first.slot, "a slot still warm is used first")
    #expect(second.generation != first.generation)
    #expect(!holds)
    let id = pool.id(at: second.slot)
    #expect(id == second)
  }

  @Test func `a full pool refuses and ends what it refused`() {
    let log = Log()
    var pool = SlotPool<Element>(maximum: 512)
    for value in 0..<512 {
      let id = pool.insert(Element(value: value, log: log))
      #expect(id != nil)
    }
    let refused = pool.insert(Element(value: -1, log: log))
    let count = pool.count
    #expect(refused == nil)
    #expect(count == 512)
    #expect(log.ended == [-1])
  }

  @Test func `a pool ends what it still holds`() {
    let log = Log()
    do {
      var pool = SlotPool<Element>(maximum: 1024)
      for value in 0..<600 { _ = pool.insert(Element(value: value, log: log)) }
      pool.remove(7)
    }
    #expect(log.ended.count == 600)
    #expect(Set(log.ended) == Set(0..<600))
  }

  @Test func `a slot that was never used has no handle`() {
    let pool = SlotPool<Element>(maximum: 512)
    let id = pool.id(at: 3)
    let holds = pool.contains(ConnectionID(slot: 3, generation: 1))
    #expect(id == nil && !holds)
  }
}

struct RingQueueTests {
  @Test func `a queue gives back what an array would`() throws {
    var random = SeededRandom(seed: 3)
    var queue = RingQueue<Int>()
    var model: [Int] = []
    for step in 0..<5000 {
      if Bool.random(using: &random) {
        queue.append(step)
        model.append(step)
      } else {
        let popped = queue.popFirst()
        #expect(popped == (model.isEmpty ? nil : model.removeFirst()))
      }
      let count = queue.count
      try #require(count == model.count)
      if let last = model.last {
        let element = queue[count - 1]
        try #require(element == last)
      }
    }
  }

  @Test func `growth in the middle of a wrap keeps the order`() {
    var queue = RingQueue<Int>()
    for value in 0..<16 { queue.append(value) }
    for _ in 0..<10 { _ = queue.popFirst() }
    for value in 16..<40 { queue.append(value) }
    var rest: [Int] = []
    while let value = queue.popFirst() { rest.append(value) }
    #expect(rest == Array(10..<40))
  }
}
