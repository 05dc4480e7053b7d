// The retransmission timeout of RFC 6298: smoothed round-trip time, its variation, and the backoff
// that only a fresh measurement takes back. One segment is timed at a time, never a retransmitted one
// (Karn's rule, R9293-MUST-18).

struct RoundTripEstimator: BitwiseCopyable {
  /// SRTT; zero before the first sample.
  private(set) var smoothed = Interval.zero
  /// RTTVAR
  private(set) var variation = Interval.zero
  /// RTO without backoff.
  private(set) var timeout: Interval
  /// Doublings since the last valid sample.
  private(set) var backoff: UInt8 = 0

  /// The octet whose acknowledgment ends the measurement under way, or without one allows another.
  private var timedEnd: SequenceNumber
  private var timedSince = Instant.never  // `.never`: nothing is being timed

  /// `start`: SND.NXT after the SYN.
  init(initialTimeout: Interval, start: SequenceNumber) {
    timeout = initialTimeout
    timedEnd = start + 1
  }

  var hasSample: Bool { smoothed > .zero }

  /// The RTO in force: RFC 6298 (5.5) doubles it, up to `maximum`.
  func timeout(maximum: Interval) -> Interval {
    min(timeout * (1 << Int64(min(backoff, 20))), maximum)
  }

  mutating func backOff() {
    if backoff < .max { backoff += 1 }
    timedSince = .never
  }

  /// What was backed off was a shut window's, not the path's.
  mutating func forgetBackoff() { backoff = 0 }

  /// No segment of the flight under way has been timed, or it has been acknowledged: what is sent next begins
  /// another.
  var isBetweenFlights: Bool { timedSince == .never }

  /// New octets up to `end` go out now.
  mutating func segmentSent(end: SequenceNumber, at now: Instant) {
    guard timedSince == .never else { return }
    timedEnd = end
    timedSince = now
  }

  /// Something was sent again: what is being timed may be acknowledged for either copy.
  mutating func cancelMeasurement() { timedSince = .never }

  /// Ends the measurement when `acknowledgment`, which advances SND.UNA, covers the timed octets. Where
  /// nothing is timed, because it was sent again, the age of the timestamp that the ACK echoes is a
  /// sample: it tells the copies apart (TS-11). One a flight, which ends at `next`, as the gains of RFC
  /// 6298 are made for (RFC 7323, appendix G); but at once while the timeout is backed off.
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, next: SequenceNumber, echoAge: Interval?, at now: Instant,
    _ settings: borrowing StackSettings
  ) {
    let isCovered = acknowledgment >= timedEnd
    if timedSince != .never {
      guard isCovered else { return }
      add(sample: now - timedSince, settings)
      timedSince = .never
    } else {
      guard let echoAge, isCovered || backoff > 0 else { return }
      add(sample: echoAge, settings)
    }
    timedEnd = next
  }

  mutating func add(sample: Interval, _ settings: borrowing StackSettings) {
    let sample = max(sample, .nanoseconds(1))
    if hasSample {
      // (2.3): RTTVAR before SRTT, with beta 1/4 and alpha 1/8 (RTO-2).
      let deviation = Interval(nanoseconds: abs((smoothed - sample).nanoseconds))
      variation = variation - variation / 4 + deviation / 4
      smoothed = smoothed - smoothed / 8 + sample / 8
    } else {
      smoothed = sample  // (2.2)
      variation = sample / 2
    }
    backoff = 0
    let spread = variation * 4
    let floor = settings.minimumRetransmissionTimeout
    switch settings.profile {
    // (2.3), (2.4): SRTT + max(G, 4 RTTVAR), at least the minimum.
    case .rfc: timeout = max(smoothed + max(TimerWheel.tick, spread), floor)
    // Unlike RFC 6298 §2.4, as Linux: the floor is one of the spread, so a path's own time comes on top.
    case .linux: timeout = smoothed + max(floor, spread)
    }
    timeout = min(timeout, settings.maximumRetransmissionTimeout)
  }

  /// RFC 6298 (5.7): after a lost SYN, three seconds when data transfer begins (RTO-6).
  mutating func beginAfterLostSYN(_ settings: borrowing StackSettings) {
    backoff = 0
    if !hasSample, timeout < .seconds(3) { timeout = .seconds(3) }
  }
}
