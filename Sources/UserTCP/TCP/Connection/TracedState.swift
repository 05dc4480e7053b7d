// What a trace compares to find out what has changed: a few words of a connection, taken after every event. So
// the code of a connection says nothing about tracing, and an event cannot be forgotten there.

struct TracedState: BitwiseCopyable {
  /// Of the slot; another one has nothing to do with this.
  var generation: UInt32 = 0
  var state: TCPState
  var recovery: TraceRecovery
  var window: Int
  var threshold: Int?
  var lost: UInt32
  var smoothed: Interval
  var variation: Interval
  var timeout: Interval
  var backoff: UInt8
  /// What the retransmission deadline stands for.
  var timer: TraceTimer?
  var timerEnd: Instant
  /// Of the delayed ACK, and of the closing; `.never` while they do not run.
  var acknowledgmentEnd: Instant
  var closingEnd: Instant
  var agreement: TracedAgreement
}

/// What only the stack's counters tell.
struct TracedCounts: BitwiseCopyable {
  var timeouts: UInt64
  var undone: UInt64
  var tailLossProbes: UInt64
  var repairs: UInt64
  var windowProbes: UInt64
  var keepAliveProbes: UInt64

  init(_ counters: borrowing TCPCounters) {
    timeouts = counters.timeouts
    undone = counters.undoneRecoveries
    tailLossProbes = counters.lossProbes
    repairs = counters.lossProbeRecoveries
    windowProbes = counters.windowProbes
    keepAliveProbes = counters.keepAliveProbes
  }
}

extension Connection {
  func tracedState(generation: UInt32, _ context: borrowing TCPContext) -> TracedState {
    TracedState(
      generation: generation, state: state, recovery: tracedRecovery, window: congestion.window,
      threshold: congestion.threshold >= 1 << 30 ? nil : congestion.threshold,
      lost: activity.isEmpty ? 0 : activity.state.lost, smoothed: roundTrip.smoothed,
      variation: roundTrip.variation,
      timeout: roundTrip.timeout(maximum: context.settings.maximumRetransmissionTimeout),
      backoff: roundTrip.backoff, timer: tracedTimer, timerEnd: deadlines.retransmission,
      acknowledgmentEnd: deadlines.acknowledgment, closingEnd: deadlines.closing,
      agreement: agreement)
  }

  private var tracedRecovery: TraceRecovery {
    if activity.isEmpty {
      switch recovery.phase {
      case .open: .open
      case .reduction: .reduction
      case .fastRecovery: .recovery
      case .timeout: .loss
      }
    } else {
      switch activity.state.phase {
      case .open: .open
      case .reduction: .reduction
      case .recovery: .recovery
      case .loss: .loss
      }
    }
  }

  /// What the retransmission deadline stands for; `nil` while it does not run.
  private var tracedTimer: TraceTimer? {
    guard deadlines.retransmission != .never else { return nil }
    if send.isSYNAcknowledged, send.window == 0 || send.flight == 0 { return .persist }
    guard !activity.isEmpty else { return .retransmission }
    switch activity.state.timer {
    case .retransmission: return .retransmission
    case .reordering: return .reordering
    case .probe: return .tailLossProbe
    }
  }

  func hasFired(_ timer: TraceTimer, at now: Instant) -> Bool {
    switch timer {
    case .retransmission, .reordering, .tailLossProbe, .persist:
      deadlines.retransmission <= now && tracedTimer == timer
    case .delayedAcknowledgment: deadlines.acknowledgment <= now
    case .keepAlive: deadlines.keepAlive <= now
    case .closing: deadlines.closing <= now
    }
  }

  private var agreement: TracedAgreement {
    TracedAgreement(
      segmentSize: send.segmentSize, usesSACK: usesSACK, usesTimestamps: timestamps.isEnabled,
      sendWindowShift: receive.isScaled ? send.windowShift : nil,
      receiveWindowShift: receive.isScaled ? receive.windowShift : nil,
      algorithm: congestion.algorithm)
  }
}

extension TracedState {
  /// Why the congestion window is not what it was.
  func windowReason(
    since before: TracedState, _ counts: TracedCounts, before old: TracedCounts
  ) -> TraceWindowReason {
    if before.state != state, state == .established { return .initial }
    if counts.undone > old.undone { return .undo }
    if counts.timeouts > old.timeouts { return .timeout }
    if counts.repairs > old.repairs { return .probe }
    if recovery == .recovery { return .recovery }
    if recovery == .open, before.recovery != .open { return .recoveryEnded }
    guard window > before.window else { return .other }
    return before.threshold.map { before.window >= $0 } ?? false
      ? .congestionAvoidance : .slowStart
  }
}
