// The three control bits AE, CWR and ECE as RFC 9768 reads them: on a SYN what is asked for, on its answer and
// the first ACK the codepoint with which the other one's packet came (§3.1, §3.2.2.1), on all other
// segments a counter modulo 8, ACE (§3.2.2).

extension TCPFlags {
  /// All bits that ECN has ever given a meaning to.
  static let ecn: TCPFlags = [.ae, .cwr, .ece]

  /// The field ACE.
  init(congestionCount count: UInt8) {
    self.init(rawValue: UInt16(count & 0b111) << 6)
  }

  var congestionCount: UInt8 { UInt8(rawValue >> 6 & 0b111) }

  /// Tables 2 and 3: that a SYN or SYN-ACK came with `codepoint`.
  init(handshakeCodepoint codepoint: ECNCodepoint) {
    switch codepoint {
    case .notECT: self = .cwr
    case .ect1: self = [.cwr, .ece]
    case .ect0: self = .ae
    case .ce: self = [.ae, .cwr]
    }
  }

  /// The codepoint that the bits tell; `nil` for a combination that tells none.
  var handshakeCodepoint: ECNCodepoint? {
    switch congestionCount {
    case 0b010: .notECT
    case 0b011: .ect1
    case 0b100: .ect0
    case 0b110: .ce
    default: nil
    }
  }
}

extension TCPSegment {
  /// §3.1.3: 111, and what later versions may ask with; not 000 and the classic 011.
  var asksForAccurateECN: Bool {
    guard isSYN, !hasACK else { return false }
    let bits = flags.intersection(.ecn)
    return !bits.isEmpty && bits != [.cwr, .ece]
  }
}
