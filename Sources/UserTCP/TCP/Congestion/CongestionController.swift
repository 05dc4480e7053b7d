// How much may be in flight (RFC 5681, RFC 9438). One enum of small structs, so that a controller costs no
// indirection. It decides sizes only: what to retransmit is `Recovery/`'s.

/// How fast slow start may go.
struct SlowStart: BitwiseCopyable {
  /// L of RFC 3465: segments by which one ACK may open the window; eight the first time, as RFC 9406 §4.2
  /// has it, one after a loss (HS-2).
  var segments: UInt32 = 1
  /// More than one ACK can cover.
  static let unlimited: UInt32 = 1 << 14
  /// Of HyStart++'s conservative slow start.
  var divisor: UInt32 = 1
}

/// A congestion window and how it answers ACKs and loss. All sizes are octets.
enum CongestionController: BitwiseCopyable {
  case newReno(NewReno)
  case cubic(CUBIC)

  init(_ algorithm: CongestionAlgorithm, initialWindow: UInt32) {
    switch algorithm {
    case .reno: self = .newReno(NewReno(window: initialWindow))
    case .cubic: self = .cubic(CUBIC(window: initialWindow))
    }
  }

  var algorithm: CongestionAlgorithm {
    switch self {
    case .newReno: .reno
    case .cubic: .cubic
    }
  }

  /// RFC 6928 §2: ten segments, at most 14,600 octets unless two segments are more (CC-2). One
  /// segment when the SYN or its answer had to be sent more than once again (CC-3).
  static func initialWindow(segmentSize: Int, synRetransmissions: Int) -> UInt32 {
    if synRetransmissions > 1 { return UInt32(segmentSize) }
    return UInt32(min(10 * segmentSize, max(2 * segmentSize, 14_600)))
  }

  var window: Int {
    switch self {
    case .newReno(let state): Int(state.window)
    case .cubic(let state): Int(state.window)
    }
  }

  var threshold: Int {
    switch self {
    case .newReno(let state): Int(state.threshold)
    case .cubic(let state): Int(state.threshold)
    }
  }

  /// No loss has been seen yet.
  var isInFirstSlowStart: Bool { threshold == Int(UInt32.max) }

  /// `count` octets were acknowledged for the first time, outside recovery.
  mutating func acknowledged(
    _ count: Int, segmentSize: Int, slowStart: SlowStart = SlowStart(), roundTrip: Interval,
    at now: Instant
  ) {
    switch self {
    case .newReno(var state):
      state.acknowledged(UInt32(count) / slowStart.divisor, segmentSize: UInt32(segmentSize))
      self = .newReno(state)
    case .cubic(var state):
      state.acknowledged(
        UInt32(count), segmentSize: UInt32(segmentSize), slowStart: slowStart,
        roundTrip: roundTrip, at: now)
      self = .cubic(state)
    }
  }

  /// A segment was lost with `flight` octets unacknowledged.
  mutating func segmentLost(flight: Int, segmentSize: Int) {
    switch self {
    case .newReno(var state):
      state.segmentLost(flight: UInt32(flight), segmentSize: UInt32(segmentSize))
      self = .newReno(state)
    case .cubic(var state):
      state.segmentLost(flight: UInt32(flight), segmentSize: UInt32(segmentSize))
      self = .cubic(state)
    }
  }

  /// The peer echoed a mark with `flight` octets unacknowledged. Returns what the window is to become: as
  /// after a loss, but down to one segment instead of two (RFC 9438 §4.6, CUB-3).
  mutating func congestionEchoed(flight: Int, segmentSize: Int) -> Int {
    segmentLost(flight: flight, segmentSize: segmentSize)
    let share =
      switch self {
      case .newReno: NewReno.share(of: UInt32(flight))
      case .cubic: CUBIC.share(of: UInt32(flight))
      }
    return max(Int(share), segmentSize)
  }

  /// The retransmission timer expired; `isFirst` unless it is for the same segment again.
  mutating func timedOut(flight: Int, segmentSize: Int, isFirst: Bool) {
    switch self {
    case .newReno(var state):
      state.timedOut(flight: UInt32(flight), segmentSize: UInt32(segmentSize), isFirst: isFirst)
      self = .newReno(state)
    case .cubic(var state):
      state.timedOut(flight: UInt32(flight), segmentSize: UInt32(segmentSize), isFirst: isFirst)
      self = .cubic(state)
    }
  }

  /// The loss was none: the windows of before (RFC 4015 §3).
  mutating func undo(window: Int, threshold: UInt32) {
    set(window: UInt32(max(window, self.window)), threshold: max(threshold, UInt32(self.threshold)))
  }

  mutating func setWindow(_ window: Int) { set(window: UInt32(window), threshold: nil) }

  mutating func setThreshold(_ threshold: Int) {
    set(window: nil, threshold: UInt32(clamping: threshold))
  }

  /// Slow start ends where it is (RFC 9406 §4.2).
  mutating func leaveSlowStart() { setThreshold(window) }

  /// Nothing was sent for `time`: it is no time in which the window might have grown.
  mutating func wasIdle(for time: Interval) {
    if case .cubic(var state) = self {
      state.wasIdle(for: time)
      self = .cubic(state)
    }
  }

  private mutating func set(window: UInt32?, threshold: UInt32?) {
    switch self {
    case .newReno(var state):
      state.window = window ?? state.window
      state.threshold = threshold ?? state.threshold
      self = .newReno(state)
    case .cubic(var state):
      state.window = window ?? state.window
      state.threshold = threshold ?? state.threshold
      self = .cubic(state)
    }
  }
}
