// Explicit congestion notification (RFC 3168, R9293-SHLD-8) in both roles: what the handshake agrees on, how a mark on
// arriving text is echoed until the peer has heard, and how the echo of one of ours is answered: like a
// loss, but once a window and with nothing to send again. The accurate form differs in what it says on the
// wire (`Connection+AccurateECN`).

extension Connection {
  // MARK: Opening

  /// The control bits of a SYN or its answer that offer ECN, or agree (§6.1.1, ECN-1).
  func offerOfECN(isAnswer: Bool, _ settings: borrowing StackSettings) -> TCPFlags {
    guard ecn.isAgreed else { return [] }
    if isAnswer {
      return ecn.isAccurate ? TCPFlags(handshakeCodepoint: ecn.codepointOfAnswer) : .ece
    }
    // Some middleboxes drop what they do not know: not a second time (§6.1.1.1, ECN-6); RFC 9768 §3.1.4.1
    // asks for one more attempt.
    let attempts = ecn.isAccurate ? 1 : 0
    if Int(synRetransmissions) > attempts, settings.fallsBackFromECN { return [] }
    return ecn.isAccurate ? .ecn : [.ece, .cwr]
  }

  /// The peer's answer, or its SYN when both open at once. A SYN-ACK agrees with ECE alone: a peer that
  /// sends both bits has only copied what it did not understand.
  mutating func learnECN(from segment: TCPSegment) {
    guard ecn.isAgreed else { return }
    if ecn.isAccurate { return learnAccurateECN(from: segment) }
    let isAgreed =
      segment.hasACK
      ? segment.flags.intersection([.ece, .cwr]) == .ece : segment.asksForECN
    if isAgreed { ecn.flags.insert(.sendsECT) } else { ecn = ECNState() }
  }

  /// ECN-6: "a host that receives a RST in response to the transmission of an ECN-setup SYN packet MAY
  /// resend a SYN with CWR and ECE cleared".
  mutating func asksAgainWithoutECN(_ context: inout TCPContext) -> Bool {
    guard ecn.isAgreed, context.settings.fallsBackFromECN, synRetransmissions == 0 else {
      return false
    }
    ecn = ECNState()
    synRetransmissions = 1
    context.counters.synRetransmissions += 1
    flags.insert([.isSYNDue, .isOutputDue])
    return true
  }

  // MARK: Receiving

  /// What the IP header and CWR say about acceptable text. CWR first: a mark on the very same segment is
  /// a new one (§6.1.3, ECN-3). Text outside the window never comes here (§6.1.5, ECN-5).
  mutating func marksArrive(on segment: TCPSegment) {
    guard ecn.isAgreed, !ecn.isAccurate, segment.textCount > 0 else { return }
    if segment.flags.contains(.cwr) {
      ecn.flags.remove(.owesECE)
      acknowledgeNow()  // a window that was just cut may be one segment: it waits for this ACK
    }
    guard segment.ecn != .notECT else { return }
    ecn.flags.insert(.sawCodepoint)
    guard segment.ecn == .ce, !ecn.flags.contains(.owesECE) else { return }
    ecn.flags.insert(.owesECE)
    acknowledgeNow()
  }

  /// Of every segment that acknowledges.
  var acknowledgmentFlags: TCPFlags {
    if ecn.isAccurate { return TCPFlags(congestionCount: ecn.received).union(.ack) }
    return ecn.flags.contains(.owesECE) ? [.ack, .ece] : .ack
  }

  /// Of one without text; the first of a client that uses accurate ECN tells how the SYN-ACK came.
  mutating func takeBareFlags() -> TCPFlags {
    guard ecn.isAccurate, let codepoint = ecn.takeHandshakeCodepoint() else {
      return acknowledgmentFlags
    }
    return TCPFlags(handshakeCodepoint: codepoint).union(.ack)
  }

  // MARK: Sending

  /// New text may be marked instead of dropped, and says when the window has been cut (ECN-2, ECN-4).
  mutating func declareECN(on segment: inout OutgoingSegment) {
    guard ecn.flags.contains(.sendsECT), segment.textCount > 0 else { return }
    segment.ecn = .ect0
    guard ecn.flags.contains(.owesCWR) else { return }
    ecn.flags.remove(.owesCWR)
    segment.header.flags.insert(.cwr)
  }

  /// "reduces its congestion window for any reason" (§6.1.2): the peer is to know.
  mutating func announceReduction() {
    if ecn.flags.contains(.sendsECT), !ecn.isAccurate { ecn.flags.insert(.owesCWR) }
  }

  // MARK: An echo

  /// Whether an acceptable ACK tells of marks on what we sent. Who sends no ECT need not believe it. To be
  /// asked once for each: the accurate form counts.
  mutating func takeEcho(from segment: TCPSegment) -> Bool {
    if ecn.isAccurate { return tellsOfMarks(segment) }
    return ecn.flags.contains(.sendsECT) && segment.flags.contains(.ece)
  }

  /// An acceptable ACK that tells of marks, before it is taken into account: the window is cut unless it has been for
  /// something in the same window. Only an ACK beyond the recovery point is about what was sent after
  /// the cut, the first of which carried CWR.
  mutating func congestionEchoArrives(
    _ acknowledgment: SequenceNumber, _ context: inout TCPContext
  ) {
    guard send.isSYNAcknowledged, send.flight > 0, acknowledgment >= send.unacknowledged else {
      return
    }
    let size = Int(send.segmentSize)
    let window = congestion.window
    let flight = flightBeforeSign
    if activity.isEmpty {
      guard
        recovery.congestionEchoed(
          acknowledgment, flight: flight, next: send.next, segmentSize: size, &congestion)
      else { return }
    } else {
      if activity.state.phase != .open {
        guard acknowledgment > activity.state.recoveryPoint else { return }
        endRecovery()
      }
      beginReduction(flight: flight, at: context.now)
    }
    context.counters.windowsCutByECN += 1
    announceReduction()
    // "the TCP sender … will then be able to send a new packet only when the retransmit timer expires"
    if window < 2 * size, acknowledgment == send.next { ecn.flags.insert(.isHeldBack) }
  }

  /// With SACK the window shrinks in proportion to what arrives, as after a loss (RFC 9937). A window below
  /// two segments has no proportions.
  private mutating func beginReduction(flight: Int, at now: Instant) {
    let size = Int(send.segmentSize)
    let target = congestion.congestionEchoed(flight: flight, segmentSize: size)
    if target < 2 * size { congestion.setWindow(target) }
    activity.state.reduction.begin(flight: send.flight - Int(activity.state.sacked))
    activity.state.reducedAt = now
    activity.state.recoveryPoint = send.next
    activity.state.undo.disarm()  // a mark is no mistake
    activity.state.phase = .reduction
  }

  /// The part of an ACK in `.reduction`; no growth, whatever it acknowledges.
  mutating func continueReduction(
    _ delivery: Delivery, advanced: Bool, _ context: borrowing TCPContext
  ) {
    if send.unacknowledged >= activity.state.recoveryPoint {
      concludeReduction()
    } else if congestion.window >= 2 * Int(send.segmentSize) {
      reduce(delivery, isSafe: advanced, context)
    }
  }

  mutating func concludeReduction() {
    guard congestion.window >= 2 * Int(send.segmentSize) else { return }
    congestion.setWindow(congestion.threshold)
  }

  mutating func countMarked(_ octets: Int, _ context: inout TCPContext) {
    let size = Int(send.segmentSize)
    context.counters.deliveredMarked += UInt64((octets + size - 1) / size)
  }

  /// Keeps new text back after an echo at a window of one segment.
  mutating func holdBackIfEchoed(_ context: inout TCPContext) {
    guard ecn.flags.contains(.isHeldBack), send.flight == 0, outcome == nil else { return }
    startRetransmissionTimer(&context)
  }

  /// Nothing new may be sent yet. Ends with the deadline, or when something else has taken it.
  mutating func isHeldBack() -> Bool {
    guard ecn.flags.contains(.isHeldBack) else { return false }
    if deadlines.retransmission != .never { return true }
    ecn.flags.remove(.isHeldBack)
    return false
  }
}
