// How many challenge ACKs the whole stack sends in a second (RFC 5961 §7, `tcp_challenge_ack_limit`).
// A limit that all connections share is something a stranger can measure through his own (CVE-2016-5696):
// so each second's is drawn at random between half and one and a half times what was asked for (SEC-9).

struct ChallengeBudget {
  private var random: SeededRandom
  private var second: Int64 = -1
  private var left = 0

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  /// Takes one; `limit` of `Int32.max` or more never runs out (SYS-18).
  mutating func take(at now: Instant, limit: Int) -> Bool {
    guard limit < Int(Int32.max) else { return true }
    let current = now.nanoseconds / 1_000_000_000
    if current != second {
      second = current
      left = limit == 0 ? 0 : (limit + 1) / 2 + Int(random.next() % UInt64(limit))
    }
    guard left > 0 else { return false }
    left -= 1
    return true
  }
}
