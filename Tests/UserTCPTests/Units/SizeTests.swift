// What the parts of the engine occupy, against the budgets that the design gives them. A field that
// breaks a budget shows here before it shows in anybody's memory.

import Testing

@testable import UserTCP

struct SizeTests {
  @Test func `a connection with its index and timer fits into 512 octets`() {
    // Control block, slot header, hash node and its share of a bucket, timer node.
    let index = 8 + 4 + 8 + 16
    #expect(MemoryLayout<Connection>.stride + index <= 512)
  }

  @Test func `a half-open connection fits into 64 octets`() {
    #expect(MemoryLayout<HalfOpen>.stride <= 64)
  }

  // TW-16
  @Test func `a TIME-WAIT entry has 36 octets`() {
    #expect(MemoryLayout<TimeWaitEntry>.stride == 36)
  }
}
