// Packetization layer path MTU discovery (RFC 4821, for TCP with SACK): where routers are silent, segments
// larger than the others are sent now and then, and what becomes of them tells what the path takes. A
// probe that is lost alone was too large, and no sign of congestion. And the other way round: full
// segments that time out again and again fall into a black hole, so smaller ones are tried (PMTU-8).

extension Connection {
  // MARK: Black holes

  /// RFC 4821 §7.7: the oldest segment has timed out, and it was a full one. After every second time in a
  /// row: the base size, then half and half again.
  mutating func suspectBlackHole(_ context: inout TCPContext) {
    guard context.settings.pathProbing != .off, retransmissionsInRow > 0,
      retransmissionsInRow.isMultiple(of: 2)
    else { return }
    let oldest = activity.isEmpty ? send.flight : activity.length(of: 0)
    guard oldest >= Int(send.segmentSize) else { return }
    let current = Int(send.segmentSize) + pathHeaderCount
    let base = context.settings.baseSegmentSize + TCPContext.headerCount
    let lower = max(current > base ? base : current / 2, context.settings.minimumPathMTU)
    guard lower < current else { return }
    // An outage looks the same: what passed before may pass again.
    var ceiling = current
    if let path = context.paths.path(to: key.remoteAddress), !path.isOpen {
      ceiling = max(current, Int(path.ceiling))
    }
    context.paths.limit(to: lower, ceiling: ceiling, for: key.remoteAddress, at: context.now)
    followPath(&context)
  }

  // MARK: Probes

  /// `tcp_mtu_probing` 2: nothing larger than the base is sent before a probe has shown that it arrives. How
  /// far it goes up, each connection knows for itself.
  func beginSearchIfAlways(_ context: inout TCPContext) {
    guard context.settings.pathProbing == .always, context.paths.path(to: key.remoteAddress) == nil
    else { return }
    let base = min(context.settings.baseSegmentSize + TCPContext.headerCount, context.settings.mtu)
    context.paths.begin(at: base, for: key.remoteAddress, at: context.now)
  }

  /// Octets of text of the probe that goes out now; `nil`: none. 0: it waits until the congestion window has
  /// room for it, and so does all else. It must fit both windows, and so much must follow it that its loss
  /// shows without a timeout (RFC 4821 §7.2, §7.4).
  func pathProbeCount(
    unsent: Int, byWindow: Int, byCongestion: Int, _ context: borrowing TCPContext
  ) -> Int? {
    guard flags.contains(.isPathSearched), usesSACK, !send.isUrgent, roundTrip.hasSample,
      activity.isEmpty || activity.mayProbePath, context.settings.pathProbing != .off,
      context.settings.forbidsFragments,
      let size = context.paths.path(to: key.remoteAddress)?.probeSize(
        limit: Int(send.path.agreed) + pathHeaderCount)
    else { return nil }
    let count = size - pathHeaderCount
    let followers = 3 * Int(send.segmentSize)
    guard min(unsent, byWindow, congestion.window) >= count + followers else { return nil }
    return byCongestion >= count ? count : 0
  }

  /// After every ACK, and when time has shown a loss: what has become of the probe?
  mutating func judgePathProbe(_ context: inout TCPContext) {
    let probe = activity.state.pathProbe
    guard probe.isOut else { return }
    if send.unacknowledged >= probe.end {
      activity.state.pathProbe = .none
      context.counters.pathProbesArrived += 1
      context.paths.probeArrived(
        Int(probe.count) + pathHeaderCount, at: key.remoteAddress, at: context.now)
      return
    }
    let index = activity.index(behind: probe.start)
    guard index < activity.count, activity[index].isDue else { return }
    activity.state.pathProbe = .none
    // With others lost as well it is congestion, and the probe has shown nothing (RFC 4821 §7.6.4).
    guard activity.isOnlyLoss(index) else { return }
    pathProbeLost(index, above: Int(probe.count) - 1, &context)
  }

  /// A router says that its next link takes segments of `size` only, and one that was larger is a probe.
  mutating func pathProbeTooBig(
    at sequence: SequenceNumber, size: Int, _ context: inout TCPContext
  ) -> Bool {
    guard !activity.isEmpty else { return false }
    let probe = activity.state.pathProbe
    guard probe.isOut, sequence == probe.start, size < Int(probe.count) else { return false }
    activity.state.pathProbe = .none
    let index = activity.index(behind: probe.start)
    guard index < activity.count, !activity[index].isSacked else { return false }
    pathProbeLost(index, above: size, &context)
    flags.insert([.isRetransmissionDue, .isOutputDue])
    return true
  }

  /// A timeout ends the probe. If it was the oldest segment nobody knows whether it was too large, but the
  /// next one had better be smaller.
  mutating func pathProbeTimedOut(_ context: inout TCPContext) {
    guard !activity.isEmpty, activity.state.pathProbe.isOut else { return }
    let probe = activity.state.pathProbe
    activity.state.pathProbe = .none
    guard probe.start == send.unacknowledged else { return }
    context.counters.pathProbesLost += 1
    context.paths.probeLost(
      above: Int(probe.count) - 1 + pathHeaderCount, for: key.remoteAddress, at: context.now)
  }

  /// Its octets go out again as segments of the ordinary size, and the window stays (RFC 4821 §7.5).
  private mutating func pathProbeLost(
    _ index: Int, above size: Int, _ context: inout TCPContext
  ) {
    activity.markOversized(index)
    context.counters.pathProbesLost += 1
    context.paths.probeLost(
      above: size + pathHeaderCount, for: key.remoteAddress, at: context.now)
  }
}
