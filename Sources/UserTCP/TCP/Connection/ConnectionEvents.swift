// What a program wants to know of its connection, as bits that collect until it is told.

/// What happened to a connection since it was last told.
public struct ConnectionEvents: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// An active open has completed.
  public static let established = ConnectionEvents(rawValue: 1 << 0)
  /// There are octets to read.
  public static let readable = ConnectionEvents(rawValue: 1 << 1)
  /// A write that was cut short can go on.
  public static let writable = ConnectionEvents(rawValue: 1 << 2)
  /// The peer has sent its FIN: no more octets after those that are readable now.
  public static let endOfStream = ConnectionEvents(rawValue: 1 << 3)
  /// Urgent data is announced, or its end moved (RFC 9293 §3.8.5, MUST-32).
  public static let urgent = ConnectionEvents(rawValue: 1 << 4)
  /// Something is wrong on the path, the connection lives (MUST-47, SHLD-9): see `softError`.
  public static let softError = ConnectionEvents(rawValue: 1 << 5)
  /// It is over: refused, reset, timed out, or both ends closed. See `outcome`.
  public static let closed = ConnectionEvents(rawValue: 1 << 6)
}
