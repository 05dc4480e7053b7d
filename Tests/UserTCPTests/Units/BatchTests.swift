// Batches of frames: what comes in is copied and found again, what goes out points into rings until the
// batch has to keep it, and is freed exactly once.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct IncomingBatchTests {
  private func packet(of batch: borrowing IncomingBatch, at index: Int) -> [UInt8] {
    let span = batch.packet(at: index)
    var octets: [UInt8] = []
    for offset in 0..<span.byteCount { octets.append(span.uint8(at: offset)) }
    return octets
  }

  @Test func `packets come out as they went in`() {
    var batch = IncomingBatch(packetLimit: 4, byteLimit: 1000)
    let packets: [[UInt8]] = [[1], [], [2, 3, 4], [UInt8](repeating: 9, count: 65_535)]
    for (index, octets) in packets.enumerated() {
      batch.append(
        octets, offload: OffloadInfo(checksum: .verified, segmentSize: UInt16(index)))
    }
    let isFull = batch.isFull
    #expect(isFull)
    for (index, octets) in packets.enumerated() {
      let held = packet(of: batch, at: index)
      let offload = batch.offload(at: index)
      #expect(held == octets)
      #expect(offload == OffloadInfo(checksum: .verified, segmentSize: UInt16(index)))
    }
    batch.removeAll()
    let isEmpty = batch.isEmpty
    #expect(isEmpty)
  }

  @Test func `a batch is full by octets too`() {
    var batch = IncomingBatch(packetLimit: 100, byteLimit: 100)
    batch.append([UInt8](repeating: 1, count: 99), offload: .none)
    let isFull = batch.isFull
    #expect(isFull)  // the next would begin behind 100
    let count = batch.count
    #expect(count == 1)
  }
}

struct OutgoingBatchTests {
  private func append(
    _ header: [UInt8], _ ring: borrowing ByteRing, _ offset: Int, _ count: Int,
    to batch: inout OutgoingBatch
  ) {
    let (first, second) = unsafe ring.pieces(at: offset, count: count)
    unsafe batch.append(payload: first, tail: second, offload: .none) { output in
      for octet in header { output.append(octet) }
    }
  }

  @Test func `what is kept outlives the ring it came from`() {
    var pool = BufferPool()
    var ring = ByteRing()
    // A payload in two pieces: it wraps.
    ring.append([UInt8](repeating: 0, count: 500), from: &pool)
    ring.consume(500)
    ring.append((0..<100).map { UInt8($0) }, from: &pool)
    var batch = OutgoingBatch(capacity: 4)
    append([0xA0], ring, 0, 100, to: &batch)
    append([0xA1, 0xA2], ring, 5, 90, to: &batch)
    append([0xA3], ring, 0, 0, to: &batch)
    batch.removeFirst(1)
    // The stack goes on: the ring is overwritten and given back.
    ring.consume(100)
    ring.append([UInt8](repeating: 0xEE, count: 512), from: &pool)
    ring.release(to: &pool)
    let count = batch.count
    let kept = batch.copy(at: 0)
    let bare = batch.copy(at: 1)
    #expect(count == 2)
    #expect(kept == [0xA1, 0xA2] + (5..<95).map { UInt8($0) })
    #expect(bare == [0xA3])
    batch.removeFirst(1)
    let left = batch.copy(at: 0)
    #expect(left == [0xA3])
    batch.removeFirst(1)
    let isEmpty = batch.isEmpty
    let isFull = batch.isFull
    #expect(isEmpty && !isFull)
  }

  @Test func `a batch that was emptied takes as many frames again`() {
    let ring = ByteRing()
    var batch = OutgoingBatch(capacity: 2)
    for _ in 0..<3 {
      append([1], ring, 0, 0, to: &batch)
      append([2], ring, 0, 0, to: &batch)
      let isFull = batch.isFull
      #expect(isFull)
      batch.removeFirst(2)
    }
    let isEmpty = batch.isEmpty
    #expect(isEmpty)
  }

  @Test func `room for a device's own header lies in front of every frame`() {
    let ring = ByteRing()
    var batch = OutgoingBatch(capacity: 3)
    for value: UInt8 in 1...3 { append([value], ring, 0, 0, to: &batch) }
    for index in 0..<3 {
      let frame = unsafe batch.frame(at: index)
      for distance in 1...OutgoingBatch.headroom {
        unsafe (frame.header.baseAddress! - distance).storeBytes(of: 0xFF, as: UInt8.self)
      }
    }
    var frames: [[UInt8]] = []
    for index in 0..<3 { frames.append(batch.copy(at: index)) }
    #expect(frames == [[1], [2], [3]])
  }
}
