// RFC 7323 timestamps of one connection: the clock we show, the value we echo, and protection
// against wrapped sequence numbers (PAWS).

struct TimestampState: BitwiseCopyable {
  /// Both ends sent the option on their SYN (TS-6).
  var isEnabled = false
  /// Added to the millisecond clock, so that uptime does not show (SEC-13).
  let offset: UInt32
  /// TS.Recent
  private(set) var recent: UInt32 = 0
  /// When `recent` was last set, in seconds of the engine's clock.
  private var recentSince: UInt32 = 0

  /// RFC 7323 §5.5: after 24 idle days the peer's clock may have wrapped half way (TS-15).
  private static let outdatedAfter: UInt32 = 24 * 24 * 3600

  init(offset: UInt32) { self.offset = offset }

  /// One tick a millisecond (TS-16).
  static func milliseconds(_ now: Instant) -> Int64 { now.nanoseconds / 1_000_000 }

  func value(at now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: Self.milliseconds(now)) &+ offset
  }

  func option(at now: Instant) -> TCPOptions.Timestamps? {
    isEnabled ? TCPOptions.Timestamps(value: value(at: now), echo: recent) : nil
  }

  /// How long ago we sent what the peer echoes: at least a tick, which is all a millisecond clock can say.
  /// `nil` without timestamps, and for an echo that cannot be one.
  func age(of echo: UInt32, at now: Instant) -> Interval? {
    guard isEnabled, echo != 0 else { return nil }
    let ticks = Int32(bitPattern: value(at: now) &- echo)
    guard ticks >= 0, ticks < Self.longestRoundTrip else { return nil }
    return .milliseconds(max(Int64(ticks), 1))
  }

  /// In ticks; an echo that is older is a lie.
  private static let longestRoundTrip: Int32 = 120_000

  /// PAWS (RFC 7323 §5.3 R1): the value is older than what the connection has seen.
  func rejects(_ value: UInt32, at now: Instant) -> Bool {
    Self.isOlder(value, than: recent) && !isOutdated(now)
  }

  static func isOlder(_ value: UInt32, than recent: UInt32) -> Bool {
    Int32(bitPattern: value &- recent) < 0
  }

  /// RFC 7323 §4.3 (2): "If SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent" (TS-10).
  mutating func update(
    _ value: UInt32, sequence: SequenceNumber, lastAcknowledged: SequenceNumber, at now: Instant
  ) {
    guard sequence <= lastAcknowledged, !Self.isOlder(value, than: recent) || isOutdated(now)
    else { return }
    set(value, at: now)
  }

  mutating func set(_ value: UInt32, at now: Instant) {
    recent = value
    recentSince = Self.seconds(now)
  }

  private func isOutdated(_ now: Instant) -> Bool {
    Self.seconds(now) &- recentSince > Self.outdatedAfter
  }

  private static func seconds(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000_000)
  }
}
