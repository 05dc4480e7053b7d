// What a connection must know of its own segments to tell a router's word about the path's MTU from a
// stranger's (RFC 5927 §7.2): how large those are that were sent, and that have arrived. Sizes are octets
// of text, as `SendSide.segmentSize`. It decides nothing about what is in flight; `Connection+PathMTU` does.

struct PathLimit: BitwiseCopyable {
  /// One past the first segment of `watched` octets; of a claim, one past where its segment begins.
  private var place = SequenceNumber(0)
  /// The largest segment that has arrived.
  private var arrived: UInt16 = 0
  /// More than `arrived`: the largest segment that was sent. Less: the size that somebody claims, to be
  /// believed only if the segment is lost indeed. Equal: neither.
  private var watched: UInt16 = 0
  /// What both ends agreed on, whatever the path takes (PMTU-7).
  var agreed: UInt16
  /// `PathTable.generation` as it was when the segment size was last taken from there.
  var generation: UInt16

  init(agreed: Int, generation: UInt16) {
    self.agreed = UInt16(agreed)
    self.generation = generation
  }

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

  /// The path takes no more than `size`: larger ones that have arrived took another. What is in flight, up to
  /// `next`, goes out again in such pieces.
  mutating func lowered(to size: Int, flight: Int, next: SequenceNumber) {
    arrived = min(arrived, UInt16(size))
    watched = flight > 0 ? UInt16(size) : arrived
    place = next
  }
}
