// The only place where a connection decides to send. `poll` asks again and again until the answer is
// nil or the batch is full; each answer is one segment, or one super-segment that the device cuts.
// The order: SYN, retransmission, text (with the FIN and any ACK on it), a bare FIN, a probe, an ACK.

/// One segment to write: its header, and which octets of the send ring follow it.
struct OutgoingSegment: BitwiseCopyable {
  var header: TCPHeader
  /// Distance of the text from the head of the ring.
  var textOffset = 0
  var textCount = 0
  /// Text of each segment to be cut, 0 for a plain segment.
  var segmentSize = 0
  var isRetransmission = false
  /// For the IP header.
  var ecn = ECNCodepoint.notECT

  /// Segments that arrive: what a super-segment is cut into.
  var segmentCount: Int {
    OffloadInfo.segmentCount(text: textCount, segmentSize: segmentSize)
  }
}

extension Connection {
  /// What goes out next, or `nil`; then nothing is due until something arrives or a deadline passes.
  mutating func nextSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    guard flags.contains(.isOutputDue) else { return nil }
    if let segment = dueSegment(&context) { return segment }
    flags.remove(.isOutputDue)
    return nil
  }

  private mutating func dueSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    if flags.contains(.isSYNDue) { return synSegment(&context) }
    guard state.isSynchronized || isOpenFast, outcome == nil else { return nil }
    if send.path.generation != context.paths.generation { followPath(&context) }
    if activity.isEmpty {
      if flags.contains(.isRetransmissionDue), let segment = retransmission(&context) {
        return segment
      }
    } else if let segment = resendSegment(&context) {
      return segment
    }
    if flags.contains(.isTailProbeDue), let segment = probeSegment(&context) { return segment }
    if let segment = textSegment(&context) { return segment }
    if let segment = rescueSegment(&context) { return segment }
    if flags.contains(.isProbeDue) { return windowProbe(&context) }
    if flags.contains(.isKeepAliveDue) { return keepAliveProbe(&context) }
    return flags.isDisjoint(with: [.isACKDue, .owesUserTimeout]) ? nil : acknowledgment(&context)
  }

  // MARK: SYN

  private mutating func synSegment(_ context: inout TCPContext) -> OutgoingSegment {
    flags.remove(.isSYNDue)
    let isAnswer = state == .synReceived
    var options = TCPOptions.none
    options.maximumSegmentSize = context.announcedSegmentSize  // SHLD-5
    // A SYN offers; the answer to one repeats only what was offered (TS-1, TS-6).
    if timestamps.isEnabled {
      options.timestamps = TCPOptions.Timestamps(
        value: timestamps.value(at: context.now), echo: isAnswer ? timestamps.recent : 0)
    }
    options.permitsSACK = receive.sendsSACK
    if receive.isScaled { options.windowShift = receive.windowShift }
    options.userTimeout = UserTimeoutOption(of: self.options, context.settings)
    let isFirst = send.next == send.initial
    let textCount = isFirst && !isAnswer ? openFast(&options, &context) : 0
    // A SYN-ACK that is repeated is plain, too (RFC 7413 §4.2.2).
    if isAnswer, isFirst, flags.contains(.owesCookie) {
      options.fastOpen = .cookie(context.fastOpenCookie(for: key))
    }
    let control: TCPFlags = isAnswer ? [.syn, .ack] : .syn
    let header = TCPHeader(
      flags: control.union(offerOfECN(isAnswer: isAnswer, context.settings)),
      sequence: send.initial,
      acknowledgment: isAnswer ? receive.next : SequenceNumber(0),
      window: isOpenFast ? receive.unscaledWindow : receive.unscaledWindowField, options: options)
    if isFirst {
      send.next = send.initial + (1 + textCount)
      send.cursor = send.next
      bytesSent &+= UInt64(textCount)
      roundTrip.segmentSent(end: send.initial + 1, at: context.now)
    } else if synRetransmissions > 0 {
      roundTrip.cancelMeasurement()
    }
    if isAnswer { acknowledgmentSent() }
    startRetransmissionTimer(&context)
    lastSent = context.now
    var segment = OutgoingSegment(header: header, textCount: textCount)
    segment.isRetransmission = synRetransmissions > 0
    return segment
  }

  // MARK: Text

  /// One segment at SND.UNA again: fast retransmit, the next hole, or the first answer to a timeout.
  private mutating func retransmission(_ context: inout TCPContext) -> OutgoingSegment? {
    flags.remove(.isRetransmissionDue)
    guard send.flight > 0 else { return nil }
    var count = min(Int(send.segmentSize), send.ring.count, send.flight)
    // The first copy may be sent again whatever became of the window since (TS-5); later ones stay
    // inside it (R9293-SHLD-16, MAY-7).
    if retransmissionsInRow > 1 { count = min(count, Int(send.window)) }
    let reachesFIN = send.isFINSent && count == send.ring.count
    guard count > 0 || reachesFIN else { return nil }
    let end = send.unacknowledged + (count + (reachesFIN ? 1 : 0))
    if send.cursor < end { send.cursor = end }
    roundTrip.cancelMeasurement()
    if deadlines.retransmission == .never { startRetransmissionTimer(&context) }
    var segment = text(
      at: send.unacknowledged, count: count, withFIN: reachesFIN, segmentSize: 0, &context)
    segment.isRetransmission = true
    return segment
  }

  /// From `cursor` on, as much as both windows, Nagle and silly-window avoidance allow; as a probe one
  /// segment, whatever the congestion window says.
  mutating func textSegment(
    asProbe isProbe: Bool = false, _ context: inout TCPContext
  ) -> OutgoingSegment? {
    let dataEnd = send.dataEnd
    let unsent = max(dataEnd - send.cursor, 0)
    let owesFIN = state.owesFIN && send.cursor <= dataEnd
    guard unsent > 0 || owesFIN, !isHeldBack() else { return nil }
    restartAfterIdle(context)
    let byWindow = send.windowEdge - send.cursor
    let sent = activity.isEmpty ? send.cursor - send.dataStart : pipe
    var byCongestion = congestion.window - sent
    if activity.isEmpty {
      byCongestion += recovery.limitedTransmit(segmentSize: Int(send.segmentSize))
    }
    if isProbe { byCongestion = Int(send.segmentSize) }
    let isAgain = send.cursor < send.next
    // F-RTO: after a timeout in doubt only its first segment is sent again (RFC 5682 §2.1).
    if isAgain, activity.isEmpty, recovery.doubt != .none { return nil }
    guard let paced = isProbe || isAgain ? unsent : pacedRoom(unsent: unsent, context) else {
      return nil
    }
    var pathProbe: Int?
    if !isProbe, !isAgain {
      pathProbe = pathProbeCount(
        unsent: unsent, byWindow: byWindow, byCongestion: byCongestion, context)
    }
    let count =
      pathProbe
      ?? sendableCount(
        unsent: unsent, byWindow: byWindow, byCongestion: min(byCongestion, paced),
        isAgain: isAgain, context)
    let endsData = count == unsent
    // The FIN takes a number of its own inside the peer's window; one that has never been sent waits
    // until what was sent before is sent again.
    let withFIN = owesFIN && endsData && byWindow > count && (!isAgain || send.isFINSent)
    guard count > 0 || withFIN else {
      if byWindow > byCongestion, byCongestion < unsent {
        flags.insert([.isWindowLimited, .reachedWindow])
      }
      armPersistTimer(&context)
      return nil
    }
    // Idle since the last ACK, not since the last text: an ACK of the whole flight ends no idleness.
    if send.flight == 0 { congestion.wasIdle(for: context.now - max(lastSent, lastReceived)) }
    flags.remove(.mayBeSmall)
    let start = send.cursor
    let end = start + (count + (withFIN ? 1 : 0))
    send.cursor = end
    if isAgain {
      context.counters.slowStartRetransmissions += 1
      roundTrip.cancelMeasurement()
    } else {
      notePace(fillsWindow: byCongestion <= count + Int(send.segmentSize))
      bytesSent &+= UInt64(count)
      send.path.sent(min(count, pathProbe ?? Int(send.segmentSize)), from: start)
      if usesSACK { remember(upTo: end, &context) }
      if let pathProbe { activity.state.pathProbe = PathProbe(start: start, count: pathProbe) }
      roundTrip.segmentSent(end: end, at: context.now)
      send.next = end
      send.isFINSent = withFIN || send.isFINSent
      if unansweredSince == .never { unansweredSince = context.now }
      if send.isWriterWaiting { wakeWriter(context) }  // less is unsent (TCP_NOTSENT_LOWAT)
    }
    if deadlines.retransmission == .never || send.unacknowledged == start {
      startRetransmissionTimer(&context)
    }
    if !isAgain { armProbeTimer(&context) }
    let isSuper = count > Int(send.segmentSize) && pathProbe == nil
    var segment = text(
      at: start, count: count, withFIN: withFIN,
      segmentSize: isSuper ? Int(send.segmentSize) : 0, &context)
    segment.isRetransmission = isAgain
    if !isAgain { declareECN(on: &segment) }
    return segment
  }

  /// Whether it is the congestion window that sets the pace (CC-15): after a whole flight that it has not held
  /// back, the program or the peer's window does.
  private mutating func notePace(fillsWindow: Bool) {
    if roundTrip.isBetweenFlights {
      if send.flight == 0 || !flags.contains(.reachedWindow) { flags.remove(.isWindowLimited) }
      flags.remove(.reachedWindow)
    }
    if fillsWindow { flags.insert([.isWindowLimited, .reachedWindow]) }
  }

  /// New octets go out up to `end`.
  private mutating func remember(upTo end: SequenceNumber, _ context: inout TCPContext) {
    if activity.isEmpty {
      activity.begin(at: send.next, pool: &context.buffers)
      activity.state.rack.begin(
        roundTrip: roundTrip.hasSample ? roundTrip.smoothed : nil,
        sawReordering: flags.contains(.sawReordering))
    }
    if send.flight == 0 { activity.restart(at: send.next) }
    deadlines.activity = .never
    activity.append(upTo: end, at: context.now, pool: &context.buffers)
    activity.state.pacing.sent(end - send.next)
    if activity.state.phase == .recovery || activity.state.phase == .reduction {
      activity.state.reduction.sent(end - send.next)
    }
    if activity.state.undo.isTimeoutInDoubt { activity.state.undo.hasSentNew = true }
  }

  /// The block goes, and with it what only matters while something is in flight.
  mutating func releaseActivity(_ context: inout TCPContext) {
    guard !activity.isEmpty else { return }
    if activity.state.rack.sawReordering { flags.insert(.sawReordering) }
    activity.release(to: &context.buffers)
  }

  /// RFC 9293 §3.8.6.2.1 and RFC 5681: full segments when both windows allow them; a small one when
  /// it is the last and nothing is in flight, or Nagle is off, or it is half the largest window
  /// the peer ever offered, or the override timer says so (MUST-38, SHLD-7, SHLD-28).
  private func sendableCount(
    unsent: Int, byWindow: Int, byCongestion: Int, isAgain: Bool, _ context: borrowing TCPContext
  ) -> Int {
    let full = Int(send.segmentSize)
    var available = min(unsent, byWindow, byCongestion)
    guard available > 0 else { return 0 }
    available = min(available, largestCount(context))
    // What was sent once is sent again up to where new octets begin.
    if isAgain { return min(available, send.next - send.cursor) }
    let whole = available / full * full
    if available == whole { return whole }
    if available == unsent {
      let goesAtOnce =
        send.isFinished || send.isUrgent || flags.contains(.mayBeSmall)
        || !options.cork && (options.noDelay || (send.textFlight == 0 && whole == 0))
      return goesAtOnce ? available : whole
    }
    // Cut short by the peer's window.
    if whole == 0, byWindow <= byCongestion || send.textFlight == 0 {
      let isHalf = available >= Int(send.maximumWindow) / 2 && available == byWindow
      return isHalf || flags.contains(.mayBeSmall) ? available : 0
    }
    return whole
  }

  /// OFF-2: whole segments in one packet of at most 65,535 octets; urgent text is never cut by others.
  func largestCount(_ context: borrowing TCPContext) -> Int {
    let full = Int(send.segmentSize)
    // Pieces that a router may cut further need identifications of their own (RFC 6864 §4.3).
    guard context.sendsSuperSegments, !send.isUrgent, context.settings.forbidsFragments
    else { return full }
    // Whoever cuts a super-segment takes CWR from all parts but the first; here it is part of a number.
    if ecn.isAccurate, acknowledgmentFlags.contains(.cwr) { return full }
    let headers = TCPContext.headerCount + (timestamps.isEnabled ? 12 : 0)
    return max(full, (65_535 - headers) / full * full)
  }

  mutating func text(
    at sequence: SequenceNumber, count: Int, withFIN: Bool, segmentSize: Int,
    _ context: inout TCPContext
  ) -> OutgoingSegment {
    var header = TCPHeader(
      flags: acknowledgmentFlags, sequence: sequence, acknowledgment: receive.next,
      window: windowField(&context), options: optionsOfData(isText: true, &context))
    // Where it fits; on full segments it would go beyond the peer's MSS.
    if segmentSize == 0, count + UserTimeoutOption.encodedCount <= Int(send.segmentSize) {
      header.options.userTimeout = takeUserTimeout(context.settings)
    }
    let offset = sequence - send.dataStart
    // The last octet that was written is pushed (R9293-MUST-60, MUST-61).
    if count > 0, offset + count == send.ring.count { header.flags.insert(.psh) }
    if withFIN { header.flags.insert(.fin) }
    if send.isUrgent, send.urgentEnd > sequence {
      header.flags.insert(.urg)
      // One past the last urgent octet (MUST-62), or that octet itself (SYS-38).
      let end = send.urgentEnd - (context.settings.urgentPointsToLast ? 1 : 0)
      header.urgentPointer = UInt16(min(end - sequence, Int(UInt16.max)))
    }
    acknowledgmentSent()
    lastSent = context.now
    return OutgoingSegment(
      header: header, textOffset: offset, textCount: count, segmentSize: segmentSize)
  }

  // MARK: Probes and ACKs

  /// SEQ = SND.UNA-1 and no text: outside the window, so it must be answered (MUST-36, SEC-10).
  private mutating func windowProbe(_ context: inout TCPContext) -> OutgoingSegment {
    flags.remove(.isProbeDue)
    context.counters.windowProbes += 1
    return probe(at: send.unacknowledged - 1, &context)
  }

  /// SEQ = SND.NXT-1 and no text (R9293-SHLD-12, MAY-6).
  private mutating func keepAliveProbe(_ context: inout TCPContext) -> OutgoingSegment {
    flags.remove(.isKeepAliveDue)
    context.counters.keepAliveProbes += 1
    return probe(at: send.next - 1, &context)
  }

  private mutating func probe(
    at sequence: SequenceNumber, _ context: inout TCPContext
  ) -> OutgoingSegment {
    OutgoingSegment(header: bareACK(at: sequence, &context))
  }

  private mutating func acknowledgment(_ context: inout TCPContext) -> OutgoingSegment {
    OutgoingSegment(header: bareACK(at: send.next, &context))
  }

  /// A segment without text that acknowledges everything received.
  mutating func bareACK(at sequence: SequenceNumber, _ context: inout TCPContext) -> TCPHeader {
    let header = TCPHeader(
      flags: takeBareFlags(), sequence: sequence, acknowledgment: receive.next,
      window: windowField(&context), options: optionsOfData(isText: false, &context))
    acknowledgmentSent()
    return header
  }

  /// The window to offer now, with a count of when it shuts and opens.
  private mutating func windowField(_ context: inout TCPContext) -> UInt16 {
    let field = receive.windowField(context.windowAllowance)
    if (field == 0) != receive.isShut {
      receive.isShut = field == 0
      if field == 0 {
        context.counters.windowsShutByUs += 1
      } else {
        context.counters.windowsOpenedByUs += 1
      }
    }
    return field
  }
}
