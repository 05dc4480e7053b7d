// How fast the peer receives: octets delivered between the sending of a segment and its acknowledgment, over
// that time (the estimator of draft-cheng-iccrg-delivery-rate-estimation, without its corrections for
// sending time). For `ss -i`, and for whoever will pace by it.

struct DeliveryRate: BitwiseCopyable {
  /// Octets per second; 0 before the first sample.
  private(set) var octetsPerSecond: UInt64 = 0

  mutating func sample(octets: UInt32, over time: Interval) {
    guard time > .zero, octets > 0 else { return }
    octetsPerSecond = UInt64(octets) * 1_000_000_000 / UInt64(time.nanoseconds)
  }
}
