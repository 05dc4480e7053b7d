// At most one ICMP error an interval to one host, six at once after a silence (`icmp_ratelimit`, SYS-37):
// who asks for many is not answered at the expense of others. A small table without chains; hosts
// that fall into one place share its credit.

struct TargetLimit {
  private struct Credit: BitwiseCopyable {
    /// Saved up when it was last asked.
    var saved = Interval.forever
    var last = Instant.zero
  }

  private static let size = 1024
  /// `XRLIM_BURST_FACTOR`
  private static let burst: Int64 = 6

  private let key: KeyedHash
  private var credits: [Credit] = []

  init(secrets: HostSecrets) { key = secrets.peers }

  /// Whether one more may go to `target`; `interval` of zero: always.
  mutating func take(_ target: IPv4Address, at now: Instant, interval: Interval) -> Bool {
    guard interval > .zero else { return true }
    if credits.isEmpty { credits = Array(repeating: Credit(), count: Self.size) }
    let place = Int(key.hash(UInt64(target.bits), 1) % UInt64(Self.size))
    let saved = min(credits[place].saved + (now - credits[place].last), interval * Self.burst)
    let suffices = saved >= interval
    credits[place] = Credit(saved: suffices ? saved - interval : saved, last: now)
    return suffices
  }
}
