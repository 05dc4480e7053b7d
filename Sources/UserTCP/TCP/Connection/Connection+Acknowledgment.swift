// The ACK field of an acceptable segment: RFC 9293 §3.10.7.4, fifth, with the range check of RFC 5961
// §5; what it frees, what it says about the path, and what it means for our FIN.

extension Connection {
  /// False when the segment is to be dropped without looking at its text.
  mutating func acknowledgmentArrives(
    _ segment: TCPSegment, windowShift: UInt8, _ context: inout TCPContext
  ) -> Bool {
    let acknowledgment = segment.acknowledgment
    if state == .synReceived {
      guard acknowledgment > send.unacknowledged, acknowledgment <= send.next else {
        context.reset(key, answering: segment)  // LC-10
        return false
      }
    } else if acknowledgment > send.next || acknowledgment < oldestAcceptable {
      // Of what was never sent (LC-11), or too old to be anything but a guess (SEC-6).
      context.counters.acknowledgmentsOfNothing += 1
      answerInvalid(segment, &context)
      return false
    }
    let isEcho = ecn.isAgreed && takeEcho(from: segment)
    if isEcho { congestionEchoArrives(acknowledgment, &context) }
    let oldWindow = send.window
    let before = send.unacknowledged
    var isRepeated = false
    let window = UInt32(segment.window) << UInt32(windowShift)
    if acknowledgment > send.unacknowledged {
      advance(to: acknowledgment, segment, echoesCongestion: isEcho, &context)
      updateWindow(window, from: segment)
    } else if acknowledgment == send.unacknowledged {
      // A probe answered: the peer lives, however long its window stays shut (MUST-37).
      if send.window == 0 || window == 0 { probeAnswered() }
      updateWindow(window, from: segment)
      isRepeated = isDuplicate(segment, oldWindow: oldWindow, window: window)
      if isRepeated, !usesSACK, send.flight > 0 { duplicateArrives(&context) }
    }
    if usesSACK {
      reportArrives(
        segment, advancedFrom: before, isDuplicate: isRepeated, echoesCongestion: isEcho, &context)
      if send.flight == 0, !activity.isEmpty { nothingInFlight(&context) }
    }
    holdBackIfEchoed(&context)
    ownFINAcknowledged(&context)
    return outcome == nil
  }

  /// RFC 5961 §5.2: SND.UNA - MAX.SND.WND; and while the connection is young not before it began, or data
  /// could be injected by guessing an ACK for octets that never were (SEC-32).
  private var oldestAcceptable: SequenceNumber {
    let oldest = send.unacknowledged - Int(send.maximumWindow)
    return bytesSent < 1 << 30 ? .latest(oldest, send.initial) : oldest
  }

  /// The peer lives behind its shut window, and the path with it (MUST-37).
  private mutating func probeAnswered() {
    unansweredSince = .never
    guard send.flight == 0 else { return }
    retransmissionsInRow = 0
    flags.remove(.reportedDoubt)
  }

  // MARK: Advance

  private mutating func advance(
    to acknowledgment: SequenceNumber, _ segment: TCPSegment, echoesCongestion: Bool,
    _ context: inout TCPContext
  ) {
    let wasSYN = !send.isSYNAcknowledged
    measureRoundTrip(segment, context)
    let count = acknowledgment - send.unacknowledged
    _ = send.acknowledge(acknowledgment)
    send.path.acknowledged(acknowledgment)
    if wasSYN {
      // Both opened at once, and our SYN had text; the peer's SYN-ACK was read as an ACK.
      if flags.contains(.asksFastOpen) { fastOpenAnswered(upTo: acknowledgment, &context) }
      move(on: .synAcknowledged, &context)
    }
    retransmissionsInRow = 0
    flags.remove([.isRetransmissionDue, .reportedDoubt])
    if !wasSYN, !usesSACK {
      if echoesCongestion { countMarked(count, &context) }
      let action = recovery.acknowledged(
        acknowledgment, count: count, next: send.next, segmentSize: Int(send.segmentSize),
        isWindowLimited: flags.contains(.isWindowLimited), canSendNew: canSendNew,
        echoesCongestion: echoesCongestion, roundTrip: roundTrip.smoothed, at: context.now,
        &congestion)
      switch action {
      case .none: break
      case .retransmit:
        context.counters.fastRetransmissions += 1
        flags.insert(.isRetransmissionDue)
      case .sendNew: send.cursor = send.next
      case .spurious:
        context.counters.spuriousTimeouts += 1
        context.counters.undoneRecoveries += 1
        roundTrip.forgetBackoff()
      }
    }
    flags.insert(.isOutputDue)
    restartRetransmissionTimer(&context)
    sendRingEased(&context)
  }

  /// The peer has taken something.
  mutating func sendRingEased(_ context: inout TCPContext) {
    if send.isStarved { growSendBuffer(context) }
    if send.isWriterWaiting { wakeWriter(context) }
    if send.ring.isEmpty { send.ring.release(to: &context.buffers) }
  }

  /// New text waits, and the peer's window takes it.
  var canSendNew: Bool { send.hasUnsent && send.windowEdge > send.next }

  /// SND.UNA advances.
  mutating func measureRoundTrip(_ segment: TCPSegment, _ context: borrowing TCPContext) {
    let echoAge = segment.options.timestamps.flatMap {
      timestamps.age(of: $0.echo, at: context.now)
    }
    roundTrip.acknowledged(
      segment.acknowledgment, next: send.next, echoAge: echoAge, at: context.now,
      context.settings)
  }

  /// RFC 6298 (5.2), (5.3): stop when all is acknowledged, else begin anew.
  private mutating func restartRetransmissionTimer(_ context: inout TCPContext) {
    guard state.isSynchronized else { return }
    if send.flight == 0 {
      deadlines.retransmission = .never
      unansweredSince = .never
    } else {
      unansweredSince = context.now
      startRetransmissionTimer(&context)
    }
  }

  private mutating func updateWindow(_ window: UInt32, from segment: TCPSegment) {
    guard send.acceptsWindow(from: segment) else { return }
    let grows = segment.acknowledgment + Int(window) > send.windowEdge
    if send.window == 0, window > 0 {
      // Probing is over; what it backed off says nothing about the path.
      roundTrip.forgetBackoff()
      flags.remove(.isProbeDue)
      // What was in flight when the window shut has most likely been thrown away: begin with it.
      deadlines.retransmission = .never
      assumeAllLost()
      if send.flight == 0 { unansweredSince = .never }
    }
    send.updateWindow(to: window, from: segment)
    if grows { flags.insert(.isOutputDue) }
  }

  /// The block goes, unless something in it may still be asked for.
  private mutating func nothingInFlight(_ context: inout TCPContext) {
    let time = keepingTime(context)
    guard time > .zero else { return releaseActivity(&context) }
    activity.state.validation.fellIdle(at: context.now)
    deadlines.activity = context.now + time
  }

  private mutating func assumeAllLost() {
    guard activity.isEmpty else { return activity.assumeAllLost() }
    send.cursor = send.unacknowledged
    recovery.endDoubt()
  }

  // MARK: Duplicates

  /// RFC 5681 §2: no text, no SYN or FIN, the same number and the same window. Whether something is in
  /// flight (CC-8) is for the caller: the probe for a lost tail wants to know without (TLP-3).
  private func isDuplicate(_ segment: TCPSegment, oldWindow: UInt32, window: UInt32) -> Bool {
    segment.length == 0 && window == oldWindow && window > 0
  }

  private mutating func duplicateArrives(_ context: inout TCPContext) {
    let action = recovery.duplicateArrives(
      unacknowledged: send.unacknowledged, next: send.next, segmentSize: Int(send.segmentSize),
      threshold: context.settings.reorderingThreshold, &congestion)
    switch action {
    case .none: break
    case .retransmit:
      context.counters.fastRetransmissions += 1
      context.counters.fastRecoveries += 1
      announceReduction()
      flags.insert(.isRetransmissionDue)
    case .goBack: send.cursor = send.unacknowledged
    }
    flags.insert(.isOutputDue)
  }

  // MARK: Our FIN

  private mutating func ownFINAcknowledged(_ context: inout TCPContext) {
    guard send.isFINSent, send.unacknowledged == send.next else { return }
    move(on: .finAcknowledged, &context)
  }
}
