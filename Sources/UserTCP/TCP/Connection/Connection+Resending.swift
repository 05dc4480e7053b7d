// What goes out a second time with SACK: what is taken for lost, a probe, or the rescue of a tail that nobody
// reports. `nextSegment` asks; what is lost has been decided before, when an ACK came or a timer ran out.

extension Connection {
  /// The next octets to be sent again: forced once by a timeout or the first sign of loss, else as far
  /// as the window allows.
  mutating func resendSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    let isForced = flags.contains(.isRetransmissionDue)
    flags.remove(.isRetransmissionDue)
    guard let index = activity.firstDue() else { return nil }
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
    let segment = resendLast(&context)
    activity.state.probe.sent(end: send.next, isRetransmission: true)
    return segment
  }

  /// What RFC 6675 §4 lets out when nothing is lost and nothing new may go: NextSeg rule 3, what lies below
  /// the highest octet SACKed, and rule 4, once in a recovery the tail, which no SACK can show to be lost
  /// (SACK-10). RACK needs neither: its timer says when.
  mutating func rescueSegment(_ context: inout TCPContext) -> OutgoingSegment? {
    guard !activity.isEmpty, !context.settings.usesRACK, activity.state.phase == .recovery,
      congestion.window - pipe >= Int(send.segmentSize)
    else { return nil }
    if let index = activity.firstUnsackedBelow(activity.state.rack.highest) {
      let count = min(activity.length(of: index), Int(send.segmentSize))
      return resend(index, from: activity.start(of: index), count: count, &context)
    }
    guard activity.state.rescue == .possible, let last = activity.last, !last.isSacked,
      !last.flags.contains(.resent)
    else { return nil }
    activity.state.rescue = .done
    return resendLast(&context)
  }

  /// At most one segment from the end of what is in flight; a FIN comes with the text before it.
  private mutating func resendLast(_ context: inout TCPContext) -> OutgoingSegment {
    var index = activity.count - 1
    let count = Int(send.segmentSize) + (send.isFINSent ? 1 : 0)
    if activity.length(of: index) > count {
      activity.split(index, at: activity[index].end - count, pool: &context.buffers)
      index += 1
    }
    return resend(
      index, from: activity.start(of: index), count: activity.length(of: index), &context)
  }

  private mutating func resend(
    _ index: Int, from start: SequenceNumber, count: Int, _ context: inout TCPContext
  ) -> OutgoingSegment {
    activity.resend(index, count: count, at: context.now, pool: &context.buffers)
    activity.state.undo.resent(count, timestamp: timestamps.value(at: context.now))
    if activity.state.phase == .recovery {
      activity.state.reduction.sent(count)
      activity.state.validation.resent(count)
      context.counters.fastRetransmissions += 1
    } else if activity.state.phase == .loss {
      context.counters.slowStartRetransmissions += 1
    }
    roundTrip.cancelMeasurement()
    // The FIN's number is no octet of the ring.
    let withFIN = send.isFINSent && start + count == send.next
    let textCount = withFIN ? count - 1 : count
    let isSuper = textCount > Int(send.segmentSize)
    startRetransmissionTimer(&context)
    activity.state.timer = .retransmission
    var segment = text(
      at: start, count: textCount, withFIN: withFIN,
      segmentSize: isSuper ? Int(send.segmentSize) : 0, &context)
    segment.isRetransmission = true
    return segment
  }
}
