// What a connection remembers of congestion notification, classic (RFC 3168) or accurate (RFC 9768). Three
// octets, in what would be padding, because an idle connection has no room for more. What follows from
// it is in `Connection+ECN` and `Connection+AccurateECN`.

struct ECNState: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    /// Offered on our SYN; once the handshake is done, agreed on, in either form.
    static let isAgreed = Flags(rawValue: 1 << 0)
    /// New text goes out as ECT(0), and what comes back about it is believed.
    static let sendsECT = Flags(rawValue: 1 << 1)
    /// A mark has arrived and no CWR since: every ACK says so (ECN-3).
    static let owesECE = Flags(rawValue: 1 << 2)
    /// The window was cut: the next new text says so (ECN-4).
    static let owesCWR = Flags(rawValue: 1 << 3)
    /// The peer, or a router for it, has set a codepoint; Linux's "ecnseen".
    static let sawCodepoint = Flags(rawValue: 1 << 4)
    /// A window of one segment was still too much: nothing new for the length of an RTO (ECN-4).
    static let isHeldBack = Flags(rawValue: 1 << 5)
    /// It is the accurate form: marks are counted, not echoed until CWR (AECN-1).
    static let isAccurate = Flags(rawValue: 1 << 6)
    /// Nothing has come since the handshake: what comes first shows whether the path leaves the counter be.
    static let awaitsFirstCount = Flags(rawValue: 1 << 7)
  }

  var flags: Flags = []
  /// r.cep in the low three bits, s.cep in the next, then the SYN-ACK's codepoint.
  private var counts: UInt8 = ECNState.initialCount << 3 | ECNState.initialCount
  /// Marks since the last ACK in the low four bits, then whether the last text was marked and whether the
  /// codepoint of the SYN-ACK is still to be told.
  private var pending: UInt8 = 0

  /// RFC 9768 §3.2.1: not zero, so that a path which clears the bits is noticed.
  static let initialCount: UInt8 = 5

  var isAgreed: Bool { flags.contains(.isAgreed) }
  var isAccurate: Bool { flags.contains(.isAccurate) }

  /// r.cep modulo 8: packets that arrived marked.
  private(set) var received: UInt8 {
    get { counts & 0b111 }
    set { counts = counts & ~0b111 | newValue & 0b111 }
  }

  /// s.cep modulo 8: packets that the peer has told of.
  private(set) var told: UInt8 {
    get { counts >> 3 & 0b111 }
    set { counts = counts & ~0b11_1000 | (newValue & 0b111) << 3 }
  }

  /// Of the SYN-ACK that agreed; told on the first ACK (§3.2.2.1, "handshake encoding").
  private(set) var codepointOfAnswer: ECNCodepoint {
    get { ECNCodepoint(typeOfService: counts >> 6) }
    set { counts = counts & 0b11_1111 | newValue.rawValue << 6 }
  }

  private(set) var marksPending: UInt8 {
    get { pending & 0b1111 }
    set { pending = pending & ~0b1111 | min(newValue, 15) }
  }

  private static let lastWasMarked: UInt8 = 1 << 4
  private static let owesHandshake: UInt8 = 1 << 5

  // MARK: What arrives

  /// A packet of `parts` segments, with text or without. True when it must be acknowledged at once:
  /// after the first of a run of marks, and after every second mark, the third without text (§3.2.2.5.1).
  mutating func arrived(_ codepoint: ECNCodepoint, parts: Int, hasText: Bool) -> Bool {
    guard codepoint == .ce else {
      if hasText { pending &= ~Self.lastWasMarked }
      return false
    }
    received = UInt8(truncatingIfNeeded: Int(received) + parts)
    marksPending = UInt8(clamping: Int(marksPending) + parts)
    let isFirst = hasText && pending & Self.lastWasMarked == 0
    if hasText { pending |= Self.lastWasMarked }
    return isFirst || marksPending >= (hasText ? 2 : 3)
  }

  /// What is pending has been told.
  mutating func acknowledgmentSent() { marksPending = 0 }

  // MARK: The counter on the wire

  /// How many more marks the peer tells of than before, modulo 8.
  mutating func marksTold(_ count: UInt8) -> UInt8 {
    let more = (count &- told) & 0b111
    told = count
    return more
  }

  /// The SYN-ACK came with `codepoint`, which the first ACK is to tell.
  mutating func answerArrived(_ codepoint: ECNCodepoint) {
    codepointOfAnswer = codepoint
    pending |= Self.owesHandshake
    if codepoint == .ce { received = Self.initialCount + 1 }
  }

  /// Once: the codepoint that the first ACK tells.
  mutating func takeHandshakeCodepoint() -> ECNCodepoint? {
    guard pending & Self.owesHandshake != 0 else { return nil }
    pending &= ~Self.owesHandshake
    return codepointOfAnswer
  }
}
