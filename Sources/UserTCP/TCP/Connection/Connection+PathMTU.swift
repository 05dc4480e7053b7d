// Path MTU discovery (RFC 1191): a router has dropped one of our packets because it was too big for its
// next link, and we may not let it be cut (PMTU-1). The size of segments goes down, what was too big
// goes out again at once in smaller pieces, and the congestion window stays, since nothing was congested.

extension Connection {
  /// The largest IP packet that full segments make now.
  var pathMTU: Int { Int(send.segmentSize) + pathHeaderCount }

  private var pathHeaderCount: Int { TCPContext.headerCount + (timestamps.isEnabled ? 12 : 0) }

  /// A router's next link takes packets of `maximum` octets, and the segment at `sequence`, which is in
  /// flight, was larger. False when that cannot be.
  mutating func packetTooBig(
    at sequence: SequenceNumber, maximum: Int, _ context: inout TCPContext
  ) -> Bool {
    // Never below the floor, which an attacker would choose (PMTU-6, SEC-29), and never up (PMTU-4). A
    // second message about the same flight asks for nothing new (PMTU-5).
    let size = max(maximum, context.settings.minimumPathMTU) - pathHeaderCount
    guard state.isSynchronized, size < Int(send.segmentSize) else { return false }
    switch send.path.claimed(
      size, about: sequence, flight: send.next - sequence,
      hasTimedOut: retransmissionsInRow > 0 && sequence == send.unacknowledged)
    {
    case .impossible: return false
    case .doubtful: return true
    case .plausible:
      lowerPathMTU(to: size, context)
      resendOversized(&context)
      return true
    }
  }

  /// SND.UNA has timed out: what was said about the segment there is true (SEC-26).
  mutating func believeClaimedPathMTU(_ context: inout TCPContext) {
    guard let size = send.path.takeClaim(about: send.unacknowledged),
      size < Int(send.segmentSize)
    else { return }
    lowerPathMTU(to: size, context)
    resendOversized(&context)
  }

  /// PMTU-4: tries the size both ends agreed on; if it is still too big, a router will say so again.
  mutating func raisePathMTUWhenAged(_ context: borrowing TCPContext) {
    if let size = send.path.takeAgreed(at: context.now) { send.segmentSize = size }
  }

  private mutating func lowerPathMTU(to size: Int, _ context: borrowing TCPContext) {
    send.path.lower(from: send.segmentSize, to: UInt16(size), at: context.now)
    send.segmentSize = UInt16(size)
  }

  /// PMTU-2: what is larger than a segment may be now has been dropped, or will be.
  private mutating func resendOversized(_ context: inout TCPContext) {
    flags.insert(.isOutputDue)
    if activity.isEmpty {
      recovery.beginAgain(next: send.next, &congestion)
      send.cursor = send.unacknowledged
      return
    }
    activity.assumeOversized(above: Int(send.segmentSize))
    // The first of it whatever the window says; and a timeout before it was none that an ACK could refute.
    flags.insert(.isRetransmissionDue)
    activity.state.undo.isTimeoutInDoubt = false
  }
}
