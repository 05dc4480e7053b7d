import Testing

@testable import UserTCP
@testable import UserTCPRuntime

@Suite struct `A pool of elements` {
  private struct Element: ~Copyable {
    var number: Int
    let log: Log<Int>
    deinit { log.note(number) }
  }

  @Test func `keeps elements in place while others come and go`() {
    let log = Log<Int>()
    var pool = ElementPool<Element>()
    let slots = (0..<1_000).map { pool.insert(Element(number: $0, log: log)) }
    #expect(Set(slots).count == 1_000)
    let place = unsafe pool.pointer(slots[500])
    for slot in slots where !slot.isMultiple(of: 500) { _ = pool.remove(slot) }
    #expect(pool.count == 2)
    #expect(log.all.count == 998)
    for number in 2_000..<3_000 { _ = pool.insert(Element(number: number, log: log)) }
    #expect(unsafe place == pool.pointer(slots[500]))
    #expect(unsafe place.pointee.number == 500)
    #expect(pool.count == 1_002)
  }

  @Test func `uses a slot again before it takes memory`() {
    var pool = ElementPool<UInt8>()  // smaller than the number in a free slot
    let slots = (0..<256).map { pool.insert(UInt8($0)) }
    for slot in slots { #expect(unsafe pool.pointer(slot).pointee == UInt8(slot)) }
    for slot in slots { #expect(pool.remove(slot) == UInt8(slot)) }
    let again = (0..<256).map { pool.insert(UInt8($0)) }
    #expect(Set(again) == Set(slots))
  }
}

@Suite struct `The table of owners` {
  @Test func `finds the owner of a handle and nobody for a stale one`() {
    var table = OwnerTable()
    let id = ConnectionID(slot: 70_000, generation: 3)
    #expect(table[id] == nil)
    table.set(id, Owner(element: 9, service: 4, id: id))
    #expect(table[id]?.element == 9)
    #expect(table[id]?.service == 4)
    #expect(table[ConnectionID(slot: 70_000, generation: 2)] == nil)
    #expect(table[ConnectionID(slot: 70_001, generation: 3)] == nil)
    #expect(table[ConnectionID(slot: 1_000_000, generation: 3)] == nil)
    #expect(table[id]?.inputEndWasTold == false)
    table.setInputEndTold(id)
    #expect(table[id]?.inputEndWasTold == true)
    table.clear(id)
    #expect(table[id] == nil)
  }

  @Test func `lists every owner, also of chunks far apart`() {
    var table = OwnerTable()
    let slots: [UInt32] = [0, 1_023, 1_024, 50_000, 1_048_575]
    for slot in slots {
      let id = ConnectionID(slot: slot, generation: slot &+ 1)
      table.set(id, Owner(element: slot, service: Owner.streams, id: id))
    }
    let all = table.all()
    #expect(all.map(\.0.slot) == slots)
    #expect(all.allSatisfy { $0.0.generation == $0.0.slot &+ 1 && $0.1.element == $0.0.slot })
    #expect(MemoryLayout<Owner>.stride == 12)
  }
}

@Suite struct `The pool of chunks` {
  @Test func `gives buffers of two sizes and takes them back`() {
    var pool = ChunkPool()
    let small = pool.take(for: 1, reusing: nil)
    let large = pool.take(for: 4097, reusing: nil)
    #expect(small.capacity == 4096 && large.capacity == 65_536)
    pool.giveBack(small)
    pool.giveBack(large)
    #expect(pool.take(for: 4096, reusing: nil) === small)
    #expect(pool.take(for: 1 << 20, reusing: nil) === large)
    #expect(pool.take(for: 100, reusing: small) === small)
    let other = pool.take(for: 5000, reusing: small)
    #expect(other !== small && other.capacity == 65_536)
    #expect(pool.take(for: 1, reusing: nil) === small)  // what did not fit went back
  }
}
