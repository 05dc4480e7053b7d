// What happens to a congestion window that the program does not use: after an idle RTO it is the initial one
// again (RFC 5681 §4.1), or by choice it is kept for five minutes (RFC 7661, CC-15).

extension Connection {
  /// CC-14: the window says nothing about the path any more.
  mutating func restartAfterIdle(_ context: borrowing TCPContext) {
    guard send.flight == 0, congestion.window > initialWindow else { return }
    // The block waits as long as there is a window to keep; without SACK there is none.
    if context.settings.keepsUnusedWindow, usesSACK { return shrinkUnusedWindow(context) }
    guard context.settings.restartsAfterIdle, context.now - lastSent > roundTrip.timeout else {
      return
    }
    congestion.setWindow(initialWindow)
  }

  private var initialWindow: Int {
    Int(
      CongestionController.initialWindow(
        segmentSize: Int(send.segmentSize), synRetransmissions: 0))
  }

  /// An ACK advanced outside recovery.
  mutating func validateWindow(_ context: borrowing TCPContext) {
    guard context.settings.keepsUnusedWindow else { return }
    activity.state.validation.acknowledged(
      send.unacknowledged, next: send.next, delivered: activity.state.delivered,
      window: congestion.window, roundTrip: roundTrip.smoothed, at: context.now)
    shrinkUnusedWindow(context)
  }

  /// RFC 7661 §4.5: "ssthresh = max(ssthresh, 3*cwnd/4)" and "cwnd = max(cwnd/2, IW)".
  mutating func shrinkUnusedWindow(_ context: borrowing TCPContext) {
    guard !activity.isEmpty, activity.state.validation.expires(at: context.now) else { return }
    let window = congestion.window
    congestion.setThreshold(max(congestion.threshold, window * 3 / 4))
    congestion.setWindow(max(window / 2, initialWindow))
  }

  /// Nothing has been in flight for as long as the block was kept: it goes, unless the window is still larger
  /// than a new connection's.
  mutating func keepingTimePassed(_ context: inout TCPContext) {
    if context.settings.keepsUnusedWindow {
      shrinkUnusedWindow(context)
      if congestion.window > initialWindow {
        deadlines.activity = context.now + WindowValidation.keepingTime
        return
      }
    }
    releaseActivity(&context)
  }

  /// How long the block outlives the last octet in flight: what was learnt of the path may be asked for; zero:
  /// not at all.
  func keepingTime(_ context: borrowing TCPContext) -> Interval {
    if context.settings.keepsUnusedWindow, congestion.window > initialWindow {
      return WindowValidation.keepingTime
    }
    return activity.state.isWorthKeeping ? .seconds(1) : .zero
  }
}
