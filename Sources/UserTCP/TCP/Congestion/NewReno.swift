// Slow start and congestion avoidance of RFC 5681 §3.1, with byte counting so that many small ACKs
// gain nothing over one large (SEC-30).

struct NewReno: BitwiseCopyable {
  /// cwnd
  var window: UInt32
  /// ssthresh; unlimited until the first loss.
  var threshold: UInt32 = .max
  /// Octets acknowledged since the window last grew, in avoidance.
  private var acknowledgedSinceGrowth: UInt32 = 0

  /// Far beyond any buffer; keeps the sums below from overflowing.
  private static let maximumWindow: UInt32 = 1 << 30

  init(window: UInt32) { self.window = window }

  mutating func acknowledged(_ count: UInt32, segmentSize: UInt32) {
    if window < threshold {
      window += min(count, segmentSize)  // RFC 5681 eqn. 2, CC-4
    } else {
      // One segment per window of acknowledged octets (RFC 5681 §3.1, RFC 3465 §2.1, CC-5).
      acknowledgedSinceGrowth += min(count, window)
      if acknowledgedSinceGrowth >= window {
        acknowledgedSinceGrowth -= window
        window += segmentSize
      }
    }
    window = min(window, Self.maximumWindow)
  }

  /// RFC 5681 eqn. 4: half of what is in flight, not of the window (CC-6).
  mutating func segmentLost(flight: UInt32, segmentSize: UInt32) {
    threshold = max(Self.share(of: flight), 2 * segmentSize)
    acknowledgedSinceGrowth = 0
  }

  /// What a sign of congestion leaves of it.
  static func share(of flight: UInt32) -> UInt32 { flight / 2 }

  mutating func timedOut(flight: UInt32, segmentSize: UInt32, isFirst: Bool) {
    // "when a TCP sender detects segment loss using the retransmission timer and the given segment has
    // been retransmitted at least once, the value of ssthresh is held constant" (CC-7)
    if isFirst { segmentLost(flight: flight, segmentSize: segmentSize) }
    window = segmentSize
    acknowledgedSinceGrowth = 0
  }
}
