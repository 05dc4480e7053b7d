// When a flight is paced, and how fast (docs/decisions/0014-pacing.md). A short path is not: what would be
// spread over less than a few ticks of the wheel leaves at once. Nor is a small window, whose burst any queue
// takes, nor a connection without SACK, which keeps no activity block.

extension Connection {
  /// Round trips below four ticks are not worth spreading over.
  private static let shortestPacedRoundTrip = TimerWheel.tick * 4
  /// Twice the initial window of RFC 6928.
  private static let smallestPacedWindow = 20

  /// Octets a second; `nil` where bursts do no harm.
  func pacingRate(_ context: borrowing TCPContext) -> Int? {
    let window = congestion.window
    let time = pacedRoundTrip
    guard context.settings.usesPacing, usesSACK, time >= Self.shortestPacedRoundTrip,
      window >= Self.smallestPacedWindow * Int(send.segmentSize)
    else { return nil }
    // Slow start doubles the window in a round trip, so it must leave at twice the rate (as Linux has it).
    let isOpening = window < congestion.threshold / 2
    let percent = isOpening ? context.settings.pacingRatioInSlowStart : context.settings.pacingRatio
    let perSecond = window * 1_000_000_000 / Int(time.nanoseconds)
    return max(perSecond / 100 * percent, Int(send.segmentSize))
  }

  /// The shortest lately, not the smoothed: a peer that delays the ACK of every small burst would seem farther
  /// away, so that the bursts became smaller still.
  private var pacedRoundTrip: Interval {
    activity.isEmpty
      ? roundTrip.smoothed : min(roundTrip.smoothed, activity.state.rack.minimumRoundTrip)
  }

  /// Octets of new text that may leave now, of `unsent`; `nil`: the rest waits, and the connection asks
  /// again when it may go on.
  mutating func pacedRoom(unsent: Int, _ context: borrowing TCPContext) -> Int? {
    guard let rate = pacingRate(context) else {
      if !activity.isEmpty { activity.state.pacing.stop() }
      return unsent
    }
    let size = Int(send.segmentSize)
    let burst = Pacing.burst(rate: rate, segmentSize: size)
    if activity.isEmpty { return burst }
    let room = activity.state.pacing.room(rate: rate, segmentSize: size, at: context.now)
    if room >= min(size, unsent) { return max(room, size) }
    deadlines.activity =
      context.now + activity.state.pacing.wait(for: min(burst, unsent), rate: rate)
    return nil
  }
}
