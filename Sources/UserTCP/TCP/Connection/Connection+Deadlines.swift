// What a connection does when time passes and nothing arrives: retransmit (RFC 6298 §5), probe a shut
// window (RFC 9293 §3.8.6.1), send the delayed ACK, probe an idle peer (§3.8.4), give up (§3.8.3).

extension Connection {
  /// The wheel says that a deadline may have passed. May be early for all of them.
  mutating func deadlinePassed(_ context: inout TCPContext) {
    let now = context.now
    if deadlines.acknowledgment <= now {
      deadlines.acknowledgment = .never
      context.counters.delayedACKs += 1
      acknowledgeNow()
    }
    if deadlines.retransmission <= now {
      deadlines.retransmission = .never
      retransmissionDeadlinePassed(&context)
    }
    if deadlines.keepAlive <= now { keepAliveDeadlinePassed(&context) }
    if deadlines.closing <= now { closingDeadlinePassed(&context) }
    if deadlines.activity <= now {
      deadlines.activity = .never
      if send.flight == 0, !send.hasUnsent {
        keepingTimePassed(&context)
      } else {
        flags.insert(.isOutputDue)  // paced text may go on
      }
    }
  }

  // MARK: Retransmission

  /// RFC 6298 (5.1), (5.6).
  mutating func startRetransmissionTimer(_ context: inout TCPContext) {
    let maximum = context.settings.maximumRetransmissionTimeout
    deadlines.retransmission = context.now + roundTrip.timeout(maximum: maximum)
    // A user timeout ends the wait when it is due, not at the RTO after it (MUST-21).
    if let limit = userTimeout(context.settings), unansweredSince != .never {
      deadlines.retransmission = min(deadlines.retransmission, unansweredSince + limit)
    }
  }

  private mutating func retransmissionDeadlinePassed(_ context: inout TCPContext) {
    if !send.isSYNAcknowledged { return synDeadlinePassed(&context) }
    if !activity.isEmpty, send.flight > 0, send.window > 0 {
      switch activity.state.timer {
      case .reordering: return reorderingDeadlinePassed(&context)
      case .probe: return probeDeadlinePassed(&context)
      case .retransmission: break
      }
    }
    if ecn.flags.contains(.isHeldBack), send.flight == 0 {
      ecn.flags.remove(.isHeldBack)
      flags.insert(.isOutputDue)
      return
    }
    guard !hasGivenUp(&context) else { return }
    if send.flight > 0, send.window > 0 || retransmissionsInRow == 0 {
      timedOut(&context)
    } else if send.flight > 0 || send.hasUnsent {
      persistDeadlinePassed(&context)
    }
  }

  private mutating func timedOut(_ context: inout TCPContext) {
    context.counters.timeouts += 1
    pathProbeTimedOut(&context)
    announceReduction()
    // Right of a window that shrank nothing is sent and nothing times out (R9293-SHLD-17).
    if activity.isEmpty {
      recovery.timedOut(
        unacknowledged: send.unacknowledged, next: send.next, segmentSize: Int(send.segmentSize),
        isFirst: retransmissionsInRow == 0,
        mayBeSpurious: context.settings.usesForwardRTO && send.hasUnsent, &congestion)
      // RFC 6298 (5.4): the earliest segment; after it go on from there as ACKs come.
      send.cursor = send.unacknowledged
    } else {
      timedOutWithSACK(&context)
    }
    believeClaimedPathMTU(&context)
    countRetransmission(&context)
    suspectBlackHole(&context)
    roundTrip.backOff()
    flags.insert([.isRetransmissionDue, .isOutputDue])
    if unansweredSince == .never { unansweredSince = context.now }
    startRetransmissionTimer(&context)
  }

  private mutating func countRetransmission(_ context: inout TCPContext) {
    if retransmissionsInRow < .max { retransmissionsInRow += 1 }
    guard Int(retransmissionsInRow) >= context.settings.retries1,
      !flags.contains(.reportedDoubt)
    else { return }
    // R1: the path is in doubt, and the program may know before R2 (MUST-20, SHLD-9, SHLD-10).
    flags.insert(.reportedDoubt)
    if softError == nil { report(.timedOut) }  // a router has said more already
  }

  /// Tells the program of a soft error unless it does not want to know (SHLD-20).
  mutating func report(_ error: TCPError) {
    guard options.reportsSoftErrors else { return }
    softError = error
    events.insert(.softError)
  }

  /// R2 (RFC 9293 §3.8.3, MUST-20).
  private mutating func hasGivenUp(_ context: inout TCPContext) -> Bool {
    guard isOverdue(context) else { return false }
    context.counters.abortsOnTimeout += 1
    fail(.timedOut, &context)
    return true
  }

  private func isOverdue(_ context: borrowing TCPContext) -> Bool {
    let waited = unansweredSince == .never ? Interval.zero : context.now - unansweredSince
    if let limit = userTimeout(context.settings) { return waited >= limit }
    if flags.contains(.isReleased) { return isHopelessOrphan(context) }
    return waited >= context.settings.giveUpInterval
  }

  /// SYS-16, SEC-31: nobody waits for it, and the peer does not answer; or it answers probes of a window
  /// that stays shut, until the time between two of them has grown to its largest.
  private func isHopelessOrphan(_ context: borrowing TCPContext) -> Bool {
    let settings = context.settings
    let retries = settings.orphanRetries == 0 ? 8 : settings.orphanRetries
    if Int(retransmissionsInRow) >= retries { return true }
    let longest = settings.maximumRetransmissionTimeout
    guard roundTrip.timeout(maximum: longest) == longest else { return false }
    // A soft ICMP error, or a window that stays shut.
    return softError == .unreachable || (send.window == 0 && roundTrip.backoff >= retries)
  }

  // MARK: SYN

  private mutating func synDeadlinePassed(_ context: inout TCPContext) {
    let settings = context.settings
    let isAnswer = state == .synReceived
    // The first timeouts of a SYN do not double (SYS-11); those of a SYN-ACK all do.
    let linear = isAnswer ? 0 : settings.synLinearTimeouts
    let limit = isAnswer ? settings.synAckRetries : settings.synRetries + linear
    let isOverdue = options.userTimeout.map { context.now - unansweredSince >= $0 } ?? false
    let isLast = Int(synRetransmissions) >= limit || isOverdue
    suspectBlackHole(after: Int(synRetransmissions), isLast: isLast, &context)
    guard !isLast else {
      context.counters.abortsOnTimeout += 1
      return fail(.timedOut, &context)
    }
    synRetransmissions += 1
    flags.insert([.lostSYN, .isSYNDue, .isOutputDue])
    if Int(synRetransmissions) > linear { roundTrip.backOff() }
    context.counters.synRetransmissions += 1
    if Int(synRetransmissions) == settings.retries1 { report(.timedOut) }
    deadlines.retransmission =
      context.now + roundTrip.timeout(maximum: settings.maximumRetransmissionTimeout)
  }

  // MARK: Persist

  /// Something waits for the peer's window, and no ACK is on its way that would open it: ask for it
  /// after one RTO, or send a small segment after all when the window is just silly (MUST-38).
  mutating func armPersistTimer(_ context: inout TCPContext) {
    guard deadlines.retransmission == .never, send.window == 0 || send.flight == 0 else { return }
    guard send.hasUnsent || send.flight > 0 else { return }
    if send.window == 0 {
      startRetransmissionTimer(&context)  // SHLD-29, SHLD-30
    } else {
      deadlines.retransmission = context.now + Self.overrideInterval
    }
  }

  /// RFC 9293 §3.8.6.2.1: "the override timeout … 0.1 - 1.0 seconds".
  private static let overrideInterval = Interval.milliseconds(200)

  private mutating func persistDeadlinePassed(_ context: inout TCPContext) {
    if send.window == 0 {
      countRetransmission(&context)
      roundTrip.backOff()
      flags.insert(.isProbeDue)
      if unansweredSince == .never { unansweredSince = context.now }
      startRetransmissionTimer(&context)
    } else {
      flags.insert(.mayBeSmall)
    }
    flags.insert(.isOutputDue)
  }

  // MARK: Keep-alive

  private func keepAlive(_ context: borrowing TCPContext) -> KeepAlive? {
    options.keepAlive ?? (options.followsKeepAliveSettings ? context.settings.keepAlive : nil)
  }

  mutating func startKeepAlive(_ context: inout TCPContext) {
    guard let keepAlive = keepAlive(context) else {
      deadlines.keepAlive = .never  // off unless asked for (MUST-24, MUST-25)
      return
    }
    deadlines.keepAlive = context.now + .seconds(Int64(keepAlive.idleSeconds))
  }

  private mutating func keepAliveDeadlinePassed(_ context: inout TCPContext) {
    guard let keepAlive = keepAlive(context), state.isSynchronized else {
      deadlines.keepAlive = .never
      return
    }
    // Only when nothing is outstanding and nothing was heard for the interval (MUST-26).
    var idle = Interval.seconds(Int64(keepAlive.idleSeconds))
    // RFC 5482 §4.2: "larger than that of the adopted USER TIMEOUT".
    if options.userTimeout == nil, let adopted = userTimeout(context.settings) {
      idle = max(idle, adopted + .seconds(1))
    }
    if keepAliveProbes == 0 {
      let due = lastReceived + idle
      if send.flight > 0 || send.hasUnsent || due > context.now {
        deadlines.keepAlive = max(due, context.now + .seconds(1))
        return
      }
    }
    if keepAliveProbes >= keepAlive.probes {  // one unanswered probe does not end it (MUST-29)
      context.counters.abortsOnTimeout += 1
      resetPeer(&context)
      return fail(.timedOut, &context)
    }
    keepAliveProbes += 1
    flags.insert([.isKeepAliveDue, .isOutputDue])
    deadlines.keepAlive = context.now + .seconds(Int64(keepAlive.intervalSeconds))
  }

  // MARK: Closing

  private mutating func closingDeadlinePassed(_ context: inout TCPContext) {
    deadlines.closing = .never
    if receive.discardsText, !flags.contains(.refusesText) {
      // The grace is over: what still comes is answered with a reset.
      flags.insert(.refusesText)
      if state == .finWait2 { waitAsOrphan(&context) }
    } else if state == .finWait2 {
      move(on: .abort, &context)  // SYS-9: nobody waits for the peer's FIN any more
    }
  }
}

extension StackSettings {
  /// How long unanswered data is repeated: what `retries2` doublings of the minimum RTO take (SYS-14,
  /// R9293-SHLD-11); 924.6 s for 15 of 200 ms.
  var giveUpInterval: Interval {
    var total = Interval.zero
    var timeout = minimumRetransmissionTimeout
    for _ in 0...retries2 {
      total = total + min(timeout, maximumRetransmissionTimeout)
      timeout = timeout * 2
    }
    return total
  }
}
