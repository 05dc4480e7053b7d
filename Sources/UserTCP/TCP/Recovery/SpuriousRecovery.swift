// Was it a loss at all? What a recovery or a timeout changed, to be taken back when it turns out that
// nothing had been lost: by the timestamp that an ACK echoes (Eifel, RFC 3522, RFC 4015), by D-SACKs for
// everything sent again (RFC 3708), or by ACKs for what was never sent again (F-RTO, RFC 5682).

struct SpuriousRecovery: BitwiseCopyable {
  /// Something can be taken back.
  private(set) var isArmed = false
  private(set) var window: UInt32 = 0
  private(set) var threshold: UInt32 = 0
  /// Octets sent again and not reported as duplicates.
  private var unexplained: UInt32 = 0
  private var hasResent = false
  /// Our timestamp on the first retransmission.
  private var firstTimestamp: UInt32 = 0
  /// Where the recovery began: older D-SACKs are none of its.
  private(set) var marker = SequenceNumber(0)
  /// F-RTO watches (FRTO-1): a timeout whose truth is not known yet.
  var isTimeoutInDoubt = false
  /// F-RTO step 2 has sent new octets; the next ACK decides.
  var hasSentNew = false

  mutating func arm(window: Int, threshold: Int, at marker: SequenceNumber) {
    self = SpuriousRecovery()
    isArmed = true
    self.window = UInt32(clamping: window)
    self.threshold = UInt32(clamping: threshold)
    self.marker = marker
  }

  mutating func disarm() { self = SpuriousRecovery() }

  mutating func resent(_ count: Int, timestamp: UInt32) {
    unexplained &+= UInt32(count)
    if !hasResent { firstTimestamp = timestamp }
    hasResent = true
  }

  /// A D-SACK for `count` octets from `start`: true when now all that was sent again was in vain.
  mutating func duplicateReported(from start: SequenceNumber, _ count: Int) -> Bool {
    guard isArmed, hasResent, start >= marker else { return false }
    unexplained = unexplained > UInt32(count) ? unexplained - UInt32(count) : 0
    return unexplained == 0
  }

  /// The ACK echoes a timestamp from before the first retransmission: the original has arrived.
  func isProvenSpurious(byEcho echo: UInt32) -> Bool {
    isArmed && hasResent && TimestampState.isOlder(echo, than: firstTimestamp)
  }
}
