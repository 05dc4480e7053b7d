// Path MTU discovery (RFC 1191): a router has dropped one of our packets because it was too big for its
// next link, and we may not let it be cut (PMTU-1). The size of segments goes down, what was too big
// goes out again at once in smaller pieces, and the congestion window stays, since nothing was congested.
// What is learnt stands in the `PathTable`, from which every connection to the same host takes it.

extension Connection {
  /// Octets of a full packet that are not text.
  var pathHeaderCount: Int { TCPContext.headerCount + (timestamps.isEnabled ? 12 : 0) }

  /// The largest packet that arrives at the peer's host, as far as is known.
  func pathMTU(_ context: borrowing TCPContext) -> Int {
    context.paths.path(to: key.remoteAddress).map { Int($0.mtu) } ?? context.settings.mtu
  }

  // MARK: A router's word

  /// A router's next link takes packets of `maximum` octets, and the segment at `sequence`, which is in
  /// flight, was larger. False when that cannot be.
  mutating func packetTooBig(
    at sequence: SequenceNumber, maximum: Int, _ context: inout TCPContext
  ) -> Bool {
    guard state.isSynchronized else { return false }
    // Never below the floor, which an attacker would choose (PMTU-6, SEC-29), and never up (PMTU-4). A
    // second message about the same flight asks for nothing new (PMTU-5).
    let size = max(maximum, context.settings.minimumPathMTU) - pathHeaderCount
    if size >= Int(send.segmentSize) { return pathProbeTooBig(at: sequence, size: size, &context) }
    switch send.path.claimed(
      size, about: sequence, flight: send.next - sequence,
      hasTimedOut: retransmissionsInRow > 0 && sequence == send.unacknowledged)
    {
    case .impossible: return false
    case .doubtful: break
    case .plausible: lowerPathMTU(to: size, &context)
    }
    return true
  }

  /// SND.UNA has timed out: what was said about the segment there is true (SEC-26).
  mutating func believeClaimedPathMTU(_ context: inout TCPContext) {
    guard let size = send.path.takeClaim(about: send.unacknowledged),
      size < Int(send.segmentSize)
    else { return }
    lowerPathMTU(to: size, &context)
  }

  private mutating func lowerPathMTU(to size: Int, _ context: inout TCPContext) {
    let mtu = size + pathHeaderCount
    context.paths.limit(to: mtu, ceiling: mtu, for: key.remoteAddress, at: context.now)
    followPath(&context)
  }

  // MARK: What the table says

  /// Takes the segment size from what is known of the path now: lower, or up again when that has aged
  /// (PMTU-4, PMTU-7).
  mutating func followPath(_ context: inout TCPContext) {
    send.path.generation = context.paths.generation
    let agreed = Int(send.path.agreed)
    var path = context.paths.path(to: key.remoteAddress)
    // Who cannot probe tries what was agreed, as RFC 1191 §6.3 has it.
    if let open = path, open.isOpen, !usesSACK { path = nil }
    var size = path.map { min(max(Int($0.mtu) - pathHeaderCount, 1), agreed) } ?? agreed
    if let path, !path.isObserved, bytesSent > 0 { size = max(size, Int(send.segmentSize)) }
    let isSearched = path?.probeSize(limit: agreed + pathHeaderCount) != nil
    if isSearched { flags.insert(.isPathSearched) } else { flags.remove(.isPathSearched) }
    let isNarrower = size < Int(send.segmentSize)
    send.segmentSize = UInt16(size)
    guard isNarrower else { return }
    send.path.lowered(to: size, flight: send.flight, next: send.next)
    if state.isSynchronized, send.flight > 0 { resendOversized() }
  }

  /// PMTU-2: what is larger than a segment may be now has been dropped, or will be.
  private mutating func resendOversized() {
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
