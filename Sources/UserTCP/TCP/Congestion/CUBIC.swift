// CUBIC (RFC 9438): after a loss the window grows along a cubic curve of the time since, flat around the
// size at which the loss came and steep far from it, and nowhere slower than Reno would. Windows are
// octets outside and segments in the formulas, as the RFC has them.

struct CUBIC: BitwiseCopyable {
  /// cwnd
  var window: UInt32
  /// ssthresh; unlimited until the first loss.
  var threshold: UInt32 = .max
  /// W_max: the window, in segments, when the last loss came.
  private var maximum: Float = 0
  /// cwnd_prior: the window before the last loss; W_est grows faster once it is back there.
  private var prior: Float = 0
  /// W_est: what Reno would have by now.
  private var renoWindow: Float = 0
  /// K: seconds from the start of the epoch to `maximum`.
  private var timeToMaximum: Float = 0
  /// Start of the present avoidance phase; `.never`: not begun.
  private var epoch = Instant.never
  /// Part of a segment by which the window should have grown.
  private var growth: Float = 0

  private static let beta: Float = 0.7
  private static let c: Float = 0.4
  /// α = 3 (1 - β) / (1 + β): as fair to Reno as β makes it unfair (§4.3).
  private static let alpha: Float = 3 * (1 - beta) / (1 + beta)
  private static let maximumWindow: UInt32 = 1 << 30

  init(window: UInt32) { self.window = window }

  /// `count` octets were acknowledged.
  mutating func acknowledged(
    _ count: UInt32, segmentSize: UInt32, slowStart: SlowStart, roundTrip: Interval,
    at now: Instant
  ) {
    guard window >= threshold else {
      window = min(
        window + min(count, slowStart.segments * segmentSize) / slowStart.divisor,
        Self.maximumWindow)
      return
    }
    let size = Float(segmentSize)
    let current = Float(window) / size
    let acknowledged = Float(count) / size
    if epoch == .never { beginEpoch(current, at: now) }
    let time = (now - epoch).seconds
    let target = min(max(cubicWindow(time + roundTrip.seconds), current), 1.5 * current)
    let alpha = renoWindow >= prior ? 1 : Self.alpha
    renoWindow += alpha * acknowledged / current
    if cubicWindow(time) < renoWindow {
      // The Reno-friendly region (§4.3).
      growth += max(renoWindow - current, 0)
    } else {
      growth += (target - current) / current * acknowledged
    }
    let octets = min(growth * size, 1.5 * Float(window))
    guard octets >= 1 else { return }
    window = min(window &+ UInt32(octets), Self.maximumWindow)
    growth -= octets / size
    growth = max(growth, 0)
  }

  private mutating func beginEpoch(_ current: Float, at now: Instant) {
    epoch = now
    growth = 0
    renoWindow = current
    if current < maximum {
      timeToMaximum = cubeRoot((maximum - current) / Self.c)
    } else {
      timeToMaximum = 0
      maximum = current
    }
  }

  /// W_cubic(t) = C (t - K)^3 + W_max (§4.2)
  private func cubicWindow(_ time: Float) -> Float {
    let distance = time - timeToMaximum
    return Self.c * distance * distance * distance + maximum
  }

  /// §4.6, §4.7. `flight` octets were unacknowledged.
  mutating func segmentLost(flight: UInt32, segmentSize: UInt32) {
    let current = Float(window) / Float(segmentSize)
    prior = current
    // Fast convergence: a flow whose window shrinks leaves room for others (CUB-4).
    maximum = current < maximum ? current * (1 + Self.beta) / 2 : current
    threshold = max(Self.share(of: flight), 2 * segmentSize)
    epoch = .never
  }

  /// What a sign of congestion leaves of it.
  static func share(of flight: UInt32) -> UInt32 { UInt32(Float(flight) * beta) }

  /// §4.8: after a timeout avoidance begins anew where slow start ends (CUB-5).
  mutating func timedOut(flight: UInt32, segmentSize: UInt32, isFirst: Bool) {
    if isFirst { segmentLost(flight: flight, segmentSize: segmentSize) }
    window = segmentSize
    maximum = 0
    epoch = .never
  }

  /// Time in which the program had nothing to send does not count (§5.8, CUB-3).
  mutating func wasIdle(for time: Interval) {
    if epoch != .never { epoch = epoch + time }
  }
}

extension Interval {
  fileprivate var seconds: Float { Float(nanoseconds) / 1e9 }
}

/// Newton's method; a window needs no more than a few digits.
private func cubeRoot(_ value: Float) -> Float {
  guard value > 0 else { return 0 }
  // A third of the exponent is near enough to begin with.
  var root = Float(
    sign: .plus, exponent: value.exponent / 3, significand: 1)
  for _ in 0..<8 { root = (2 * root + value / (root * root)) / 3 }
  return root
}
