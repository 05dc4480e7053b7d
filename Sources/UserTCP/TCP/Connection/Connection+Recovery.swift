// Loss detection and recovery with SACK (RFC 6675, 8985, 9937, 5682): what an ACK and its blocks mean for what
// is in flight, and what follows for the window and the timer. Without SACK `FastRecovery` does the
// same work from duplicates alone.

extension Connection {
  /// Both ends understand SACK: recovery goes by what was delivered.
  var usesSACK: Bool { receive.sendsSACK }

  /// Octets on their way, as far as we know.
  var pipe: Int {
    activity.isEmpty
      ? send.flight : activity.state.pipe(outstanding: send.textFlight)
  }

  // MARK: An ACK

  /// An acceptable ACK with its blocks; SND.UNA stands at `before` no more if it advanced.
  mutating func reportArrives(
    _ segment: TCPSegment, advancedFrom before: SequenceNumber, isDuplicate: Bool,
    echoesCongestion: Bool, _ context: inout TCPContext
  ) {
    guard !activity.isEmpty else { return }
    let echo = EchoedTimestamp(segment, clock: timestamps, at: context.now)
    let sackedBefore = Int(activity.state.sacked)
    let outstandingBefore = send.next - before
    var delivery = Delivery()
    delivery.echoesCongestion = echoesCongestion
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
      activity.sack(block, at: context.now, pool: &context.buffers, &delivery)
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
      overtakingSeen()
      undoReduction(&context)
    }
    return true
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

  mutating func detectLoss(
    _ delivery: inout Delivery, _ context: inout TCPContext
  ) -> Interval? {
    defer { judgePathProbe(&context) }
    guard context.settings.usesRACK else {
      activity.detectLossByCount(
        segmentSize: Int(send.segmentSize), threshold: context.settings.reorderingThreshold,
        &delivery)
      return nil
    }
    return activity.detectLoss(
      at: context.now, reorderingWindow: reorderingWindow(context), &delivery)
  }

  func reorderingWindow(_ context: borrowing TCPContext) -> Interval {
    let enough = context.settings.reorderingThreshold * Int(send.segmentSize)
    let isUrgent = activity.state.phase == .recovery || Int(activity.state.sacked) >= enough
    return activity.state.rack.reorderingWindow(
      isUrgent: isUrgent, smoothedRoundTrip: roundTrip.smoothed)
  }

  // MARK: Phases

  mutating func respond(
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
      if activity.hasCongestionLoss {
        beginRecovery(flight: flight, &context)
        reduce(delivery, isSafe: false, context)
      } else if activity.state.phase == .reduction {
        continueReduction(delivery, advanced: advanced, context)
      } else if delivery.octets > 0, advanced, !delivery.echoesCongestion {
        watchSlowStart(delivery, context)
        grow(delivery.octets, context)
        validateWindow(context)
      }
    case .recovery:
      if let sentAt = delivery.lostAgainSentAt {
        context.counters.lostRetransmissions += 1
        // The loss of a retransmission is a second sign of congestion (RFC 5681 §4.3, CC-12), unless the
        // window has been cut since that copy was sent.
        if sentAt >= activity.state.reducedAt { beginRecovery(flight: pipe, &context) }
      }
      if advanced, activity.state.rescue == .tooEarly { activity.state.rescue = .possible }
      reduce(delivery, isSafe: advanced && delivery.lost == 0, context)
    case .loss:
      if advanced, !delivery.echoesCongestion { grow(delivery.octets, context) }
    }
  }

  /// HS-1
  private mutating func watchSlowStart(_ delivery: Delivery, _ context: borrowing TCPContext) {
    guard context.settings.usesHyStart, congestion.isInFirstSlowStart else { return }
    let isOver = activity.state.hyStart.acknowledged(
      send.unacknowledged, next: send.next, roundTrip: delivery.roundTrip)
    if isOver { congestion.leaveSlowStart() }
  }

  /// HS-2: what is paced makes no burst, however much one ACK opens the window.
  private func slowStart(_ context: borrowing TCPContext) -> SlowStart {
    guard congestion.isInFirstSlowStart else { return SlowStart() }
    return SlowStart(
      segments: pacingRate(context) == nil ? 8 : SlowStart.unlimited,
      divisor: activity.state.hyStart.divisor)
  }

  private mutating func grow(_ octets: Int, _ context: borrowing TCPContext) {
    guard flags.contains(.isWindowLimited) || activity.state.phase == .loss else { return }
    congestion.acknowledged(
      octets, segmentSize: Int(send.segmentSize), slowStart: slowStart(context),
      roundTrip: roundTrip.smoothed, at: context.now)
  }

  /// What was in flight when the loss happened (CC-6). ACKs come in batches and are answered afterwards, so
  /// SND.NXT - SND.UNA may be what a batch has left of a full window; and in recovery it holds what has
  /// arrived.
  private var flightSize: Int {
    if activity.state.phase == .recovery { return min(congestion.threshold, send.flight) }
    return flightBeforeSign
  }

  /// Outside recovery: what was in flight when the first sign of congestion came.
  var flightBeforeSign: Int {
    let window = congestion.window
    return flags.contains(.isWindowLimited) ? window : min(send.flight, window)
  }

  /// What a reduction will change, as it was before the first of them.
  mutating func armUndo() {
    activity.state.undo.arm(
      window: congestion.window, threshold: congestion.threshold, at: send.unacknowledged)
  }

  private mutating func beginRecovery(flight: Int, _ context: inout TCPContext) {
    if activity.state.phase == .open { armUndo() }
    // A mark and a loss in one window are one sign of congestion: the reduction goes on (ECN-4).
    if activity.state.phase != .reduction {
      let lost =
        context.settings.keepsUnusedWindow
        ? activity.state.validation.segmentLost(flight: flightSize) : flightSize
      congestion.segmentLost(flight: lost, segmentSize: Int(send.segmentSize))
      activity.state.reduction.begin(flight: flight)
      activity.state.reducedAt = context.now
      announceReduction()
    }
    activity.state.recoveryPoint = send.next
    activity.state.phase = .recovery
    if !context.settings.usesProportionalReduction { flags.insert(.isRetransmissionDue) }
    activity.state.rescue = .tooEarly
    activity.state.probe.cancel()
    context.counters.sackRecoveries += 1
  }

  /// PRR-1; without PRR the window has its new size at once, and the first loss is sent again whatever is
  /// still on its way (RFC 6675 §5 (4.3)).
  mutating func reduce(
    _ delivery: Delivery, isSafe: Bool, _ context: borrowing TCPContext
  ) {
    guard context.settings.usesProportionalReduction else {
      return congestion.setWindow(congestion.threshold)
    }
    congestion.setWindow(
      activity.state.reduction.window(
        delivered: delivery.octets, pipe: pipe, threshold: congestion.threshold,
        segmentSize: Int(send.segmentSize), isSafe: isSafe))
  }

  mutating func endRecovery() {
    switch activity.state.phase {
    case .recovery:
      let threshold = congestion.threshold  // PRR-2
      let kept = activity.state.validation.windowAfterRecovery(threshold)
      congestion.setWindow(kept.map { max($0, Int(send.segmentSize)) } ?? threshold)
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
      overtakingSeen()
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
    } else if activity.state.undo.hasSentNew || !canSendNew {
      // FRTO-2: nothing new has shown it, or nothing new can be sent that would.
      activity.state.undo.isTimeoutInDoubt = false
    }
  }

  /// What fast recovery took for lost had only been overtaken: the path reorders, though RACK has not seen
  /// it because every late segment was sent again before it arrived. As Linux has it.
  private mutating func overtakingSeen() {
    if activity.state.phase == .recovery { activity.state.rack.noteReordering() }
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
}
