// What was sent in one piece and has had the same fate so far: a segment, a super-segment, or what SACK
// has cut out of one. It begins where the one before it ends; together they cover what is in flight.

/// 24 octets.
struct Transmission: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// The peer has it, but has not acknowledged all before it.
    static let sacked = Flags(rawValue: 1 << 0)
    /// Taken for lost: to be sent again, unless `resent`.
    static let lost = Flags(rawValue: 1 << 1)
    /// Sent again, and that copy is on its way.
    static let resent = Flags(rawValue: 1 << 2)
    /// Sent more than once: its round trip is ambiguous (Karn's rule, R9293-MUST-18).
    static let ambiguous = Flags(rawValue: 1 << 3)
    /// Lost because the path takes no packets as large: no sign of congestion.
    static let oversized = Flags(rawValue: 1 << 4)
  }

  /// One past its last octet.
  var end: SequenceNumber
  /// Octets that the peer had received when it was sent, modulo 2^32, for the delivery rate.
  var deliveredBefore: UInt32
  /// When it was sent last.
  var sentAt: Instant
  var flags: Flags = []

  var isSacked: Bool { flags.contains(.sacked) }
  /// Waits to be sent again.
  var isDue: Bool { flags.contains(.lost) && !flags.contains(.resent) }

  /// In the order of sending: later, or of the same moment and behind (RFC 8985 §6.2).
  func isSentAfter(_ other: Transmission) -> Bool {
    sentAt == other.sentAt ? end > other.end : sentAt > other.sentAt
  }
}
