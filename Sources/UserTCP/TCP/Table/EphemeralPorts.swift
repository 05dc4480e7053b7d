// The local port of an active open, not to be guessed from earlier ones (RFC 6056). Algorithm 5's
// random steps from a start that algorithm 3's keyed hash gives each destination: ports of one
// destination neither repeat soon nor follow each other by a constant.

struct EphemeralPorts {
  private static let largestStep: UInt64 = 500  // RFC 6056 §3.3.5 suggests N = 500
  private var random: SeededRandom
  private var position: UInt64 = 0

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    position = random.next() >> 32
  }

  /// The first port of `range` for which `isFree` holds, tried in an order that only the holder of
  /// the secret can tell; every port of the range is tried once.
  mutating func choose(
    from range: ClosedRange<UInt16>, destinationHash: UInt64, isFree: (Port) -> Bool
  ) -> Port? {
    position &+= random.next() % Self.largestStep + 1
    let size = UInt64(range.count)
    let start = (destinationHash &+ position) % size
    for step in 0..<size {
      let port = Port(range.lowerBound + UInt16((start + step) % size))
      if isFree(port) { return port }
    }
    return nil
  }
}
