// SEGMENT ARRIVES of RFC 9293 §3.10.7, in its order: SYN-SENT (§3.10.7.3) apart, all later states
// (§3.10.7.4) together. RFC 7323 puts the timestamp check first, RFC 5961 tightens the checks of RST,
// SYN and ACK. What has to be said in return is marked or queued; nothing is sent here.

extension Connection {
  typealias SkipCounter = WritableKeyPath<SkippedReplies, UInt64>

  mutating func segmentArrives(
    _ segment: TCPSegment, _ text: RawSpan, _ context: inout TCPContext
  ) {
    switch state {
    case .synSent: arrivesInSynSent(segment, text, &context)
    case .closed, .listen, .timeWait: break  // not in the index: no segment finds them here
    case .synReceived, .established, .finWait1, .finWait2, .closeWait, .closing, .lastAck:
      arrivesLater(segment, text, &context)
    }
  }

  // MARK: SYN-SENT

  private mutating func arrivesInSynSent(
    _ segment: TCPSegment, _ text: RawSpan, _ context: inout TCPContext
  ) {
    // First: the ACK. UNA < ACK <= NXT and not only "== NXT" (LC-3).
    let isAcceptable =
      segment.hasACK && segment.acknowledgment > send.unacknowledged
      && segment.acknowledgment <= send.next
    if segment.hasACK, !isAcceptable {
      if !segment.isReset { context.reset(key, answering: segment) }
      return
    }
    // Second: a reset counts only with an acceptable ACK (LC-4).
    if segment.isReset {
      if isAcceptable, !asksAgainWithoutECN(&context) { fail(.connectionRefused, &context) }
      return
    }
    // Fourth: the SYN; fifth: without one the segment is dropped.
    guard segment.isSYN else { return }
    guard echoesOurTimestamp(segment, context) else {
      context.counters.pawsRejectedInSynSent += 1
      if isAcceptable { context.reset(key, answering: segment) }
      return
    }
    learnPeer(from: segment, &context)
    if isAcceptable {
      measureRoundTrip(segment, context)
      _ = send.acknowledge(segment.acknowledgment)
      if flags.contains(.asksFastOpen) {
        fastOpenAnswered(upTo: segment.acknowledgment, &context)
        learnFastOpen(from: segment, &context)
      }
      move(on: .synAckArrives, &context)
      sendRingEased(&context)
      // The first ACK of accurate ECN goes alone (RFC 9768 §3.2.2.1).
      if ecn.isAccurate { acknowledgeAtOnce(&context) } else { acknowledgeNow() }
      // Text or a FIN on the SYN-ACK is taken like any other (LC-5).
      var rest = segment
      rest.sequence = segment.sequence + 1
      textArrives(rest, text, &context)
    } else {
      // Both ends open at once (RFC 9293 §3.5, MUST-10). Text on the SYN will come again.
      move(on: .synArrives, &context)
      flags.insert([.isSYNDue, .isOutputDue])
    }
  }

  /// A SYN-ACK that echoes a timestamp echoes one of our SYNs', or it answers another incarnation.
  private func echoesOurTimestamp(
    _ segment: TCPSegment, _ context: borrowing TCPContext
  ) -> Bool {
    guard segment.hasACK, timestamps.isEnabled, unansweredSince != .never,
      let echo = segment.options.timestamps?.echo, echo != 0
    else { return true }
    return !TimestampState.isOlder(echo, than: timestamps.value(at: unansweredSince))
      && !TimestampState.isOlder(timestamps.value(at: context.now), than: echo)
  }

  /// What a SYN says about its sender (RFC 9293 §3.7.1, RFC 7323 §2.2, §3.2).
  mutating func learnPeer(from segment: TCPSegment, _ context: inout TCPContext) {
    receive.begin(initial: segment.sequence)
    if receive.isScaled, let shift = segment.options.windowShift {
      if shift > 14 { context.counters.windowShiftsTooLarge += 1 }
      send.windowShift = min(shift, 14)  // TS-3
    } else {
      receive.refuseScaling()
    }
    // What our SYN offered and the peer's has, too; settings may have changed since.
    if timestamps.isEnabled, let option = segment.options.timestamps {
      timestamps.set(option.value, at: context.now)
    } else {
      timestamps.isEnabled = false
    }
    learnECN(from: segment)
    receive.sendsSACK = receive.sendsSACK && segment.options.permitsSACK
    context.countSegmentSize(announcedBy: segment)
    send.segmentSize = UInt16(
      context.segmentSize(
        announcedByPeer: segment.options.maximumSegmentSize, timestamps: timestamps.isEnabled))
    if let userTimeout = segment.options.userTimeout { userTimeoutArrives(userTimeout, &context) }
    send.path.agreed = send.segmentSize
    // The window of a SYN is never scaled (TS-2).
    send.updateWindow(to: UInt32(segment.window), from: segment)
    lastReceived = context.now
  }

  // MARK: SYN-RECEIVED and all later states

  private mutating func arrivesLater(
    _ segment: TCPSegment, _ text: RawSpan, _ context: inout TCPContext
  ) {
    var segment = segment
    var isSYNAnswer = false
    if state == .synReceived, segment.isSYN, segment.sequence == receive.initial {
      // The peer's SYN again: it has not seen our SYN-ACK (DEC-1). With an ACK it is the answer to a
      // simultaneous open, whose SYN has been counted already.
      guard segment.hasACK else {
        flags.insert([.isSYNDue, .isOutputDue])
        return
      }
      // On a SYN-ACK they are an answer, not an echo.
      segment.flags.subtract(TCPFlags.ecn.union(.syn))
      segment.sequence = segment.sequence + 1
      isSYNAnswer = true
    }
    guard passesTimestampCheck(segment, &context) else { return }
    // First: the sequence number.
    guard receive.accepts(segment.sequence, length: segment.length) else {
      return unacceptableArrives(segment, &context)
    }
    if let option = segment.options.timestamps, timestamps.isEnabled, !segment.isReset {
      timestamps.update(
        option.value, sequence: segment.sequence, lastAcknowledged: receive.lastAcknowledged,
        at: context.now)
      if !receive.tuning.hasSample { measureReceiving(segment, option, context) }
    }
    // Second: RST. Third, security, is not implemented by anyone. Fourth: SYN.
    if segment.isReset { return resetArrives(segment, &context) }
    if segment.isSYN { return synChallenged(&context) }
    // Fifth: ACK.
    guard segment.hasACK else {
      context.counters.segmentsWithoutACK += 1
      return
    }
    lastReceived = context.now
    keepAliveProbes = 0
    if segment.length == 0 { context.counters.pureACKs += 1 }
    if !ecn.isAgreed, !segment.flags.isDisjoint(with: .ecn) {
      context.counters.ecnNotAgreed += 1
    }
    // The window of a SYN is never scaled (TS-2).
    let shift = isSYNAnswer ? 0 : send.windowShift
    guard acknowledgmentArrives(segment, windowShift: shift, &context) else { return }
    if let userTimeout = segment.options.userTimeout { userTimeoutArrives(userTimeout, &context) }
    if ecn.isAccurate { countMark(on: segment) }
    // Sixth: URG. Seventh: text. Eighth: FIN.
    urgentArrives(segment, context)
    textArrives(segment, text, &context)
  }

  /// PAWS and its exceptions (RFC 7323 §5.3 R1, §3.2); comes before the sequence number (TS-12).
  private mutating func passesTimestampCheck(
    _ segment: TCPSegment, _ context: inout TCPContext
  ) -> Bool {
    guard timestamps.isEnabled, !segment.isReset else { return true }  // TS-9, TS-13
    guard let option = segment.options.timestamps else {
      if segment.isSYN || context.settings.acceptsMissingTimestamp { return true }
      context.counters.segmentsWithoutTimestamp += 1  // DEC-4
      return false
    }
    guard timestamps.rejects(option.value, at: context.now) else { return true }
    context.counters.pawsRejected += 1
    answerInvalid(segment, skipped: \.paws, &context)
    return false
  }

  /// The receiver's round trip: of segments that were full, since a small one may have been waited for.
  private mutating func measureReceiving(
    _ segment: TCPSegment, _ option: TCPOptions.Timestamps, _ context: borrowing TCPContext
  ) {
    guard option.echo != 0, segment.textCount > 0, segment.textCount >= Int(receive.segmentSize)
    else { return }
    let age = timestamps.value(at: context.now) &- option.echo
    receive.tuning.echoArrived(after: Int32(bitPattern: age))
  }

  private mutating func unacceptableArrives(
    _ segment: TCPSegment, _ context: inout TCPContext
  ) {
    context.counters.segmentsOutOfWindow += 1
    if segment.textCount > 0, segment.sequence < receive.next {
      context.counters.delayedACKsLost += 1  // the peer has sent again what our ACK covers
      receive.duplicateArrived(
        segment.sequence, .earliest(segment.sequence + segment.textCount, receive.next))
    }
    if segment.isReset { return }  // LC-7: "unless the RST bit is set"
    // RFC 5961 §4: whatever its sequence number.
    if segment.isSYN { return synChallenged(&context) }
    if receive.window == 0, segment.sequence == receive.next, segment.hasACK {
      // "special allowance should be made to accept valid ACKs, URGs, and RSTs" (MUST-66)
      if acknowledgmentArrives(segment, windowShift: send.windowShift, &context) {
        urgentArrives(segment, context)
      }
    }
    if outcome == nil { answerInvalid(segment, &context) }
  }

  /// RFC 5961 §3.2: only a reset exactly at RCV.NXT counts; one elsewhere in the window is asked
  /// again with a challenge ACK (SEC-2, SEC-3).
  private mutating func resetArrives(_ segment: TCPSegment, _ context: inout TCPContext) {
    guard segment.sequence == receive.next else { return challenge(&context) }
    switch state {
    case .synReceived:
      context.counters.embryonicResets += isOpenFast ? 1 : 0
      fail(isOpenFast ? .resetByPeer : .connectionRefused, &context)
    case .established, .finWait1, .finWait2, .closeWait: fail(.resetByPeer, &context)
    case .closing, .lastAck: move(on: .abort, &context)
    case .synSent, .timeWait, .closed, .listen: break
    }
  }

  /// RFC 5961 §4.2: a SYN is answered with an ACK and dropped; if the peer has restarted, its reset
  /// comes back with the number that counts (SEC-4, LC-22).
  private mutating func synChallenged(_ context: inout TCPContext) {
    context.counters.synChallenges += 1
    challenge(&context)
  }

  private mutating func challenge(_ context: inout TCPContext) {
    guard takesTurnToAnswer(skipped: \.challenges, &context), context.takesChallenge() else {
      return
    }
    context.counters.challengeACKs += 1
    acknowledgeAtOnce(&context)
  }

  /// The ACK that an unacceptable segment gets. Segments with text are answered always, since the
  /// sender waits for it (SEC-8).
  mutating func answerInvalid(
    _ segment: TCPSegment, skipped: SkipCounter = \.sequence, _ context: inout TCPContext
  ) {
    let isWaitingOrphan = state == .finWait2 && flags.contains(.isReleased)
    let skipped = isWaitingOrphan ? \.inFinWait2 : skipped
    guard segment.textCount > 0 || takesTurnToAnswer(skipped: skipped, &context) else { return }
    acknowledgeAtOnce(&context)
  }

  /// Answers to invalid segments keep a distance, so that two confused ends do not storm each other.
  private mutating func takesTurnToAnswer(
    skipped: SkipCounter, _ context: inout TCPContext
  ) -> Bool {
    let now = UInt32(truncatingIfNeeded: TimestampState.milliseconds(context.now))
    let interval = context.settings.invalidReplyInterval.nanoseconds / 1_000_000
    guard lastInvalidReply == 0 || Int64(now &- lastInvalidReply) >= interval else {
      context.counters.skippedReplies[keyPath: skipped] += 1
      return false
    }
    lastInvalidReply = max(now, 1)
    return true
  }

  // MARK: URG, text and FIN

  private mutating func urgentArrives(
    _ segment: TCPSegment, _ context: borrowing TCPContext
  ) {
    guard segment.flags.contains(.urg), state.receivesText else { return }
    let end = segment.sequence + Int(segment.urgentPointer)
    if receive.urgentArrives(end: end + (context.settings.urgentPointsToLast ? 1 : 0)) {
      events.insert(.urgent)
    }
  }

  /// Takes what is new and inside the window of an acceptable segment's text, and its FIN.
  mutating func textArrives(
    _ segment: TCPSegment, _ text: RawSpan, _ context: inout TCPContext
  ) {
    guard state.receivesText, segment.textCount > 0 || segment.isFIN else { return }
    let end = segment.sequence + segment.textCount
    if flags.contains(.refusesText), segment.textCount > 0, end > receive.next {
      // "If the user closed … and new data arrives, send a RST" (RFC 9293 §3.6.1, SHLD-3).
      context.counters.abortsOnData += 1
      resetPeer(&context)
      return fail(.aborted, &context)
    }
    acknowledgeSuperSegments(&context)
    receive.learnSegmentSize(segment)
    marksArrive(on: segment)

    // Cut both edges (LC-8). A FIN beyond the right edge is cut off too.
    let skipped = min(max(receive.next - segment.sequence, 0), segment.textCount)
    let beyond = min(max(end - receive.edge, 0), segment.textCount - skipped)
    let start = segment.sequence + skipped
    if skipped > 0 { receive.duplicateArrived(segment.sequence, start) }
    let kept = text.extracting(skipped..<(segment.textCount - beyond))
    if segment.isFIN, end < receive.edge || end == receive.next { receive.placeFIN(at: end) }

    if kept.byteCount > 0 || start > receive.next {
      place(kept, at: start, of: segment, &context)
    } else if segment.textCount > 0 {
      acknowledgeNow()  // nothing new in it: the peer has missed our ACK
    }
    if receive.reachFIN() { finArrives(&context) }
  }

  mutating func place(
    _ text: RawSpan, at sequence: SequenceNumber, of segment: TCPSegment,
    _ context: inout TCPContext
  ) {
    let isSuperSegment =
      segment.segmentSize > 0 && segment.textCount >= 2 * segment.segmentSize
    let before = receive.next
    var placement = receive.place(
      text, at: sequence, isSuperSegment: isSuperSegment, pool: &context.buffers)
    if placement == .noMemory {
      placement = placeAfterPruning(
        text, at: sequence, isSuperSegment: isSuperSegment, &context)
    }
    switch placement {
    case .inOrder:
      acknowledgeInTime(&context)
    case .filledGap:
      acknowledgeNow()  // RFC 5681 §4.2, CC-13
    case .outOfOrder:
      context.counters.outOfOrderQueued += 1
      duplicateACKs(for: segment, &context)
    case .refused:
      context.counters.outOfOrderDropped += 1
      duplicateACKs(for: segment, &context)
    case .noMemory:
      // Not acknowledged, so it comes again when the peer's patience is over (SEC-28).
      context.counters.receivePruned += 1
      context.counters.receiveQueueDrops += 1
    }
    let count = receive.next - before
    guard count > 0 else { return }
    bytesReceived &+= UInt64(count)
    if !receive.discardsText { events.insert(.readable) }
  }

  /// The stack's memory is spent: what waits behind a gap makes room for what is in order (RFC 2018 §8).
  private mutating func placeAfterPruning(
    _ text: RawSpan, at sequence: SequenceNumber, isSuperSegment: Bool,
    _ context: inout TCPContext
  ) -> ReceiveSide.Placement {
    context.counters.pruneCalls += 1
    while receive.outOfOrder.prune(pool: &context.buffers) {
      context.counters.outOfOrderPruned += 1
      let placement = receive.place(
        text, at: sequence, isSuperSegment: isSuperSegment, pool: &context.buffers)
      if placement != .noMemory { return placement }
    }
    return .noMemory
  }

  private mutating func finArrives(_ context: inout TCPContext) {
    acknowledgeNow()
    events.insert(.endOfStream)
    move(on: .finArrives, &context)
  }

  // MARK: Acknowledging

  /// The ACK goes out with this turn's `poll`, on text if there is any.
  mutating func acknowledgeNow() { flags.insert([.isACKDue, .isOutputDue]) }

  /// RFC 9293 §3.8.6.3: at once for every second full segment and while the peer is in slow start,
  /// else within the delay (SHLD-18, SHLD-19, MUST-40).
  private mutating func acknowledgeInTime(_ context: inout TCPContext) {
    if receive.owesImmediateACK || options.quickAcknowledgment { return acknowledgeNow() }
    if quickAcknowledgments > 0 {
      quickAcknowledgments -= 1
      return acknowledgeNow()
    }
    if deadlines.acknowledgment == .never {
      deadlines.acknowledgment = context.now + context.settings.delayedAcknowledgment
    }
  }

  /// OFF-7: two super-segments in one batch are acknowledged before a third is taken, or the
  /// sender, who counts ACKs, stalls. The last of a batch are left to `poll`.
  private mutating func acknowledgeSuperSegments(_ context: inout TCPContext) {
    if receive.superSegments >= 2, receive.owesImmediateACK { acknowledgeAtOnce(&context) }
  }

  /// OFF-8: without SACK each segment that arrives out of order owes a duplicate ACK of its own, and
  /// the sender's third must arrive; a super-segment stands for as many as make that sure.
  private mutating func duplicateACKs(for segment: TCPSegment, _ context: inout TCPContext) {
    var count = 1
    if segment.segmentSize > 0 {
      count = min(3, (segment.textCount + segment.segmentSize - 1) / segment.segmentSize)
    }
    for _ in 0..<max(count, 1) { acknowledgeAtOnce(&context) }
  }

  /// Queues an ACK of its own with the numbers of this moment.
  mutating func acknowledgeAtOnce(_ context: inout TCPContext) {
    let header = bareACK(at: send.next, &context)
    context.replies.append(reply(header), &context.counters)
  }

  /// The segment going out acknowledges everything received.
  mutating func acknowledgmentSent() {
    receive.acknowledgmentSent()
    ecn.acknowledgmentSent()
    deadlines.acknowledgment = .never
    flags.remove(.isACKDue)
  }

  /// Timestamps, and what has arrived out of order. Text leaves the blocks to the ACKs between: they
  /// would make its segments larger than the peer's MSS.
  mutating func optionsOfData(isText: Bool, _ context: inout TCPContext) -> TCPOptions {
    var options = TCPOptions.none
    options.timestamps = timestamps.option(at: context.now)
    if !isText { options.userTimeout = takeUserTimeout(context.settings) }
    if !isText, receive.sendsSACK {
      var limit = timestamps.isEnabled ? SACKBlocks.limit - 1 : SACKBlocks.limit
      if options.userTimeout != nil, timestamps.isEnabled { limit -= 1 }
      options.sackBlocks = receive.takeSACKBlocks(
        limit: limit, reportsDuplicates: context.settings.reportsDuplicates, &context.counters)
    }
    return options
  }

  func reply(_ header: TCPHeader) -> Reply {
    Reply(
      key: key, header: header, typeOfService: options.dscp << 2,
      timeToLive: options.timeToLive ?? 0)
  }

  /// RST at SND.NXT (RFC 9293 §3.10.5).
  mutating func resetPeer(_ context: inout TCPContext) {
    var header = bareACK(at: send.next, &context)
    header.flags = [.rst, .ack]
    context.counters.resetsOut += 1
    context.replies.appendLastWord(reply(header))
  }
}

extension TCPContext {
  /// The reset that a segment gets which belongs to no connection, or acknowledges what was never
  /// sent (RFC 9293 §3.5.2 group 1, §3.10.7.1, LC-1). Never in answer to a reset.
  mutating func reset(_ key: ConnectionKey, answering segment: TCPSegment) {
    assert(!segment.isReset, "a reset is never answered with one")
    var header =
      segment.hasACK
      ? TCPHeader(flags: .rst, sequence: segment.acknowledgment)
      : TCPHeader(
        flags: [.rst, .ack], sequence: SequenceNumber(0),
        acknowledgment: segment.sequence + segment.length)
    // There is no clock of ours here, only the echo (RFC 7323 §3.2, TS-17).
    header.options.timestamps = segment.options.timestamps.map {
      TCPOptions.Timestamps(value: 0, echo: $0.value)
    }
    counters.resetsOut += 1
    replies.append(Reply(key: key, header: header), &counters)
  }
}
