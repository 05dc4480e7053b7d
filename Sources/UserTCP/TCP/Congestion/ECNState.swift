// What a connection remembers of explicit congestion notification (RFC 3168). Three octets, in what would
// be padding, because an idle connection has no room for more. What follows from it is in
// `Connection+ECN`.

struct ECNState: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    /// Offered on our SYN; once the handshake is done, agreed on: marks are echoed, and echoes answered.
    static let isAgreed = Flags(rawValue: 1 << 0)
    /// New text goes out as ECT(0).
    static let sendsECT = Flags(rawValue: 1 << 1)
    /// A mark has arrived and no CWR since: every ACK says so (ECN-3).
    static let owesECE = Flags(rawValue: 1 << 2)
    /// The window was cut: the next new text says so (ECN-4).
    static let owesCWR = Flags(rawValue: 1 << 3)
    /// The peer, or a router for it, has set a codepoint; Linux's "ecnseen".
    static let sawCodepoint = Flags(rawValue: 1 << 4)
    /// A window of one segment was still too much: nothing new for the length of an RTO (ECN-4).
    static let isHeldBack = Flags(rawValue: 1 << 5)
  }

  var flags: Flags = []

  var isAgreed: Bool { flags.contains(.isAgreed) }
}
