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
    switch send.path.isClaimed(size, about: sequence) {
    case .impossible: return false
    case .doubtful: return true
    case .plausible:
      lowerPathMTU(to: size, context)
      resendTooBig(&context)
      return true
    }
  }

  /// The segment that a doubtful message was about has timed out: the message was true (SEC-26).
  mutating func believeClaimedPathMTU(_ context: borrowing TCPContext) {
    if let size = send.path.takeClaim() { lowerPathMTU(to: size, context) }
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
  private mutating func resendTooBig(_ context: inout TCPContext) {
    flags.insert(.isOutputDue)
    if activity.isEmpty {
      recovery.beginAgain(next: send.next, &congestion)
      send.cursor = send.unacknowledged
      return
    }
    activity.assumeLost(longerThan: Int(send.segmentSize))
    flags.insert(.isRetransmissionDue)
    guard activity.state.phase == .open else { return }
    // As after a timeout, but for the window: until all of it is acknowledged nothing counts as a sign
    // of congestion.
    activity.state.phase = .loss
    activity.state.recoveryPoint = send.next
    activity.state.undo.disarm()
    activity.state.undo.isTimeoutInDoubt = false
    activity.state.probe.cancel()
    activity.state.timer = .retransmission
    startRetransmissionTimer(&context)
  }
}
