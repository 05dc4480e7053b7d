// How many connections of one listener are open by a cookie alone, and the bound on them (RFC 7413 §5.1). A
// cookie proves an address once; whoever has collected cookies can still flood from there, and each such
// connection is a whole control block with a program behind it.

struct FastOpenQueue: ~Copyable {
  /// What the program asked for; 0: no Fast Open.
  let limit: Int
  /// Handshakes that are not done.
  private(set) var pending = 0
  /// When those that ended with a reset cease to count. The victim of a forged SYN answers the SYN-ACK with a
  /// reset: if that made room, the flood would have no end.
  private var resets = RingQueue<Instant>()

  /// As Linux: what a handshake takes that is never completed.
  private static let resetCountsFor = Interval.seconds(60)

  init(limit: Int) { self.limit = limit }

  /// Fewer than `limit` are pending; an old reset makes room.
  mutating func hasRoom(for limit: Int, at now: Instant) -> Bool {
    while resets.count > 0, resets[0] <= now { _ = resets.popFirst() }
    return pending + resets.count < limit
  }

  mutating func begin() { pending += 1 }

  /// Completed, timed out, or given up here.
  mutating func end() { pending -= 1 }

  mutating func endWithReset(at now: Instant) {
    pending -= 1
    resets.append(now + Self.resetCountsFor)
  }
}
