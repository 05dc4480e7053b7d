// Does the congestion window say anything about the path? Only as much as has been acknowledged in a round
// trip lately (RFC 7661). A sender that uses less than half of its window may keep it for five minutes,
// instead of falling back to the initial window after every pause; then it halves.

struct WindowValidation: BitwiseCopyable {
  /// §4.5: how long a window is kept that is not used.
  static let keepingTime = Interval.seconds(5 * 60)

  // pipeACK: the most octets acknowledged in a round trip of this sampling period and the one before.
  private var highest: UInt32 = 0
  private var highestBefore: UInt32 = 0
  /// Without a period behind it there is no pipeACK, and the window holds (§4.2).
  private var hasPeriod = false
  private var periodBegan = Instant.never
  /// SND.NXT when the round began, and what had been delivered until then.
  private var roundEnd: SequenceNumber
  private var deliveredBefore: UInt32 = 0
  /// Since when less than half of the window was used; `.never`: it is validated.
  private(set) var unvalidatedSince = Instant.never
  /// LossFlightSize; 0 unless a loss fell into a time without validation.
  private var lossFlight: UInt32 = 0
  private var resent: UInt32 = 0

  init(start: SequenceNumber) { roundEnd = start }

  var isValidated: Bool { unvalidatedSince == .never }

  /// pipeACK in octets.
  private var used: UInt32 { max(highest, highestBefore) }

  /// Outside recovery SND.UNA moved to `acknowledgment`; `delivered` octets in all.
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, next: SequenceNumber, delivered: UInt32, window: Int,
    roundTrip: Interval, at now: Instant
  ) {
    if periodBegan == .never { periodBegan = now }
    if acknowledgment > roundEnd {
      highest = max(highest, delivered &- deliveredBefore)
      roundEnd = next
      deliveredBefore = delivered
    }
    // §4.2: the sampling period is three round trips, and a second at least.
    let length = max(roundTrip * 3, .seconds(1))
    if now - periodBegan >= length {
      let isOutdated = now - periodBegan >= length * 2
      highestBefore = isOutdated ? 0 : highest
      highest = 0
      hasPeriod = true
      periodBegan = now
    }
    judge(window: window, at: now)
  }

  /// §4.3: validated when pipeACK >= cwnd / 2.
  private mutating func judge(window: Int, at now: Instant) {
    guard hasPeriod else { return }
    if 2 * Int(used) >= window {
      unvalidatedSince = .never
    } else if unvalidatedSince == .never {
      unvalidatedSince = now
    }
  }

  /// Nothing is in flight any more: whatever the window was, it is not used from now on.
  mutating func fellIdle(at now: Instant) {
    if unvalidatedSince == .never { unvalidatedSince = now }
  }

  /// The time to keep it is over (§4.5): true once; then it begins anew.
  mutating func expires(at now: Instant) -> Bool {
    guard unvalidatedSince != .never, now - unvalidatedSince >= Self.keepingTime else {
      return false
    }
    unvalidatedSince = now
    return true
  }

  // MARK: Loss

  /// §4.4.1: what a reduction starts from, of `flight` octets out.
  mutating func segmentLost(flight: Int) -> Int {
    resent = 0
    lossFlight = isValidated ? 0 : UInt32(clamping: max(Int(used), flight))
    return isValidated ? flight : Int(lossFlight)
  }

  mutating func resent(_ count: Int) { resent &+= UInt32(count) }

  /// §4.4.2: at the end of recovery what had to be sent again does not count; `nil` when the window was
  /// validated.
  mutating func windowAfterRecovery(_ threshold: Int) -> Int? {
    guard lossFlight > 0 else { return nil }
    let kept = max(Int(lossFlight) - Int(resent), 0)
    defer { lossFlight = 0 }
    return threshold * kept / Int(lossFlight)
  }
}
