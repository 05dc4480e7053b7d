// The clocks of loss recovery with SACK. One deadline serves three of them: RACK's reordering timer
// (RFC 8985 §6.2), the probe for a lost tail (§7) and the retransmission timeout (RFC 6298); the state says
// which of them it stands for.

extension Connection {
  /// Which of the three the retransmission deadline stands for: RACK's reordering timer, the tail loss
  /// probe, or the RTO.
  mutating func armRecoveryTimer(
    reorderingWait: Interval?, advanced: Bool, _ context: inout TCPContext
  ) {
    guard send.flight > 0 else { return }
    if let reorderingWait {
      activity.state.timer = .reordering
      deadlines.retransmission = context.now + reorderingWait + TimerWheel.tick
      return
    }
    if activity.hasReneged {
      // What the peer said it has it does not acknowledge: it has reneged, or is about to (SACK-6).
      activity.state.timer = .retransmission
      let wait = max(roundTrip.smoothed / 2, .milliseconds(10))
      deadlines.retransmission = min(deadlines.retransmission, context.now + wait)
      return
    }
    if activity.state.timer == .reordering || advanced {
      activity.state.timer = .retransmission
      startRetransmissionTimer(&context)
    }
    armProbeTimer(&context)
  }

  /// TLP-1: two round trips, and the peer's delay when one segment is out alone; before the RTO.
  mutating func armProbeTimer(_ context: inout TCPContext) {
    guard context.settings.usesTailLossProbe, !activity.isEmpty, activity.state.isIntact,
      activity.state.timer != .reordering, activity.state.sacked == 0,
      activity.state.probe.mayBegin, state.isSynchronized, send.window > 0
    else { return }
    var wait = roundTrip.hasSample ? roundTrip.smoothed * 2 : .seconds(1)
    if send.flight <= Int(send.segmentSize) { wait = wait + .milliseconds(200) }
    wait = max(wait, .milliseconds(2))
    // Where the RTO would come first the probe goes in its place (RFC 8985 §7.2).
    activity.state.timer = .probe
    deadlines.retransmission = min(context.now + wait, deadlines.retransmission)
  }

  /// RACK's timer: what was in doubt is lost now, unless it has arrived.
  mutating func reorderingDeadlinePassed(_ context: inout TCPContext) {
    var delivery = Delivery()
    let wait = detectLoss(&delivery, &context)
    let flight = send.flight - Int(activity.state.sacked)
    activity.state.timer = .retransmission
    respond(to: delivery, advanced: false, flight: flight, &context)
    startRetransmissionTimer(&context)
    if let wait { armRecoveryTimer(reorderingWait: wait, advanced: false, &context) }
    flags.insert(.isOutputDue)
  }

  /// TLP-2: something new if there is, else the last segment again; then the RTO stands.
  mutating func probeDeadlinePassed(_ context: inout TCPContext) {
    activity.state.timer = .retransmission
    // What SACK has shown meanwhile is RACK's to judge.
    if activity.state.sacked == 0 { flags.insert([.isTailProbeDue, .isOutputDue]) }
    startRetransmissionTimer(&context)
  }

  // MARK: Timeout

  /// The RTO with SACK: RFC 6298 (5.4) and RFC 8985 §6.3; F-RTO begins to watch (FRTO-2).
  mutating func timedOutWithSACK(_ context: inout TCPContext) {
    let isFirst = retransmissionsInRow == 0
    let mayBeSpurious =
      context.settings.usesForwardRTO && activity.state.isIntact && send.hasUnsent
    if activity.state.isIntact { armUndo() }
    // What a mark has cut in this window is not cut again (ECN-4).
    congestion.timedOut(
      flight: send.flight, segmentSize: Int(send.segmentSize),
      isFirst: isFirst && activity.state.phase != .reduction)
    let patience =
      max(activity.state.rack.roundTrip, roundTrip.smoothed) + reorderingWindow(context)
    if activity.timedOut(at: context.now, patience: patience) {
      context.counters.sackRenegings += 1
    }
    activity.state.phase = .loss
    activity.state.recoveryPoint = send.next
    activity.state.timer = .retransmission
    activity.state.probe.cancel()
    activity.state.undo.isTimeoutInDoubt = mayBeSpurious && isFirst
    activity.state.undo.hasSentNew = false
  }
}
