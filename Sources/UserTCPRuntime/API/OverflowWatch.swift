// Which limits of the stack were met since it last looked: what Linux writes to its log when
// TIME-WAIT or orphans overflow or a flood of SYNs begins. It looks at counters between turns of
// the loop and is told the time; at most one event of a kind in five seconds, whatever a peer does.

struct OverflowWatch {
  private static let interval = Interval.seconds(5)

  private var told = OverflowCounts()
  /// Until then events of a kind are not told, by kind.
  private var quiet: (timeWait: Instant, orphans: Instant, cookies: Instant, drops: Instant) =
    (.zero, .zero, .zero, .zero)

  /// The time and the port are asked for only when a limit was met.
  mutating func look(
    at counts: OverflowCounts, now: () -> Instant, port: () -> Port?, log: RuntimeLog
  ) {
    guard counts != told else { return }
    let now = now()
    if counts.timeWait != told.timeWait, Self.isDue(&quiet.timeWait, now) {
      log(.timeWaitOverflow)
    }
    if counts.orphans != told.orphans, Self.isDue(&quiet.orphans, now) { log(.tooManyOrphans) }
    if counts.synCookies != told.synCookies, Self.isDue(&quiet.cookies, now) {
      log(.synFlood(port: port(), cookies: true))
    }
    if counts.synDrops != told.synDrops, Self.isDue(&quiet.drops, now) {
      log(.synFlood(port: nil, cookies: false))
    }
    told = counts
  }

  private static func isDue(_ quiet: inout Instant, _ now: Instant) -> Bool {
    guard now >= quiet else { return false }
    quiet = now + interval
    return true
  }
}
