// The probe for a lost tail (RFC 8985 §7): after two round trips without an ACK one segment is sent, new or
// the last one again, so that its ACK shows what is missing long before the retransmission timeout.

struct TailLossProbe: BitwiseCopyable {
  /// TLP.end_seq: SND.NXT when a probe was sent; meaningful while `isOut`.
  private(set) var end = SequenceNumber(0)
  private(set) var isOut = false
  /// It was a retransmission, which hides the loss it repairs (TLP-3).
  private(set) var isRetransmission = false
  /// No round trip has been measured since the last probe: the next timeout is the real one (TLP-2).
  private var isSpent = false

  var mayBegin: Bool { !isOut && !isSpent }

  mutating func sent(end: SequenceNumber, isRetransmission: Bool) {
    self.end = end
    isOut = true
    isSpent = true
    self.isRetransmission = isRetransmission
  }

  mutating func roundTripMeasured() { isSpent = false }
  mutating func cancel() { isOut = false }

  enum Verdict: BitwiseCopyable {
    case nothing
    /// The probe repaired a loss that no SACK has shown.
    case repairedLoss
  }

  /// An ACK at `acknowledgment`. `isDuplicate`: it acknowledges nothing new and reports no SACK.
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, reportsDuplicate: Bool, isDuplicate: Bool
  ) -> Verdict {
    guard isOut, acknowledgment >= end else { return .nothing }
    if !isRetransmission || reportsDuplicate {
      isOut = false
      return .nothing
    }
    if acknowledgment > end {
      isOut = false
      return .repairedLoss
    }
    // At `end` itself one of the two copies has arrived; a duplicate says that both have.
    if isDuplicate { isOut = false }
    return .nothing
  }
}
