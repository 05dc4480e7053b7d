// What a connection has learnt of the largest packet its path takes (RFC 1191), and what it must know to
// tell a router's word from a stranger's (RFC 5927 §7.2): how large the segments are that were sent, and
// that have arrived. Sizes are octets of text, as `SendSide.segmentSize`. It decides nothing about what is
// in flight; `Connection+PathMTU` does.

struct PathLimit: BitwiseCopyable {
  /// RFC 1191 §6.3: routes change; so long after a decrease a larger segment is tried (PMTU-4).
  static let ageingSeconds: UInt16 = 600

  /// One past the first segment of the largest size.
  private var largestEnd = SequenceNumber(0)
  /// What a claim that is kept back was about.
  private var claimedSegment = SequenceNumber(0)
  /// What both ends agreed on, while a router has lowered it; else 0.
  private var agreed: UInt16 = 0
  private var largestSent: UInt16 = 0
  private var largestArrived: UInt16 = 0
  /// The second in which a router last lowered the size, modulo 18 hours: after so long a silence the
  /// larger segment may have to wait for some minutes more.
  private var loweredAt: UInt16 = 0
  /// A size to believe in only if the segment is lost indeed; 0: none.
  private var claimed: UInt16 = 0

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
    guard count > Int(largestSent) else { return }
    largestSent = UInt16(count)
    largestEnd = start + count
  }

  mutating func acknowledged(_ acknowledgment: SequenceNumber) {
    if largestArrived < largestSent, acknowledgment >= largestEnd { largestArrived = largestSent }
    if claimed > 0, acknowledgment > claimedSegment { claimed = 0 }
  }

  /// A router says that the segment at `sequence` was larger than `size`.
  mutating func isClaimed(_ size: Int, about sequence: SequenceNumber) -> Verdict {
    guard size < Int(largestSent) else { return .impossible }
    guard size < Int(largestArrived) else { return .plausible }
    claimed = UInt16(size)
    claimedSegment = sequence
    return .doubtful
  }

  /// The claim that was kept back until a timeout, if there is one.
  mutating func takeClaim() -> Int? {
    defer { claimed = 0 }
    return claimed > 0 ? Int(claimed) : nil
  }

  mutating func lower(from current: UInt16, to size: UInt16, at now: Instant) {
    if !isLowered { agreed = current }
    loweredAt = Self.second(now)
    largestSent = size
    largestArrived = min(largestArrived, size)
    claimed = 0
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
