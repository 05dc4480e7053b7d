// Where rings get their memory: sizes, reuse, and the two sums that a memory budget looks at.

import Testing

@testable import UserTCP

struct BufferPoolTests {
  @Test func `capacities are powers of two from 512 octets`() {
    #expect(BufferPool.capacity(for: 0) == 512)
    #expect(BufferPool.capacity(for: 512) == 512)
    #expect(BufferPool.capacity(for: 513) == 1024)
    #expect(BufferPool.capacity(for: 65_535) == 65_536)
    #expect(BufferPool.capacity(for: BufferPool.largest) == BufferPool.largest)
  }

  @Test func `a block given back is the next to be taken`() {
    var pool = BufferPool()
    let first = unsafe pool.take(capacity: 1024)
    unsafe pool.give(first, capacity: 1024)
    let second = unsafe pool.take(capacity: 1024)
    let isSame = unsafe first == second
    unsafe pool.give(second, capacity: 1024)
    #expect(isSame)
  }

  @Test func `what is lent and what is kept adds up`() {
    var pool = BufferPool()
    let small = unsafe pool.take(capacity: 512)
    let large = unsafe pool.take(capacity: 4096)
    var lent = pool.bytesLent
    #expect(lent == 4608)
    unsafe pool.give(large, capacity: 4096)
    lent = pool.bytesLent
    var kept = pool.bytesKept
    #expect(lent == 512 && kept == 4096)
    // Another size does not take the free block.
    let other = unsafe pool.take(capacity: 1024)
    kept = pool.bytesKept
    #expect(kept == 4096)
    unsafe pool.give(other, capacity: 1024)
    unsafe pool.give(small, capacity: 512)
    lent = pool.bytesLent
    kept = pool.bytesKept
    #expect(lent == 0 && kept == 4096 + 1024 + 512)
  }

  @Test func `no more is kept than the limit`() {
    var pool = BufferPool(keepLimit: 1024)
    let blocks = unsafe [
      pool.take(capacity: 512), pool.take(capacity: 512), pool.take(capacity: 512),
    ]
    for index in 0..<3 { unsafe pool.give(blocks[index], capacity: 512) }
    let kept = pool.bytesKept
    let lent = pool.bytesLent
    #expect(kept == 1024 && lent == 0)
  }
}
