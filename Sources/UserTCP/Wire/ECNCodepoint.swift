// The two bits of an IP header that routers write to instead of dropping (RFC 3168 §5): the lower bits
// of what was the type of service. The upper six are the codepoint of RFC 2474, nobody's business here.

enum ECNCodepoint: UInt8, BitwiseCopyable {
  /// Its transport would not notice a mark: a router that is congested drops it.
  case notECT = 0
  /// As ECT(0), unless the network has made it mean something else (RFC 8311).
  case ect1 = 1
  /// May be marked instead of dropped.
  case ect0 = 2
  /// Congestion experienced: a router would have dropped it.
  case ce = 3

  init(typeOfService: UInt8) {
    switch typeOfService & 0b11 {
    case 0: self = .notECT
    case 1: self = .ect1
    case 2: self = .ect0
    default: self = .ce
    }
  }
}
