// Pacing: a flight leaves spread over its round trip instead of in one burst that fills the queue before it.
// A bucket of octets that fills at a little more than the rate at which the window goes round; what it holds
// at most is what leaves at once. Timers tick once a millisecond, so a burst is a millisecond's worth.

struct Pacing: BitwiseCopyable {
  /// Octets that may leave now; below zero after a segment larger than what was left.
  private var credit: Int32 = 0
  private var filledAt = Instant.zero
  private var isOn = false

  /// What leaves at once at `rate` octets a second: a millisecond's worth, or two segments.
  static func burst(rate: Int, segmentSize: Int) -> Int {
    max(rate / 1000, 2 * segmentSize)
  }

  /// Octets that may leave at `now`.
  mutating func room(rate: Int, segmentSize: Int, at now: Instant) -> Int {
    let burst = Self.burst(rate: rate, segmentSize: segmentSize)
    if isOn {
      // A timer may be a tick late; what would have left meanwhile is not lost.
      let passed = min(now - filledAt, .seconds(1)).nanoseconds
      credit = Int32(clamping: min(Int(credit) + rate * Int(passed) / 1_000_000_000, 2 * burst))
    } else {
      credit = Int32(clamping: burst)
      isOn = true
    }
    filledAt = now
    return Int(credit)
  }

  /// What leaves is not counted until somebody asks for `room` again.
  mutating func stop() { isOn = false }

  mutating func sent(_ count: Int) {
    if isOn { credit = Int32(clamping: Int(credit) - count) }
  }

  /// How long until `count` octets may leave.
  func wait(for count: Int, rate: Int) -> Interval {
    .nanoseconds(Int64(max(count - Int(credit), 0)) * 1_000_000_000 / Int64(rate))
  }
}
