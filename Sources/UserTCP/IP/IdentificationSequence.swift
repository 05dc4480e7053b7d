// Identifications of packets that may be fragmented (RFC 6864 §4.2, IP4-11): a counter seen through a
// keyed permutation, so that none repeats within 65,536 packets and nobody can tell the next.

struct IdentificationSequence {
  private static let rounds: UInt64 = 4
  private let keyed: KeyedHash
  private var counter: UInt16 = 0

  init(key: (UInt64, UInt64)) { keyed = .fast(key: key) }

  mutating func next() -> UInt16 {
    counter &+= 1
    // A Feistel network is a permutation whatever its rounds compute.
    var left = UInt8(counter >> 8)
    var right = UInt8(truncatingIfNeeded: counter)
    for round in 0..<Self.rounds {
      let mixed = UInt8(truncatingIfNeeded: keyed.hash(UInt64(right), round))
      (left, right) = (right, left ^ mixed)
    }
    return UInt16(left) << 8 | UInt16(right)
  }
}
