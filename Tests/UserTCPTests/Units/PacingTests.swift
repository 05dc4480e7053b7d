// The bucket that spreads a flight: never faster than its rate over any time, nor slower because a timer is
// late.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct PacingTests {
  private static let size = 1460

  @Test func `a burst is a millisecond's worth, and two segments at least`() {
    #expect(Pacing.burst(rate: 100_000, segmentSize: Self.size) == 2920)
    #expect(Pacing.burst(rate: 10_000_000, segmentSize: Self.size) == 10_000)
  }

  @Test func `one burst leaves at first, after a pause two at most`() {
    var pacing = Pacing()
    #expect(pacing.room(rate: 10_000_000, segmentSize: Self.size, at: .zero) == 10_000)
    let now = Instant.zero + .seconds(100)
    #expect(pacing.room(rate: 10_000_000, segmentSize: Self.size, at: now) == 20_000)
    pacing.sent(20_000)
    #expect(pacing.room(rate: 10_000_000, segmentSize: Self.size, at: now) == 0)
    #expect(pacing.wait(for: 10_000, rate: 10_000_000) == .milliseconds(1))
  }

  @Test func `what left unpaced is not held against what comes`() {
    var pacing = Pacing()
    _ = pacing.room(rate: 100_000, segmentSize: Self.size, at: .zero)
    pacing.stop()
    pacing.sent(50_000_000)
    let later = Instant.zero + .milliseconds(1)
    #expect(pacing.room(rate: 100_000, segmentSize: Self.size, at: later) == 2920)
  }

  @Test(arguments: [100_000, 3_000_000, 250_000_000])
  func `whoever waits as told sends at the rate, though every timer is up to a tick late`(
    _ rate: Int
  ) {
    var random = SeededRandom(seed: 11)
    var pacing = Pacing()
    var now = Instant.zero + .seconds(1)
    let start = now
    var sent = 0
    let burst = Pacing.burst(rate: rate, segmentSize: Self.size)
    while sent < rate {
      let room = pacing.room(rate: rate, segmentSize: Self.size, at: now)
      if room >= Self.size {
        let count = room / Self.size * Self.size
        #expect(count <= 2 * burst)
        pacing.sent(count)
        sent += count
      }
      now =
        now + pacing.wait(for: burst, rate: rate)
        + .microseconds(Int64.random(in: 0..<1000, using: &random))
    }
    let seconds = Double((now - start).nanoseconds) / 1e9
    let achieved = Double(sent) / seconds / Double(rate)
    #expect(achieved > 0.9 && achieved < 1.1)
  }
}
