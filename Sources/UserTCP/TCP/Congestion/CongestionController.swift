// How much may be in flight (RFC 5681). One enum of small structs, so that a controller costs no
// indirection; today it has one case. It decides sizes only: what to retransmit is `Recovery/`'s.

/// A congestion window and how it answers ACKs and loss. All sizes are octets.
enum CongestionController: BitwiseCopyable {
  case newReno(NewReno)

  static func newReno(initialWindow: UInt32) -> CongestionController {
    .newReno(NewReno(window: initialWindow))
  }

  /// RFC 6928 §2: ten segments, at most 14,600 octets unless two segments are more (CC-2). One
  /// segment when the SYN or its answer had to be sent more than once again (CC-3).
  static func initialWindow(segmentSize: Int, synRetransmissions: Int) -> UInt32 {
    if synRetransmissions > 1 { return UInt32(segmentSize) }
    return UInt32(min(10 * segmentSize, max(2 * segmentSize, 14_600)))
  }

  private var state: NewReno {
    get {
      switch self {
      case .newReno(let state): state
      }
    }
    set { self = .newReno(newValue) }
  }

  var window: Int { Int(state.window) }
  var threshold: Int { Int(state.threshold) }

  /// `count` octets were acknowledged for the first time, outside recovery.
  mutating func acknowledged(_ count: Int, segmentSize: Int) {
    state.acknowledged(UInt32(count), segmentSize: UInt32(segmentSize))
  }
  /// A segment was lost with `flight` octets unacknowledged.
  mutating func segmentLost(flight: Int, segmentSize: Int) {
    state.segmentLost(flight: UInt32(flight), segmentSize: UInt32(segmentSize))
  }
  /// The retransmission timer expired; `isFirst` unless it is for the same segment again.
  mutating func timedOut(flight: Int, segmentSize: Int, isFirst: Bool) {
    state.timedOut(flight: UInt32(flight), segmentSize: UInt32(segmentSize), isFirst: isFirst)
  }
  mutating func setWindow(_ window: Int) { state.window = UInt32(window) }
}
