// Fast retransmit and fast recovery without SACK: RFC 5681 §3.2 with the NewReno answer to partial
// ACKs (RFC 6582). It tells what to do; the connection does it.

struct FastRecovery: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case open
    /// After a mark that ACKs echoed, until something beyond what was in flight then is acknowledged.
    case reduction
    case fastRecovery
    /// After a timeout, until what was in flight then is acknowledged.
    case timeout
  }

  private(set) var phase = Phase.open
  private(set) var duplicates: UInt8 = 0
  /// Highest octet sent when the last recovery began (RFC 6582 §3.2 step 1).
  private var recover = SequenceNumber(0)

  static let duplicateThreshold: UInt8 = 3

  /// `initial` is the ISS; `recover` starts just before it, so that the first data can be recovered.
  init(initial: SequenceNumber) { recover = initial - 1 }

  /// Whether an ACK of `acknowledgment` ends the phase.
  private func isFull(_ acknowledgment: SequenceNumber) -> Bool { acknowledgment > recover }

  /// RFC 3042: each of the first two duplicates lets one new segment out (CC-11).
  func limitedTransmit(segmentSize: Int) -> Int {
    phase == .open ? Int(min(duplicates, Self.duplicateThreshold - 1)) * segmentSize : 0
  }

  enum DuplicateAction: BitwiseCopyable {
    case none
    case retransmit
  }

  /// A duplicate ACK (RFC 5681 §2) with `flight` octets out and `next` = SND.NXT.
  mutating func duplicateArrives(
    unacknowledged: SequenceNumber, next: SequenceNumber, segmentSize: Int,
    _ congestion: inout CongestionController
  ) -> DuplicateAction {
    if duplicates < .max { duplicates += 1 }
    switch phase {
    case .fastRecovery:
      // "For each additional duplicate ACK received, cwnd MUST be incremented by SMSS", but by no more
      // than the segments that can have left the network (SEC-30).
      let limit = congestion.threshold + (next - unacknowledged)
      congestion.setWindow(min(congestion.window + segmentSize, max(limit, congestion.window)))
      return .none
    case .timeout:
      return .none
    case .open, .reduction:
      guard duplicates == Self.duplicateThreshold,
        // RFC 6582 §3.2 step 2: only if the ACK covers more than `recover`, else these duplicates
        // are the echo of what the last recovery sent. A reduction has sent nothing again.
        phase == .reduction || unacknowledged - 1 > recover
      else { return .none }
      if phase == .open {
        // What limited transmit has sent beyond the window does not count (RFC 5681 §3.2, CC-6).
        let flight = min(next - unacknowledged, congestion.window)
        congestion.segmentLost(flight: flight, segmentSize: segmentSize)
      }
      phase = .fastRecovery
      recover = next - 1
      congestion.setWindow(congestion.threshold + 3 * segmentSize)
      return .retransmit
    }
  }

  enum AdvanceAction: BitwiseCopyable {
    case none
    /// A partial ACK: the next hole is resent at once (CC-10).
    case retransmit
  }

  /// The ACK advanced to `acknowledgment`, `count` octets; `next` = SND.NXT.
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, count: Int, next: SequenceNumber, segmentSize: Int,
    isWindowLimited: Bool, echoesCongestion: Bool = false, roundTrip: Interval, at now: Instant,
    _ congestion: inout CongestionController
  ) -> AdvanceAction {
    duplicates = 0
    // CWR was on the first octet beyond `recover`: the peer has seen it.
    if phase == .reduction, acknowledgment - recover > 1 {
      phase = .open
      recover = acknowledgment - 2
    }
    switch phase {
    case .open:
      // Keeps `recover` within half a circle of what it is compared with.
      if acknowledgment - recover > 1 << 30 { recover = acknowledgment - 2 }
      if isWindowLimited {
        congestion.acknowledged(
          count, segmentSize: segmentSize, roundTrip: roundTrip, at: now)
      }
      return .none
    case .reduction: return .none
    case .timeout:
      if !echoesCongestion {
        congestion.acknowledged(
          count, segmentSize: segmentSize, roundTrip: roundTrip, at: now)
      }
      if isFull(acknowledgment) { phase = .open }
      return .none
    case .fastRecovery:
      if isFull(acknowledgment) {
        // RFC 6582 §3.2 step 3 (1): the lesser of ssthresh and flight + 1, so that no burst follows.
        let flight = next - acknowledgment
        congestion.setWindow(
          min(congestion.threshold, max(flight, segmentSize) + segmentSize))
        phase = .open
        return .none
      }
      // "deflate the congestion window by the amount of new data acknowledged … if the partial ACK
      // acknowledges at least one SMSS of new data, then add back SMSS bytes"
      let deflated = congestion.window - count + (count >= segmentSize ? segmentSize : 0)
      congestion.setWindow(max(deflated, segmentSize))
      return .retransmit
    }
  }

  /// An ACK echoes a mark (RFC 3168 §6.1.2); false when the window has been cut for it already.
  mutating func congestionEchoed(
    _ acknowledgment: SequenceNumber, flight: Int, next: SequenceNumber, segmentSize: Int,
    _ congestion: inout CongestionController
  ) -> Bool {
    guard phase == .open || acknowledgment - recover > 1 else { return false }
    let window = congestion.congestionEchoed(flight: flight, segmentSize: segmentSize)
    congestion.setWindow(window)
    phase = .reduction
    recover = next - 1
    return true
  }

  /// The retransmission timer expired (RFC 6582 §4).
  mutating func timedOut(
    unacknowledged: SequenceNumber, next: SequenceNumber, segmentSize: Int, isFirst: Bool,
    _ congestion: inout CongestionController
  ) {
    congestion.timedOut(
      flight: next - unacknowledged, segmentSize: segmentSize,
      isFirst: isFirst && phase != .reduction)
    phase = .timeout
    duplicates = 0
    recover = next - 1
  }
}
