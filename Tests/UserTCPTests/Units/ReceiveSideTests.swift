// The receiving half by itself: which segments it accepts, where text and FIN come to rest, and the
// window it offers, over tables rather than conversations.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ReceiveSideTests {
  // LC-6: the four cases of RFC 9293 §3.10.7.4, also across 2^32.
  @Test func `a segment is acceptable where the table of the RFC says so`() {
    for start: UInt32 in [1000, 0xFFFF_FFF0] {
      let next = SequenceNumber(start)
      for window in [0, 1, 100] {
        for offset in [-101, -100, -2, -1, 0, 1, 99, 100, 101] {
          for length in [0, 1, 2, 100] {
            let expected: Bool
            switch (length, window) {
            case (0, 0): expected = offset == 0
            case (0, _): expected = offset >= 0 && offset < window
            case (_, 0): expected = false
            default:
              let last = offset + length - 1
              expected = (offset >= 0 && offset < window) || (last >= 0 && last < window)
            }
            let isAccepted = ReceiveSide.accepts(
              next + offset, length: length, next: next, edge: next + window)
            #expect(isAccepted == expected, "SEQ \(offset), LEN \(length), WND \(window)")
          }
        }
      }
    }
  }

  // SYS-26
  @Test func `the shift is the smallest that offers the whole buffer`() {
    for (buffer, shift): (Int, UInt8) in [
      (1, 0), (65_535, 0), (65_536, 1), (131_071, 1), (131_072, 2), (1 << 20, 5), (16 << 20, 9),
      (1 << 30, 14), (1 << 40, 14),
    ] {
      #expect(ReceiveSide.windowShift(for: buffer) == shift, "\(buffer)")
    }
  }

  private func place(
    _ octets: [UInt8], at sequence: SequenceNumber, isSuperSegment: Bool = false,
    _ side: inout ReceiveSide, _ pool: inout BufferPool
  ) -> ReceiveSide.Placement {
    side.place(octets.raw, at: sequence, isSuperSegment: isSuperSegment, pool: &pool)
  }

  @Test func `any number of super-segments may come before an ACK goes`() {
    var pool = BufferPool()
    var side = ReceiveSide(bufferLimit: 65_535)
    side.begin(initial: SequenceNumber(0))
    for _ in 0..<1000 {
      let placement = place([1, 2], at: side.next, isSuperSegment: true, &side, &pool)
      #expect(placement == .inOrder)
    }
    let received = side.next - SequenceNumber(1)
    let superSegments = side.superSegments
    #expect(received == 2000)
    #expect(superSegments >= 2)
    side.release(pool: &pool)
  }

  // R9293-SHLD-31
  @Test(arguments: 0..<10 as Range<UInt64>)
  func `text in any order and overlap comes out as it was`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var pool = BufferPool()
    var side = ReceiveSide(bufferLimit: 20_000)
    let initial = SequenceNumber(0xFFFF_F000)
    side.begin(initial: initial)
    let text = random.bytes(15_000)
    var pieces: [Range<Int>] = []
    for start in stride(from: 0, to: 15_000, by: 500) {
      pieces.append(start..<min(15_000, start + Int.random(in: 500...1500, using: &random)))
    }
    pieces.shuffle(using: &random)
    for piece in pieces {
      // The connection cuts what is old before it comes here.
      let start = max(piece.lowerBound, side.next - (initial + 1))
      guard start < piece.upperBound else { continue }
      _ = place(Array(text[start..<piece.upperBound]), at: initial + 1 + start, &side, &pool)
    }
    let (first, second) = unsafe side.ring.pieces(at: 0, count: side.ring.count)
    let held = unsafe [UInt8](first) + [UInt8](second)
    let isWhole = held == text
    #expect(isWhole, "seed \(seed): \(held.count) octets")
    side.release(pool: &pool)
    let lent = pool.bytesLent
    #expect(lent == 0)
  }

  // LC-14
  @Test func `a FIN ahead of a gap waits for it`() {
    var pool = BufferPool()
    var side = ReceiveSide(bufferLimit: 1000)
    side.begin(initial: SequenceNumber(9))
    _ = place([3, 4], at: SequenceNumber(12), &side, &pool)
    side.placeFIN(at: SequenceNumber(14))
    var isReached = side.reachFIN()
    #expect(!isReached)
    let placement = place([1, 2], at: SequenceNumber(10), &side, &pool)
    #expect(placement == .filledGap)
    isReached = side.reachFIN()
    let next = side.next
    let isFinished = side.isFinished
    #expect(isReached && isFinished)
    #expect(next == SequenceNumber(15))
    isReached = side.reachFIN()
    #expect(!isReached, "once")
    side.release(pool: &pool)
  }

  // R9293-MUST-39, R9293-SHLD-14
  @Test func `the right edge moves by full segments and never left`() {
    var pool = BufferPool()
    var side = ReceiveSide(bufferLimit: 10_000)
    side.begin(initial: SequenceNumber(0))
    _ = place([UInt8](repeating: 7, count: 10_000), at: side.next, &side, &pool)
    var field = side.windowField()
    #expect(field == 0)
    var edge = side.edge
    for count in [1, 100, 300] {
      side.consume(count, pool: &pool)
      field = side.windowField()
      #expect(field == 0, "after \(count) octets more")
    }
    side.consume(200, pool: &pool)
    field = side.windowField()
    #expect(field == 601)
    #expect(side.edge - edge == 601)
    edge = side.edge
    side.consume(9_399, pool: &pool)
    field = side.windowField()
    #expect(field == 10_000)
    #expect(side.edge - edge == 9_399)
    side.release(pool: &pool)
  }

  // R9293-MUST-31, R9293-MUST-32, R9293-MUST-33
  @Test func `the urgent mark only moves ahead and ends when it is read`() {
    var pool = BufferPool()
    var side = ReceiveSide(bufferLimit: 1000)
    side.begin(initial: SequenceNumber(0xFFFF_FFFE))
    let start = side.next
    var isNews = side.urgentArrives(end: start + 5)
    #expect(isNews)
    isNews = side.urgentArrives(end: start + 5)
    #expect(!isNews)
    isNews = side.urgentArrives(end: start + 3)
    #expect(!isNews)
    isNews = side.urgentArrives(end: start + 8)
    #expect(isNews)
    _ = place([UInt8](repeating: 1, count: 20), at: start, &side, &pool)
    var urgent = side.urgentCount
    #expect(urgent == 8)
    side.consume(6, pool: &pool)
    urgent = side.urgentCount
    #expect(urgent == 2)
    side.consume(2, pool: &pool)
    urgent = side.urgentCount
    let isUrgent = side.isUrgent
    #expect(urgent == 0 && !isUrgent)
    isNews = side.urgentArrives(end: start + 8)
    #expect(!isNews, "already read past it")
    side.release(pool: &pool)
  }
}
