// Dynamic right-sizing (Fisk and Feng 2001, as Linux does it): how much the program takes in a round trip is
// how much a window must at least be, so the receive buffer follows it. The receiver has its own idea of the
// round trip: from timestamps that its segments brought back, or from the time that a whole window took
// to arrive, which cannot be shorter. The least counts at once, more only slowly: an estimate too
// long would make the window too large.
//
// A round begins when the last one ends. Times are microseconds modulo 2^32; a round longer than that, an
// hour, says nothing and only begins the next.

struct ReceiveTuning: BitwiseCopyable {
  /// The receiver's round trip in microseconds; 0: not known.
  private(set) var roundTrip: UInt32 = 0
  private var roundStart: UInt32 = 0
  /// What the program was to read next when the round began.
  private var startPosition = SequenceNumber(0)
  /// The right edge when the round began: what lies behind it was asked for later.
  private var startEdge = SequenceNumber(0)
  /// A round trip was shorter than a millisecond once. Where the peer is so near a larger window only
  /// fills queues, and what lies in them leaves the caches.
  private(set) var isNear = false
  /// A timestamp has been looked at in this round.
  private(set) var hasSample = false

  private static let near: UInt32 = 1_000

  private static func microseconds(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds / 1_000)
  }

  /// `roundTrip`: what the handshake showed; zero when it showed nothing.
  mutating func begin(
    at now: Instant, position: SequenceNumber, edge: SequenceNumber, roundTrip: Interval
  ) {
    // Not below a clock tick, which is all that a passive open can tell.
    if roundTrip > .zero { latch(max(UInt32(clamping: roundTrip.nanoseconds / 1_000), Self.near)) }
    beginRound(at: Self.microseconds(now), position, edge)
  }

  private mutating func beginRound(
    at time: UInt32, _ position: SequenceNumber, _ edge: SequenceNumber
  ) {
    roundStart = time
    startPosition = position
    startEdge = edge
    hasSample = false
  }

  private mutating func latch(_ sample: UInt32) {
    if sample < Self.near { isNear = true }
    if roundTrip == 0 || sample < roundTrip { roundTrip = max(sample, 1) }
  }

  /// A segment came whose echo is `milliseconds` old on the same clock: more than one less, and less than
  /// one more.
  mutating func echoArrived(after milliseconds: Int32) {
    guard milliseconds >= 0 else { return }
    hasSample = true
    let ticks = UInt32(min(milliseconds, 1_000_000))
    if ticks == 0 { isNear = true }
    let least = ticks > 0 ? (ticks - 1) * 1_000 : 0
    if least > roundTrip, roundTrip > 0 {
      roundTrip += (least - roundTrip) / 8
    } else {
      latch((ticks + 1) * 1_000)
    }
  }

  /// The program has read up to `position`: how many octets that was in a round trip, if one is over.
  mutating func octetsRead(
    upTo position: SequenceNumber, next: SequenceNumber, edge: SequenceNumber, at now: Instant
  ) -> Int? {
    let time = Self.microseconds(now)
    let elapsed = time &- roundStart
    if next > startEdge {
      // The peer has answered to a window that was offered after the round began.
      latch(elapsed)
    } else if roundTrip == 0 || elapsed < roundTrip {
      return nil
    }
    let octets = position - startPosition
    beginRound(at: time, position, edge)
    return octets
  }
}
