// At most so many per second, with a burst: what keeps ICMP errors from being an amplifier
// (RFC 1812 §4.3.2.8, ICMP4-6). What one of them costs may be drawn at random by the caller, so that a
// stranger cannot count how many others got (SYS-37).

struct TokenBucket {
  private var tokens: Double
  private var last = Instant.zero

  init(burst: Int) { tokens = Double(burst) }

  mutating func take(at now: Instant, perSecond: Int, burst: Int, cost: Int = 1) -> Bool {
    let elapsed = Double((now - last).nanoseconds) / 1e9
    tokens = min(Double(burst), tokens + elapsed * Double(perSecond))
    last = now
    guard tokens >= 1 else { return false }
    tokens = max(0, tokens - Double(cost))
    return true
  }
}
