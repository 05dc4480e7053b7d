// Loss detection and recovery with SACK (RFC 6675, 8985, 9937, 5682): what an ACK and its blocks mean for what
// is in flight, and what follows for the window and the timer. Without SACK `FastRecovery` does the
// same work from duplicates alone.

extension Connection {
  /// Both ends understand SACK: recovery goes by what was delivered.
  var usesSACK: Bool { receive.sendsSACK }

  /// Octets on their way, as far as we know.
  var pipe: Int {
    activity.isEmpty ? send.flight : activity.state.pipe(outstanding: send.flight)
  }

  // MARK: An ACK

  /// An acceptable ACK with its blocks; SND.UNA stands at `before` no more if it advanced.
  mutating func reportArrives(
    _ segment: TCPSegment, advancedFrom before: SequenceNumber, isDuplicate: Bool,
    _ context: inout TCPContext
  ) {
    guard !activity.isEmpty else { return }
    let echo =
      timestamps.isEnabled
      ? segment.options.timestamps.map { EchoedTimestamp(value: $0.echo, clock: timestamps) } : nil
    let sackedBefore = Int(activity.state.sacked)
    let outstandingBefore = send.next - before
    var delivery = Delivery()
    delivery.echoesCongestion = isCongestionEcho(segment)
    if send.unacknowledged > before {
      activity.acknowledge(send.unacknowledged, at: context.now, echo: echo, &delivery)
    }
    let reported = segment.options.sackBlocks
    let hasDuplicate = duplicateReported(reported, acknowledgment: segment.acknowledgment, &context)
    // From the lowest up: the highest first would look like reordering.
    let blocks = reported.ascending(from: hasDuplicate ? 1 : 0)
    for index in 0..<Int(blocks.count) {
      let block = blocks[index]
      guard block.left >= send.unacknowledged, block.left < send.next, block.right <= send.next
      else {
        // A lie (SACK-7), or old news, which an old ACK may bring.
        if block.left >= send.next || block.right > send.next
          || segment.acknowledgment == send.unacknowledged
        {
          context.counters.sackBlocksDiscarded += 1
        }
        continue
      }
      // Not by its echo: a segment out of order brings back the timestamp of the last one in order.
      activity.sack(
        block, at: context.now, echo: nil, pool: &context.buffers, &delivery)
    }
    context.counters.sackBlocksDiscarded += UInt64(reported.invalid)
    if delivery.roundTrip != nil { activity.state.probe.roundTripMeasured() }

    let advanced = send.unacknowledged > before
    probeAcknowledged(
      segment.acknowledgment, reportsDuplicate: hasDuplicate,
      isDuplicate: isDuplicate && delivery.sacked == 0, &context)
    takeBackIfSpurious(echo, delivery, advanced: advanced, &context)
    let wait = detectLoss(&delivery, &context)
    respond(
      to: delivery, advanced: advanced,
      flight: outstandingBefore - sackedBefore, &context)
    armRecoveryTimer(reorderingWait: wait, advanced: advanced, &context)
    flags.insert(.isOutputDue)
  }

  /// A first block below the ACK, or inside the second, reports a duplicate (RFC 2883 §4, SACK-9).
  private mutating func duplicateReported(
    _ blocks: SACKBlocks, acknowledgment: SequenceNumber, _ context: inout TCPContext
  ) -> Bool {
    guard blocks.count > 0 else { return false }
    let block = blocks[0]
    let isOld = block.right <= acknowledgment
    let isInside =
      blocks.count > 1 && block.left >= blocks[1].left && block.right <= blocks[1].right
    guard isOld || isInside else { return false }
    context.counters.duplicatesReported += 1
    // A lie, or so old that it says nothing about what is in flight.
    guard block.right <= send.next, block.left >= send.unacknowledged - Int(send.maximumWindow)
    else { return true }
    activity.state.rack.duplicateReported(acknowledged: acknowledgment, next: send.next)
    if activity.state.undo.duplicateReported(from: block.left, block.right - block.left) {
      undoReduction(&context)
    }
    return true
  }

  private mutating func detectLoss(
    _ delivery: inout Delivery, _ context: inout TCPContext
  ) -> Interval? {
    guard context.settings.usesRACK else {
      activity.detectLossByCount(segmentSize: Int(send.segmentSize), &delivery)
      return nil
    }
    let wait = activity.detectLoss(
      at: context.now, reorderingWindow: reorderingWindow, &delivery)
    return wait
  }

  private var reorderingWindow: Interval {
    let isUrgent =
      activity.state.phase == .recovery || activity.state.sacked >= 3 * UInt32(send.segmentSize)
    return activity.state.rack.reorderingWindow(
      isUrgent: isUrgent, smoothedRoundTrip: roundTrip.smoothed)
  }

  // MARK: Phases

  private mutating func respond(
    to delivery: Delivery, advanced: Bool, flight: Int, _ context: inout TCPContext
  ) {
    if delivery.echoesCongestion { countMarked(delivery.octets, &context) }
    // A mark is answered once something beyond is acknowledged: CWR has arrived by then.
    if activity.state.phase != .open,
      send.unacknowledged - activity.state.recoveryPoint
        >= (activity.state.phase == .reduction ? 1 : 0)
    {
      endRecovery()
    }
    switch activity.state.phase {
    case .open, .reduction:
      if activity.state.lost > 0 {
        beginRecovery(flight: flight, &context)
        reduce(delivery, isSafe: false)
      } else if activity.state.phase == .reduction {
        continueReduction(delivery, advanced: advanced)
      } else if delivery.octets > 0, advanced, !delivery.echoesCongestion {
        watchSlowStart(delivery, context)
        grow(delivery.octets, &context)
      }
    case .recovery:
      if let sentAt = delivery.lostAgainSentAt {
        context.counters.lostRetransmissions += 1
        // The loss of a retransmission is a second sign of congestion (RFC 5681 §4.3, CC-12), unless the
        // window has been cut since that copy was sent.
        if sentAt >= activity.state.reducedAt { beginRecovery(flight: pipe, &context) }
      }
      reduce(delivery, isSafe: advanced && delivery.lost == 0)
    case .loss:
      if advanced, !delivery.echoesCongestion { grow(delivery.octets, &context) }
    }
  }

  /// HS-1
  private mutating func watchSlowStart(_ delivery: Delivery, _ context: borrowing TCPContext) {
    guard context.settings.usesHyStart, congestion.isInFirstSlowStart else { return }
    let isOver = activity.state.hyStart.acknowledged(
      send.unacknowledged, next: send.next, roundTrip: delivery.roundTrip)
    if isOver { congestion.leaveSlowStart() }
  }

  private mutating func grow(_ octets: Int, _ context: inout TCPContext) {
    guard flags.contains(.isWindowLimited) || activity.state.phase == .loss else { return }
    congestion.acknowledged(
      octets, segmentSize: Int(send.segmentSize),
      slowStart: congestion.isInFirstSlowStart
        ? SlowStart(segments: 8, divisor: activity.state.hyStart.divisor) : SlowStart(),
      roundTrip: roundTrip.smoothed, at: context.now)
  }

  /// What was in flight when the loss happened (CC-6). ACKs come in batches and are answered afterwards, so
  /// SND.NXT - SND.UNA may be what a batch has left of a full window; and in recovery it holds what has
  /// arrived.
  private var flightSize: Int {
    if activity.state.phase == .recovery { return min(congestion.threshold, send.flight) }
    let window = congestion.window
    return flags.contains(.isWindowLimited) ? window : min(send.flight, window)
  }

  private mutating func beginRecovery(flight: Int, _ context: inout TCPContext) {
    let size = Int(send.segmentSize)
    if activity.state.phase == .open {
      activity.state.undo.arm(
        window: congestion.window, threshold: congestion.threshold, at: send.unacknowledged)
    }
    // A mark and a loss in one window are one sign of congestion: the reduction goes on (ECN-4).
    if activity.state.phase != .reduction {
      congestion.segmentLost(flight: flightSize, segmentSize: size)
      activity.state.reduction.begin(flight: flight)
      activity.state.reducedAt = context.now
      announceReduction()
    }
    activity.state.recoveryPoint = send.next
    activity.state.phase = .recovery
    activity.state.probe.cancel()
    context.counters.sackRecoveries += 1
  }

  /// PRR; the end of a short recovery without it.
  mutating func reduce(_ delivery: Delivery, isSafe: Bool) {
    congestion.setWindow(
      activity.state.reduction.window(
        delivered: delivery.octets, pipe: pipe, threshold: congestion.threshold,
        segmentSize: Int(send.segmentSize), isSafe: isSafe))
  }

  mutating func endRecovery() {
    switch activity.state.phase {
    case .recovery:
      congestion.setWindow(congestion.threshold)  // PRR-2
      activity.state.rack.recoveryEnded()
    case .reduction: concludeReduction()
    case .open, .loss: break
    }
    activity.state.phase = .open
    activity.state.undo.isTimeoutInDoubt = false
  }

  // MARK: It was no loss

  private mutating func takeBackIfSpurious(
    _ echo: EchoedTimestamp?, _ delivery: Delivery, advanced: Bool, _ context: inout TCPContext
  ) {
    guard activity.state.phase != .open else { return }
    if advanced, let echo, activity.state.undo.isProvenSpurious(byEcho: echo.value) {
      return undoReduction(&context)
    }
    guard activity.state.phase == .loss, activity.state.undo.isTimeoutInDoubt else { return }
    if delivery.includesOriginal {
      // FRTO-1: what was never sent again arrived after all, so it was on its way. Unlike RFC 5682 §3, as
      // Linux: at the first ACK, too, and when it covers everything.
      context.counters.spuriousTimeouts += 1
      undoReduction(&context)
    } else if !advanced || delivery.octets == 0 {
      activity.state.undo.isTimeoutInDoubt = false  // a duplicate: the loss was real
    } else if activity.state.undo.hasSentNew || !(send.hasUnsent && send.windowEdge > send.next) {
      // FRTO-2: nothing new has shown it, or nothing new can be sent that would.
      activity.state.undo.isTimeoutInDoubt = false
    }
  }

  /// The windows are what they were, and nothing waits to be sent again (RFC 4015, CUB-5).
  private mutating func undoReduction(_ context: inout TCPContext) {
    guard activity.state.undo.isArmed else { return }
    context.counters.undoneRecoveries += 1
    congestion.undo(
      window: Int(activity.state.undo.window), threshold: activity.state.undo.threshold)
    activity.forgetLosses()
    activity.state.undo.disarm()
    activity.state.phase = .open
    ecn.flags.remove(.owesCWR)
    roundTrip.forgetBackoff()
    retransmissionsInRow = 0
  }

  // MARK: Timers

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
    if activity.count > 0, activity[0].isSacked {
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

  private mutating func probeAcknowledged(
    _ acknowledgment: SequenceNumber, reportsDuplicate: Bool, isDuplicate: Bool,
    _ context: inout TCPContext
  ) {
    switch activity.state.probe.acknowledged(
      acknowledgment, reportsDuplicate: reportsDuplicate, isDuplicate: isDuplicate)
    {
    case .nothing: break
    case .repairedLoss:
      // TLP-3: a loss is a loss, though nobody saw it.
      context.counters.lossProbeRecoveries += 1
      guard activity.state.phase == .open else { return }
      congestion.segmentLost(
        flight: max(send.flight, Int(send.segmentSize)), segmentSize: Int(send.segmentSize))
      congestion.setWindow(congestion.threshold)
      announceReduction()
    }
  }

  // MARK: Timeout

  /// The RTO with SACK: RFC 6298 (5.4) and RFC 8985 §6.3; F-RTO begins to watch (FRTO-2).
  mutating func timedOutWithSACK(_ context: inout TCPContext) {
    let size = Int(send.segmentSize)
    let isFirst = retransmissionsInRow == 0
    let isNew = activity.state.phase != .loss || send.unacknowledged >= activity.state.recoveryPoint
    let mayBeSpurious =
      context.settings.usesForwardRTO && activity.state.isIntact && send.hasUnsent
    if isNew, activity.state.isIntact {
      activity.state.undo.arm(
        window: congestion.window, threshold: congestion.threshold, at: send.unacknowledged)
    }
    // What a mark has cut in this window is not cut again (ECN-4).
    congestion.timedOut(
      flight: send.flight, segmentSize: size,
      isFirst: isFirst && activity.state.phase != .reduction)
    let patience =
      max(activity.state.rack.roundTrip, roundTrip.smoothed) + reorderingWindow
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

  // MARK: Sending again

  /// The next octets to be sent again: forced once by a timeout or the first sign of loss, else as far
  /// as the window allows.
  mutating func resendSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    let isForced = flags.contains(.isRetransmissionDue)
    flags.remove(.isRetransmissionDue)
    guard let index = activity.firstDue else { return nil }
    // F-RTO: until the timeout is proven nothing but its first segment is sent again.
    if activity.state.undo.isTimeoutInDoubt, !isForced { return nil }
    let size = Int(send.segmentSize)
    let room = congestion.window - pipe
    guard isForced || room >= min(size, activity.length(of: index)) else { return nil }
    let start = activity.start(of: index)
    var count = min(activity.length(of: index), isForced ? size : max(size, room / size * size))
    count = min(count, largestCount(context))
    // A copy inside the peer's window; the first may be where the window has left (TS-5).
    if retransmissionsInRow > 1 {
      count = min(count, max(send.windowEdge - start, 0))
      guard count > 0 else { return nil }
    }
    return resend(index, from: start, count: count, &context)
  }

  /// The last segment in flight again, as a probe.
  mutating func probeSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    flags.remove(.isTailProbeDue)
    guard activity.count > 0, activity.state.isIntact else { return nil }
    context.counters.lossProbes += 1
    if send.hasUnsent, let segment = textSegment(asProbe: true, &context) {
      activity.state.probe.sent(end: send.next, isRetransmission: false)
      return segment
    }
    var index = activity.count - 1
    let size = Int(send.segmentSize)
    let length = activity.length(of: index)
    if length > size {
      activity.split(index, at: activity[index].end - size, pool: &context.buffers)
      index += 1
    }
    let start = activity.start(of: index)
    let segment = resend(index, from: start, count: min(size, length), &context)
    activity.state.probe.sent(end: send.next, isRetransmission: true)
    return segment
  }

  private mutating func resend(
    _ index: Int, from start: SequenceNumber, count: Int, _ context: inout TCPContext
  ) -> OutgoingSegment {
    activity.resend(index, count: count, at: context.now, pool: &context.buffers)
    activity.state.undo.resent(count, timestamp: timestamps.value(at: context.now))
    if activity.state.phase == .recovery {
      activity.state.reduction.sent(count)
      context.counters.fastRetransmissions += 1
    } else if activity.state.phase == .loss {
      context.counters.slowStartRetransmissions += 1
    }
    retransmissions &+= 1
    context.counters.retransmissions += 1
    roundTrip.cancelMeasurement()
    // The FIN's number is no octet of the ring.
    let withFIN = send.isFINSent && start + count == send.next
    let textCount = withFIN ? count - 1 : count
    let isSuper = textCount > Int(send.segmentSize)
    startRetransmissionTimer(&context)
    if !activity.isEmpty { activity.state.timer = .retransmission }
    var segment = text(
      at: start, count: textCount, withFIN: withFIN,
      segmentSize: isSuper ? Int(send.segmentSize) : 0, &context)
    segment.isRetransmission = true
    return segment
  }
}
