// What the host remembers of other hosts when their connections are gone: that they are there, because
// they have completed a handshake (SYS-2), and, for `tcp_tw_recycle` alone, their last timestamp (SYS-4).
// A small cache without chains: a newer host takes the place of an older one, and a flood of invented
// addresses changes nothing, since only a handshake writes here.

struct PeerTable {
  private struct Entry: BitwiseCopyable {
    var address = IPv4Address.unspecified
    var timestamp: UInt32 = 0
    /// When `timestamp` was seen; `.never`: not at all.
    var seen = Instant.never
  }

  private static let size = 4096
  /// RFC 1323's quiet minute, which `tcp_tw_recycle` went by.
  private static let timestampLifetime = Interval.seconds(60)
  /// `TCP_PAWS_WINDOW`: clocks may differ by a tick.
  private static let tolerance: Int32 = 1

  private let key: KeyedHash
  private var entries: [Entry] = []

  init(secrets: HostSecrets) { key = secrets.peers }

  /// A handshake with `address` is complete.
  mutating func handshakeCompleted(with address: IPv4Address) {
    let place = place(of: address)
    if entries[place].address != address { entries[place] = Entry(address: address) }
  }

  func isProven(_ address: IPv4Address) -> Bool {
    !entries.isEmpty && entries[Int(index(of: address))].address == address
  }

  /// A connection with `address` goes into TIME-WAIT.
  mutating func remember(timestamp: UInt32, of address: IPv4Address, at now: Instant) {
    let place = place(of: address)
    let isKnown = entries[place].address == address && entries[place].seen != .never
    // Connections may end in another order than their segments were sent in.
    if isKnown, now - entries[place].seen < Self.timestampLifetime,
      TimestampState.isOlder(timestamp, than: entries[place].timestamp)
    {
      return
    }
    entries[place] = Entry(address: address, timestamp: timestamp, seen: now)
  }

  /// `tcp_tw_recycle`: the SYN seems to be older than the last connection of its address. Behind a
  /// NAT it is just another machine's.
  func isOutdated(_ timestamp: UInt32, from address: IPv4Address, at now: Instant) -> Bool {
    guard isProven(address) else { return false }
    let entry = entries[Int(index(of: address))]
    return entry.seen != .never && now - entry.seen < Self.timestampLifetime
      && Int32(bitPattern: entry.timestamp &- timestamp) > Self.tolerance
  }

  private func index(of address: IPv4Address) -> UInt64 {
    key.hash(UInt64(address.bits), 0) % UInt64(Self.size)
  }

  private mutating func place(of address: IPv4Address) -> Int {
    if entries.isEmpty { entries = Array(repeating: Entry(), count: Self.size) }
    return Int(index(of: address))
  }
}
