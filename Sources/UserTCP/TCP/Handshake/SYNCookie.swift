// A SYN-ACK that needs no memory (RFC 4987 §3.6, Linux's form): its sequence number says, under a keyed
// hash, when it was made and which segment size the peer announced; the ACK that ends the handshake
// brings it back. What else the SYN offered rides in the low bits of our timestamp, which the peer
// echoes (SEC-17 to SEC-20).
//
//   cookie = hash(tuple) + ISN of the peer + minute << 24 + (hash(tuple, minute, ISN) + size index) mod 2^24
//
// A guess is right for two minutes and four sizes out of 2^32: 2^-29 (SEC-17a).

/// What a cookie remembers of a SYN.
struct SYNCookie: Hashable, BitwiseCopyable {
  /// MSS of the peer, rounded down to one of `segmentSizes`.
  var segmentSize: UInt16

  /// Ascending; the smallest stands for none announced, too (SEC-18).
  static let segmentSizes: InlineArray<4, UInt16> = [536, 1300, 1440, 1460]
  /// How long one number of the clock lasts; a cookie is good in its own period and the next.
  static let period = Interval.seconds(60)
  private static let periods: UInt32 = 2
  /// After its last cookie a listener believes none (SEC-17a).
  static let memory = period * Int64(periods)

  /// The sequence number that carries what `announced`, 0 for nothing, comes down to.
  static func sequence(
    for key: ConnectionKey, remoteInitial: SequenceNumber, announced: UInt16, at now: Instant,
    _ secrets: HostSecrets
  ) -> SequenceNumber {
    var index = UInt32(segmentSizes.count - 1)
    while index > 0, segmentSizes[Int(index)] > announced { index -= 1 }
    let count = count(at: now)
    let low = secrets.cookie(key, remoteInitial, count: count) &+ index
    return remoteInitial + Int(secrets.cookieBase(key)) + Int(count << 24 | low & 0x00FF_FFFF)
  }

  /// What `sequence` says if it is a cookie of ours, for this tuple, and not too old.
  init?(
    _ sequence: SequenceNumber, for key: ConnectionKey, remoteInitial: SequenceNumber,
    at now: Instant, _ secrets: HostSecrets
  ) {
    let value = sequence.rawValue &- secrets.cookieBase(key) &- remoteInitial.rawValue
    let count = Self.count(at: now)
    let age = (count &- value >> 24) & 0xFF
    guard age < Self.periods else { return nil }
    let made = secrets.cookie(key, remoteInitial, count: count &- age)
    let index = Int((value &- made) & 0x00FF_FFFF)
    guard index < Self.segmentSizes.count else { return nil }
    segmentSize = Self.segmentSizes[index]
  }

  private static func count(at now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: now.nanoseconds / period.nanoseconds)
  }
}

/// The options of a SYN in six bits of a timestamp: window shift in four, all ones for none, SACK
/// and ECN in one each.
struct SYNCookieOptions: Hashable, BitwiseCopyable {
  var windowShift: UInt8?
  var permitsSACK = false
  var permitsECN = false

  private static let mask: UInt32 = 0x3F
  private static let noShift: UInt32 = 0x0F

  init(windowShift: UInt8?) { self.windowShift = windowShift }

  /// What an echoed timestamp carries, our offset taken off.
  init(timestamp: UInt32) {
    let shift = timestamp & Self.noShift
    windowShift = shift == Self.noShift ? nil : UInt8(shift)
    permitsSACK = timestamp & 0x10 != 0
    permitsECN = timestamp & 0x20 != 0
  }

  /// Whether `clock` has shown `echo` while its cookie is good.
  static func areIn(_ echo: UInt32, of clock: TimestampState, at now: Instant) -> Bool {
    let longest = UInt32(SYNCookie.memory.nanoseconds / 1_000_000) + mask + 1
    return clock.value(at: now) &- echo <= longest
  }

  /// The latest timestamp not after `clock` that carries the options: our clock must not seem to run
  /// backwards afterwards.
  func timestamp(notAfter clock: UInt32) -> UInt32 {
    let bits =
      (windowShift.map(UInt32.init) ?? Self.noShift) | (permitsSACK ? 0x10 : 0)
      | (permitsECN ? 0x20 : 0)
    let value = clock & ~Self.mask | bits
    return TimestampState.isOlder(clock, than: value) ? value &- (Self.mask + 1) : value
  }
}
