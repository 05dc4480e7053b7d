// HyStart++ by its rounds (RFC 9406 §4.2).

import Testing

@testable import UserTCP

struct HyStartTests {
  private static let initial = SequenceNumber(0xFFFF_8000)  // wraps during the test

  /// A slow start whose every round has ACKs of 1000 octets with these round trips.
  private struct SlowStart {
    var hyStart = HyStart(start: HyStartTests.initial)
    var acknowledged = HyStartTests.initial
    var isOver = false

    init() {}

    mutating func round(_ roundTrips: [Int64]) {
      let next = acknowledged + roundTrips.count * 1000
      for roundTrip in roundTrips {
        acknowledged += 1000
        if hyStart.acknowledged(
          acknowledged, next: next, roundTrip: .microseconds(roundTrip))
        {
          isOver = true
        }
      }
    }
    mutating func round(_ count: Int, at milliseconds: Int64) {
      round([Int64](repeating: milliseconds * 1000, count: count))
    }
    var isConservative: Bool { hyStart.divisor == 4 }
  }

  // HS-1
  @Test func `a round trip 20 ms longer makes growth a quarter within that round`() {
    var start = SlowStart()
    start.round(10, at: 100)
    start.round(20, at: 100)
    #expect(!start.isConservative)
    start.round(20, at: 120)
    #expect(start.isConservative)
    #expect(!start.isOver)
  }

  // HS-1
  @Test func `five conservative rounds end slow start`() {
    var start = SlowStart()
    for _ in 0..<3 { start.round(10, at: 100) }
    start.round(20, at: 120)
    var rounds = 0
    while !start.isOver, rounds < 20 {
      #expect(start.isConservative)
      start.round(20, at: 121 + Int64(rounds))
      rounds += 1
    }
    #expect((5...6).contains(rounds), "\(rounds) rounds")
  }

  // HS-1
  @Test func `a spike that passes lets slow start go on`() {
    var start = SlowStart()
    for _ in 0..<3 { start.round(10, at: 100) }
    start.round(20, at: 120)
    #expect(start.isConservative)
    start.round(20, at: 100)
    #expect(!start.isConservative)
    for _ in 0..<10 { start.round(20, at: 100) }
    #expect(!start.isOver && !start.isConservative)
  }

  // HS-1
  @Test(arguments: [
    (8, 4_000), (10, 4_000), (64, 8_000), (100, 12_500), (128, 16_000), (500, 16_000),
  ])
  func `the threshold is an eighth of the last round's least, 4 to 16 ms`(
    _ milliseconds: Int64, _ threshold: Int64
  ) {
    for (excess, expected) in [(threshold - 1, false), (threshold, true)] {
      var start = SlowStart()
      for _ in 0..<3 { start.round(10, at: milliseconds) }
      start.round([Int64](repeating: milliseconds * 1000 + excess, count: 10))
      #expect(start.isConservative == expected, "\(excess) µs more")
    }
  }

  // HS-1
  @Test func `seven samples of a round decide nothing, and the least of eight counts`() {
    var start = SlowStart()
    for _ in 0..<3 { start.round(10, at: 100) }
    start.round(7, at: 150)
    #expect(!start.isConservative)
    var other = SlowStart()
    for _ in 0..<3 { other.round(10, at: 100) }
    other.round([150, 150, 150, 150, 105, 150, 150, 150, 150].map { $0 * 1000 })
    #expect(!other.isConservative)
  }

  // HS-1
  @Test func `ACKs without a round trip are no samples`() {
    var start = SlowStart()
    for _ in 0..<3 { start.round(10, at: 100) }
    var hyStart = start.hyStart
    for count in 1...30 {
      let isOver = hyStart.acknowledged(
        start.acknowledged + count * 1000, next: start.acknowledged + 100_000, roundTrip: nil)
      #expect(!isOver)
    }
    #expect(hyStart.divisor == 1)
  }
}
