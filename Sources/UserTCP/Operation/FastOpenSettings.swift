// What an operator decides about Fast Open (RFC 7413), as Linux's `tcp_fastopen` and `tcp_fastopen_key` have it.

/// The bits of `tcp_fastopen` (SYS-30).
public struct FastOpenMode: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Connections opened here may send text on their SYN, if their program asks for it.
  public static let client = FastOpenMode(rawValue: 0x1)
  /// Listeners that ask for it take text on a SYN.
  public static let server = FastOpenMode(rawValue: 0x2)
  /// Text goes onto a SYN without a cookie: where the server needs none, in one network.
  public static let clientWithoutCookie = FastOpenMode(rawValue: 0x4)
  /// Text on a SYN is taken without a cookie: anyone can make a program work for a forged address.
  public static let serverWithoutCookie = FastOpenMode(rawValue: 0x200)
  /// Also listeners that have not asked; each may have as many at once as its backlog.
  public static let allListeners = FastOpenMode(rawValue: 0x400)
}

/// The keys that cookies are made with. A cookie of the second is still good, and answered with a new one, so
/// that the first can be changed without shutting anybody out (RFC 7413 §4.1.2).
public struct FastOpenKeys: Hashable, Sendable, BitwiseCopyable {
  /// 128 bits as two words of SipHash's key.
  public struct Key: Hashable, Sendable, BitwiseCopyable {
    public var first: UInt64
    public var second: UInt64

    public init(_ first: UInt64, _ second: UInt64) {
      self.first = first
      self.second = second
    }

    var keyedHash: KeyedHash { .conservative(key: (first, second)) }
  }

  public var current: Key
  public var previous: Key?

  public init(current: Key, previous: Key? = nil) {
    self.current = current
    self.previous = previous
  }
}
