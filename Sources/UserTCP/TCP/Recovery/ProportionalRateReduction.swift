// PRR (RFC 9937): while a loss is repaired, what is sent stands in proportion to what arrives, so that the
// window shrinks to its new size over one round trip, without a pause and without a burst.

struct ProportionalRateReduction: BitwiseCopyable {
  /// RecoverFS: in flight when recovery began.
  private var initialFlight: UInt32 = 1
  /// prr_delivered
  private var delivered: UInt32 = 0
  /// prr_out
  private var out: UInt32 = 0

  /// - Parameter flight: SND.NXT - SND.UNA, without what had been SACKed before this ACK and with what
  ///   it acknowledges (PRR-1).
  mutating func begin(flight: Int) {
    self = ProportionalRateReduction()
    initialFlight = UInt32(max(flight, 1))
  }

  mutating func sent(_ count: Int) { out &+= UInt32(count) }

  /// The congestion window after an ACK.
  /// - Parameters:
  ///   - delivered: octets it newly reports.
  ///   - isSafe: SND.UNA advances and nothing new is lost ("SafeACK").
  mutating func window(
    delivered count: Int, pipe: Int, threshold: Int, segmentSize: Int, isSafe: Bool
  ) -> Int {
    delivered &+= UInt32(count)
    var allowed: Int
    if pipe > threshold {
      let share =
        (Int(delivered) * threshold + Int(initialFlight) - 1) / Int(initialFlight)
      allowed = share - Int(out)
    } else {
      allowed = max(Int(delivered) - Int(out), count)
      if isSafe { allowed += segmentSize }
      allowed = min(allowed, threshold - pipe)
    }
    // The first retransmission goes at once, however small the share.
    if out == 0, allowed < segmentSize { allowed = segmentSize }
    // With nothing on its way no ACK would ever come: one segment always may be.
    return max(pipe + max(allowed, 0), segmentSize)
  }
}
