// At most so many per second, with a burst: what keeps ICMP errors from being an amplifier
// (RFC 1812 §4.3.2.8, ICMP4-6). What one of them costs may be drawn at random by the caller, so that a
// stranger cannot count how many others got (SYS-37).

struct TokenBucket {
  private var tokens: Double
  private var last = Instant.zero

  init(burst: Int) { tokens = Double(burst) }

  /// Whether there is one to take.
  mutating func isFilled(at now: Instant, perSecond: Int, burst: Int) -> Bool {
    let elapsed = Double((now - last).nanoseconds) / 1e9
    tokens = min(Double(burst), tokens + elapsed * Double(perSecond))
    last = now
    return tokens >= 1
  }

  mutating func take(_ cost: Int = 1) { tokens = max(0, tokens - Double(cost)) }
}
