// What is known of the paths to other hosts: the largest packets that arrive there, learnt by one
// connection and of use to all (RFC 1191 §6.3, RFC 4821 §5.2, PMTU-7). Only of paths that are narrower than
// both ends know, so it is empty on most hosts. A cache without chains, as `PeerTable`: a newer path takes
// the place of an older one, and who lost its place is learnt again. What a peer announced as its MSS
// is not kept here, since that is an agreement of one connection.

/// Sizes are octets of IP packets.
struct Path: BitwiseCopyable {
  var address = IPv4Address.unspecified
  /// What full packets are.
  var mtu: UInt16 = 0
  /// No larger one arrives, as far as anybody knows. Above `mtu` while the truth in between is being
  /// searched for (RFC 4821 §7.3).
  var ceiling: UInt16 = 0
  /// When either changed last.
  var changedAt = Instant.zero
  /// Something larger has not arrived. Else it is only where a search begins, and no reason to doubt
  /// what is in flight.
  var isObserved = false

  /// RFC 4821 §7.3: what is left below this is not worth a probe. Linux's `tcp_probe_threshold`.
  private static let closeEnough = 8

  /// Nobody knows how much it takes, or nobody knows any more.
  var isOpen: Bool { ceiling == Self.unlimited }
  fileprivate static let unlimited = UInt16.max

  /// The size between what arrives and what does not, for one who may send no more than `limit`.
  func probeSize(limit: Int) -> Int? {
    let high = min(Int(ceiling), limit)
    return high - Int(mtu) < Self.closeEnough ? nil : (Int(mtu) + high + 1) / 2
  }
}

struct PathTable {
  private static let size = 2048
  /// Routes change: so long after the last change larger packets are tried (PMTU-4, RFC 1191 §6.3).
  private static let lifetime = Interval.seconds(600)

  private let key: KeyedHash
  private var paths: [Path] = []
  private var nextAgeing = Instant.never
  /// Another number after every change: whoever knows this one knows all there is.
  private(set) var generation: UInt16 = 0

  init(secrets: HostSecrets) { key = secrets.peers }

  func path(to address: IPv4Address) -> Path? {
    guard !paths.isEmpty else { return nil }
    let path = paths[place(of: address)]
    return path.address == address && path.mtu > 0 ? path : nil
  }

  /// What is larger than `mtu` has not arrived; whether it would is searched for up to `ceiling`.
  mutating func limit(
    to mtu: Int, ceiling: Int, for address: IPv4Address, at now: Instant
  ) {
    if let known = path(to: address), known.isObserved, Int(known.mtu) <= mtu { return }
    change(
      Path(
        address: address, mtu: UInt16(mtu), ceiling: UInt16(ceiling), changedAt: now,
        isObserved: true))
  }

  /// Nothing is known, and a search begins at `mtu`.
  mutating func begin(at mtu: Int, for address: IPv4Address, at now: Instant) {
    keep(
      Path(address: address, mtu: UInt16(mtu), ceiling: Path.unlimited, changedAt: now))
  }

  /// A probe of `size` has arrived.
  mutating func probeArrived(_ size: Int, at address: IPv4Address, at now: Instant) {
    guard var path = path(to: address), size > Int(path.mtu), size <= Int(path.ceiling)
    else { return }
    path.mtu = UInt16(size)
    path.changedAt = now
    change(path)
  }

  /// A probe was lost, and what is larger than `size` with it.
  mutating func probeLost(above size: Int, for address: IPv4Address, at now: Instant) {
    guard var path = path(to: address), size < Int(path.ceiling) else { return }
    path.ceiling = max(UInt16(size), path.mtu)
    path.changedAt = now
    change(path)
  }

  /// Lets go what has been believed for long enough; with probes, lets them begin again. Called every
  /// turn; looks at most once a second.
  mutating func age(at now: Instant, probing isProbing: Bool) {
    guard now >= nextAgeing else { return }
    var next = Instant.never
    var hasChanged = false
    for index in paths.indices where paths[index].mtu > 0 {
      if paths[index].changedAt + Self.lifetime <= now {
        hasChanged = true
        if isProbing {
          paths[index].ceiling = Path.unlimited
          paths[index].changedAt = now
        } else {
          paths[index] = Path()
          continue
        }
      }
      next = min(next, paths[index].changedAt + Self.lifetime)
    }
    nextAgeing = max(next, now + .seconds(1))
    if hasChanged { generation &+= 1 }
  }

  private mutating func change(_ path: Path) {
    keep(path)
    generation &+= 1
  }

  private mutating func keep(_ path: Path) {
    if paths.isEmpty { paths = Array(repeating: Path(), count: Self.size) }
    paths[place(of: path.address)] = path
    nextAgeing = min(nextAgeing, path.changedAt + Self.lifetime)
  }

  private func place(of address: IPv4Address) -> Int {
    Int(key.hash(UInt64(address.bits), 3) % UInt64(Self.size))
  }
}
