// What a client remembers of servers for Fast Open (RFC 7413 §4.1.3): their cookie and segment size, or that it
// did not work lately (§4.1.3.1, which a client must remember, or every connection begins with a lost SYN).
// A small cache without chains, as `PeerTable`; only our own connections write here.

struct FastOpenCache {
  private struct Entry: BitwiseCopyable {
    var remote = IPv4Address.unspecified
    /// Cookies are made for the address we come from.
    var local = IPv4Address.unspecified
    var cookie: FastOpenCookie?
    /// MSS that the server announced.
    var segmentSize: UInt16 = 0
    /// In a row.
    var failures: UInt8 = 0
    /// Until then nothing is tried.
    var quietUntil = Instant.zero
  }

  private static let size = 1024
  /// Doubled with each failure in a row, up to about 17 hours.
  private static let firstSilence = Interval.seconds(60)
  private static let longestSilence: UInt8 = 10

  private let key: KeyedHash
  private var entries: [Entry] = []
  /// Something on our side of the network swallows such SYNs: nothing is tried with anybody.
  private var pausedUntil = Instant.zero
  private var pauses: UInt8 = 0

  init(secrets: HostSecrets) { key = secrets.peers }

  enum Knowledge: Equatable, BitwiseCopyable {
    case nothing
    case cookie(FastOpenCookie, segmentSize: UInt16)
    /// It has failed lately.
    case failure
  }

  func knowledge(of ends: ConnectionKey, at now: Instant) -> Knowledge {
    guard now >= pausedUntil else { return .failure }
    guard !entries.isEmpty else { return .nothing }
    let entry = entries[place(of: ends)]
    guard entry.remote == ends.remoteAddress, entry.local == ends.localAddress else {
      return .nothing
    }
    if now < entry.quietUntil { return .failure }
    return entry.cookie.map { .cookie($0, segmentSize: entry.segmentSize) } ?? .nothing
  }

  /// The server has given us a cookie.
  mutating func learn(_ cookie: FastOpenCookie, segmentSize: UInt16, from ends: ConnectionKey) {
    change(ends) {
      $0.cookie = cookie
      $0.segmentSize = segmentSize
      $0.failures = 0
      $0.quietUntil = .zero
    }
  }

  /// The server took text on a SYN.
  mutating func succeeded(with ends: ConnectionKey, segmentSize: UInt16) {
    pauses = 0
    change(ends) {
      $0.segmentSize = segmentSize
      $0.failures = 0
      $0.quietUntil = .zero
    }
  }

  /// No answer, an ICMP error, text that was not acknowledged, or a request without a cookie in return.
  mutating func failed(with ends: ConnectionKey, at now: Instant, isCookieUseless: Bool) {
    change(ends) {
      $0.quietUntil = now + Self.firstSilence * (1 << Int64($0.failures))
      $0.failures = min($0.failures + 1, Self.longestSilence)
      if isCookieUseless { $0.cookie = nil }
    }
  }

  /// Several timeouts in a row: `tcp_fastopen_blackhole_timeout_sec`, doubled up to 64 times.
  mutating func pause(for length: Interval, at now: Instant) {
    pausedUntil = now + length * (1 << Int64(pauses))
    pauses = min(pauses + 1, 6)
  }

  private mutating func change(_ ends: ConnectionKey, _ change: (inout Entry) -> Void) {
    if entries.isEmpty { entries = Array(repeating: Entry(), count: Self.size) }
    let place = place(of: ends)
    if entries[place].remote != ends.remoteAddress || entries[place].local != ends.localAddress {
      entries[place] = Entry(remote: ends.remoteAddress, local: ends.localAddress)
    }
    change(&entries[place])
  }

  private func place(of ends: ConnectionKey) -> Int {
    let hash = key.hash(UInt64(ends.remoteAddress.bits), UInt64(ends.localAddress.bits))
    return Int(hash % UInt64(Self.size))
  }
}
