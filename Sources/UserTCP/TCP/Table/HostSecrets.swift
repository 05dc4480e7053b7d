// The numbers of a connection that an outsider must not guess, each from its own key: where it
// stands in the tables, its initial sequence number (RFC 6528), its timestamp offset (RFC 7323 §7.1)
// and where the search for its port begins (RFC 6056).

struct HostSecrets: BitwiseCopyable {
  private let table: KeyedHash
  private let sequence: KeyedHash
  private let timestamp: KeyedHash
  private let port: KeyedHash
  private let cookieBase: KeyedHash
  private let cookie: KeyedHash
  /// Fast Open cookies, unless the operator has given keys.
  let fastOpen: KeyedHash
  /// Spreads other hosts over small tables.
  let peers: KeyedHash
  /// Seed what may be random but need not be secret for ever; one each, since some show what they draw.
  let portSeed: UInt64
  let challengeSeed: UInt64
  let priceSeed: UInt64

  init(_ secret: StackSecret) {
    table = .fast(key: secret.key(for: 1))
    sequence = .conservative(key: secret.key(for: 2))
    timestamp = .conservative(key: secret.key(for: 3))
    port = .conservative(key: secret.key(for: 4))
    portSeed = secret.seed(for: 5)
    challengeSeed = secret.seed(for: 10)
    priceSeed = secret.seed(for: 11)
    // 6 is the frame writer's.
    cookieBase = .conservative(key: secret.key(for: 7))
    cookie = .conservative(key: secret.key(for: 8))
    peers = .fast(key: secret.key(for: 9))
    fastOpen = .conservative(key: secret.key(for: 12))
  }

  func tableHash(_ key: ConnectionKey) -> UInt32 {
    UInt32(truncatingIfNeeded: key.hash(with: table))
  }

  /// ISN = M + F(4-tuple, secret), M ticking every 4 µs (RFC 9293 §3.4.1, R9293-MUST-8, -9, SHLD-1,
  /// RFC 6528 §3): grows in time for one tuple, says nothing about another.
  func initialSequence(_ key: ConnectionKey, at now: Instant) -> SequenceNumber {
    let clock = UInt32(truncatingIfNeeded: now.nanoseconds / 4_000)
    return SequenceNumber(clock &+ UInt32(truncatingIfNeeded: key.hash(with: sequence)))
  }

  /// One offset per tuple, so that timestamps stay monotonic across incarnations (SEC-13) and a
  /// TIME-WAIT entry need not keep it.
  func timestampOffset(_ key: ConnectionKey) -> UInt32 {
    UInt32(truncatingIfNeeded: key.hash(with: timestamp))
  }

  /// The timestamp clock of a tuple, as it was when its connection began: with the offset or without.
  func timestampClock(_ key: ConnectionKey, hasOffset: Bool) -> TimestampState {
    TimestampState(offset: hasOffset ? timestampOffset(key) : 0)
  }

  /// What every SYN cookie of a tuple begins from.
  func cookieBase(_ key: ConnectionKey) -> UInt32 {
    UInt32(truncatingIfNeeded: key.hash(with: cookieBase))
  }

  /// What makes a SYN cookie good for one period of the cookie clock and one SYN.
  func cookie(
    _ key: ConnectionKey, _ remoteInitial: SequenceNumber, count: UInt32
  ) -> UInt32 {
    let tuple = key.hash(with: cookie)
    return UInt32(
      truncatingIfNeeded: cookie.hash(tuple, UInt64(count) << 32 | UInt64(remoteInitial.rawValue)))
  }

  func portHash(_ key: ConnectionKey) -> UInt64 { key.hash(with: port) }
}
