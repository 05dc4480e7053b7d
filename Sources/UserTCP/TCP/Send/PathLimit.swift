// What a connection must know of its own segments to tell a router's word about the path's MTU from a
// stranger's (RFC 5927 §7.2): how large those are that were sent, and that have arrived. Sizes are octets
// of text, as `SendSide.segmentSize`. It decides nothing about what is in flight; `Connection+PathMTU` does.

struct PathLimit: BitwiseCopyable {
  /// RFC 1191 §6.3: routes change; so long after a decrease a larger segment is tried (PMTU-4).
  static let ageingSeconds: UInt16 = 600

  /// One past the first segment of `watched` octets; of a claim, one past where its segment begins.
  private var place = SequenceNumber(0)
  /// The largest segment that has arrived.
  private var arrived: UInt16 = 0
  /// More than `arrived`: the largest segment that was sent. Less: the size that somebody claims, to be
  /// believed only if the segment is lost indeed. Equal: neither.
  private var watched: UInt16 = 0
  /// What both ends agreed on, while a router has lowered it; else 0.
  private var agreed: UInt16 = 0
  /// The second in which a router last lowered the size, modulo 18 hours: after so long a silence the
  /// larger segment may have to wait for some minutes more.
  private var loweredAt: UInt16 = 0

  var isLowered: Bool { agreed > 0 }

  enum Verdict: BitwiseCopyable {
    /// Such packets were never sent, so none was too big.
    case impossible
    /// Larger ones have arrived: believed when the segment it is about times out (SEC-26).
    case doubtful
    case plausible
  }

  /// A new segment goes out.
  mutating func sent(_ count: Int, from start: SequenceNumber) {
    guard count > Int(watched), watched >= arrived else { return }
    watched = UInt16(count)
    place = start + count
  }

  mutating func acknowledged(_ acknowledgment: SequenceNumber) {
    guard watched != arrived, acknowledgment >= place else { return }
    if watched > arrived { arrived = watched } else { watched = arrived }
  }

  /// Somebody says that the segment at `sequence`, behind which `flight` octets are out, was larger than
  /// `size`; it `hasTimedOut` before.
  mutating func claimed(
    _ size: Int, about sequence: SequenceNumber, flight: Int, hasTimedOut: Bool
  ) -> Verdict {
    guard size < flight else { return .impossible }
    let isClaimKept = watched < arrived
    if size >= Int(arrived) {
      // What was sent meanwhile nobody has watched.
      return isClaimKept || size < Int(watched) ? .plausible : .impossible
    }
    if hasTimedOut { return .plausible }
    // Of two the one about the older segment, which is decided first.
    if isClaimKept, sequence >= place { return .doubtful }
    watched = UInt16(size)
    place = sequence + 1
    return .doubtful
  }

  /// The segment at `sequence` has timed out: what was claimed about it is true.
  mutating func takeClaim(about sequence: SequenceNumber) -> Int? {
    guard watched < arrived, place == sequence + 1 else { return nil }
    defer { watched = arrived }
    return Int(watched)
  }

  mutating func lower(from current: UInt16, to size: UInt16, at now: Instant) {
    if !isLowered { agreed = current }
    loweredAt = Self.second(now)
    arrived = min(arrived, size)
    watched = arrived
  }

  /// The size to try again, once the time for it has come.
  mutating func takeAgreed(at now: Instant) -> UInt16? {
    guard isLowered, Self.second(now) &- loweredAt >= Self.ageingSeconds else { return nil }
    defer { agreed = 0 }
    return agreed
  }

  private static func second(_ now: Instant) -> UInt16 {
    UInt16(truncatingIfNeeded: now.nanoseconds / 1_000_000_000)
  }
}
