// CUBIC by its numbers (RFC 9438 §4), windows in segments of 1000 octets.

import Testing

@testable import UserTCP

struct CUBICTests {
  private static let size: UInt32 = 1000

  /// A flow whose every window is acknowledged segment by segment over one round trip.
  private struct Flow {
    var cubic: CUBIC
    var now = Instant.zero + .seconds(100)
    let roundTrip: Interval
    static let slowStart = SlowStart(segments: 8, divisor: 1)

    init(window: Int, roundTrip: Interval) {
      cubic = CUBIC(window: UInt32(window) * CUBICTests.size)
      self.roundTrip = roundTrip
    }

    var window: Double { Double(cubic.window) / Double(CUBICTests.size) }

    /// A loss with the whole window in flight; recovery is over at once.
    mutating func loses() {
      cubic.segmentLost(flight: cubic.window, segmentSize: CUBICTests.size)
      cubic.window = cubic.threshold
    }

    mutating func acknowledges(for time: Interval) {
      let end = now + time
      while now + roundTrip / 2 < end {
        let count = max(1, Int(window))
        for _ in 0..<count {
          now = now + roundTrip / Int64(count)
          cubic.acknowledged(
            CUBICTests.size, segmentSize: CUBICTests.size, slowStart: Self.slowStart,
            roundTrip: roundTrip,
            at: now)
        }
      }
    }
  }

  /// W(t) of RFC 9438 §4.2.
  private func curve(_ time: Double, maximum: Double, start: Double) -> Double {
    var distance = 1.0
    for _ in 0..<60 {  // the cube root, by Newton
      distance = (2 * distance + (maximum - start) / 0.4 / (distance * distance)) / 3
    }
    let from = time - distance
    return 0.4 * from * from * from + maximum
  }

  // CUB-1
  @Test func `a loss at 100 leaves 70, and 100 is reached along the curve after 4,2 s`() {
    // A round trip long enough that Reno is no faster.
    var flow = Flow(window: 100, roundTrip: .milliseconds(200))
    flow.loses()
    #expect(flow.window == 70)
    for step in 1...8 {
      flow.acknowledges(for: .seconds(1))
      // The window aims at where the curve is a round trip later, so it is at most that far behind.
      let time = Double(step)
      let low = curve(time - 0.25, maximum: 100, start: 70) - 1
      let high = curve(time + 0.25, maximum: 100, start: 70) + 1
      #expect((low...high).contains(flow.window), "\(flow.window) after \(time) s")
    }
  }

  // CUB-1
  @Test func `the curve is flat at the old maximum and steep beyond it`() {
    var flow = Flow(window: 100, roundTrip: .milliseconds(100))
    flow.loses()
    flow.acknowledges(for: .milliseconds(3700))
    let before = flow.window
    flow.acknowledges(for: .seconds(1))
    #expect(flow.window - before < 2)
    flow.acknowledges(for: .seconds(3))
    let later = flow.window
    flow.acknowledges(for: .seconds(1))
    #expect(flow.window - later > 10)
  }

  // CUB-1
  @Test func `however far the curve has run ahead the window grows by half in a round trip`() {
    var flow = Flow(window: 20, roundTrip: .milliseconds(100))
    flow.loses()
    flow.acknowledges(for: .milliseconds(200))
    // Two minutes in which ACKs came for a single octet each second: the target is sky-high.
    for _ in 0..<120 {
      flow.now = flow.now + .seconds(1)
      flow.cubic.acknowledged(
        1, segmentSize: Self.size, slowStart: SlowStart(segments: 8, divisor: 1),
        roundTrip: flow.roundTrip, at: flow.now)
    }
    let before = flow.window
    flow.acknowledges(for: flow.roundTrip)
    #expect(flow.window <= before * 1.55, "\(before) to \(flow.window)")
    #expect(flow.window >= before * 1.3)
  }

  // CUB-2
  @Test func `on a short path it grows as Reno with the same losses would`() {
    var flow = Flow(window: 10, roundTrip: .milliseconds(10))
    flow.loses()
    #expect(flow.window == 7)
    // 0.529 segments a round trip until the window is back at 10, then one.
    flow.acknowledges(for: .milliseconds(50))
    #expect(abs(flow.window - (7 + 5 * 0.529)) < 0.4, "\(flow.window)")
    flow.acknowledges(for: .milliseconds(150))
    let rounds = 20.0
    let expected = 10 + (rounds - 3 / 0.529)
    #expect(abs(flow.window - expected) < 1.5, "\(flow.window) instead of \(expected)")
  }

  // CUB-3
  @Test func `a loss leaves seven tenths of what was in flight, two segments at least`() {
    var cubic = CUBIC(window: 100 * Self.size)
    cubic.segmentLost(flight: 40 * Self.size, segmentSize: Self.size)
    #expect(cubic.threshold == 28 * Self.size)
    cubic.segmentLost(flight: 2 * Self.size, segmentSize: Self.size)
    #expect(cubic.threshold == 2 * Self.size)
  }

  // CUB-3
  @Test func `time without anything to send is no time on the curve`() {
    var busy = Flow(window: 100, roundTrip: .milliseconds(100))
    busy.loses()
    var idle = busy
    busy.acknowledges(for: .seconds(2))
    idle.acknowledges(for: .seconds(1))
    idle.now = idle.now + .seconds(30)
    idle.cubic.wasIdle(for: .seconds(30))
    idle.acknowledges(for: .seconds(1))
    #expect(abs(busy.window - idle.window) < 1, "\(busy.window), \(idle.window)")
  }

  // CUB-4
  @Test func `losses at 100 and then at 80 make 68 the next plateau`() {
    var flow = Flow(window: 100, roundTrip: .milliseconds(200))
    flow.loses()
    flow.cubic.window = 80 * Self.size
    flow.loses()
    #expect(flow.window == 56)
    // K = cbrt(12 / 0.4) = 3.1 s
    flow.acknowledges(for: .milliseconds(2800))
    #expect(abs(flow.window - 68) < 1.5, "\(flow.window)")
    let plateau = flow.window
    flow.acknowledges(for: .milliseconds(600))
    #expect(flow.window - plateau < 1.5, "\(flow.window)")
  }

  // CUB-4
  @Test func `a loss above the last maximum is remembered as it was`() {
    var flow = Flow(window: 100, roundTrip: .milliseconds(200))
    flow.loses()
    flow.cubic.window = 120 * Self.size
    flow.loses()
    #expect(flow.window == 84)
    // K = cbrt(36 / 0.4) = 4.5 s
    flow.acknowledges(for: .milliseconds(4400))
    #expect(abs(flow.window - 120) < 2, "\(flow.window)")
  }

  // CUB-5
  @Test func `after a timeout slow start from one, then the curve begins at its foot`() {
    var flow = Flow(window: 100, roundTrip: .milliseconds(100))
    flow.cubic.timedOut(flight: 100 * Self.size, segmentSize: Self.size, isFirst: true)
    #expect(flow.window == 1)
    #expect(flow.cubic.threshold == 70 * Self.size)
    flow.cubic.timedOut(flight: 10 * Self.size, segmentSize: Self.size, isFirst: false)
    #expect(flow.cubic.threshold == 70 * Self.size)
    flow.acknowledges(for: .milliseconds(700))
    #expect((70...75).contains(flow.window), "\(flow.window)")
    // K = 0: W(t) = 0.4 t^3 + 70 from the first ACK of avoidance on; Reno's 1 a round trip is more.
    let start = flow.window
    flow.acknowledges(for: .seconds(2))
    #expect(flow.window - start < 22 && flow.window - start > 8, "\(flow.window - start)")
    flow.acknowledges(for: .seconds(6))
    #expect(flow.window - start > 100, "0.4 · 8³ is 205")
  }

  // CC-4, HS-2
  @Test func `slow start grows by what was acknowledged, eight segments at most for an ACK`() {
    var cubic = CUBIC(window: 10 * Self.size)
    cubic.acknowledged(
      400, segmentSize: Self.size, slowStart: SlowStart(segments: 8, divisor: 1),
      roundTrip: .milliseconds(100), at: .zero)
    #expect(cubic.window == 10_400)
    cubic.acknowledged(
      20 * Self.size, segmentSize: Self.size, slowStart: SlowStart(segments: 8, divisor: 1),
      roundTrip: .milliseconds(100), at: .zero)
    #expect(cubic.window == 18_400)
    cubic.acknowledged(
      4 * Self.size, segmentSize: Self.size, slowStart: SlowStart(segments: 8, divisor: 4),
      roundTrip: .milliseconds(100), at: .zero)
    #expect(cubic.window == 19_400)
  }

  // CUB-3: "cwnd … an ECE-based reduction may set it below 2"
  @Test(arguments: [(20, 14, 14), (3, 2, 2), (2, 1, 2), (1, 1, 2)])
  func `an echoed mark leaves 70 percent, at least one segment, and a threshold of at least two`(
    _ flight: Int, _ window: Int, _ threshold: Int
  ) {
    let size = Int(Self.size)
    var congestion = CongestionController(.cubic, initialWindow: UInt32(flight * size))
    #expect(
      congestion.congestionEchoed(flight: flight * size, segmentSize: size) / size == window)
    #expect(congestion.threshold / size == threshold)
  }

  // SEC-30
  @Test func `the window of avoidance does not care in how many pieces ACKs come`() {
    var windows: [Double] = []
    for pieces: UInt32 in [1, 10, 100] {
      var flow = Flow(window: 100, roundTrip: .milliseconds(100))
      flow.loses()
      for _ in 0..<2000 {
        flow.now = flow.now + .milliseconds(1)
        for _ in 0..<pieces {
          flow.cubic.acknowledged(
            Self.size / pieces, segmentSize: Self.size,
            slowStart: SlowStart(segments: 8, divisor: 1), roundTrip: flow.roundTrip,
            at: flow.now)
        }
      }
      windows.append(flow.window)
    }
    #expect(windows.max()! - windows.min()! < 2, "\(windows)")
  }

  // SEC-30
  @Test func `nothing overflows and no window shrinks by an ACK, whatever times and counts say`() {
    for seed: UInt64 in 0..<200 {
      var random = SeededRandom(seed: seed)
      var cubic = CUBIC(window: UInt32.random(in: 1...1 << 30, using: &random))
      var now = Instant.zero
      for _ in 0..<200 {
        now = now + .nanoseconds(Int64.random(in: 0...1 << 50, using: &random) >> 10)
        let size = UInt32.random(in: 1...65_495, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: cubic.segmentLost(flight: cubic.window, segmentSize: size)
        case 1: cubic.timedOut(flight: cubic.window, segmentSize: size, isFirst: true)
        case 2: cubic.wasIdle(for: .seconds(1 << 20))
        default:
          let before = cubic.window
          cubic.acknowledged(
            UInt32.random(in: 0...1 << 30, using: &random), segmentSize: size,
            slowStart: SlowStart(segments: 8, divisor: 1),
            roundTrip: .nanoseconds(Int64.random(in: 0...1 << 36, using: &random)), at: now)
          #expect(cubic.window >= before, "seed \(seed)")
          #expect(cubic.window <= 1 << 30 || cubic.window == before, "seed \(seed)")
        }
      }
    }
  }
}
