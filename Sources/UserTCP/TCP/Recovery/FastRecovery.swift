// Fast retransmit and fast recovery without SACK: RFC 5681 §3.2 with the NewReno answer to partial ACKs
// (RFC 6582), and after a timeout the two ACKs that tell whether it was one (F-RTO, RFC 5682 §2). It tells
// what to do; the connection does it.

struct FastRecovery: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case open
    /// After a mark that ACKs echoed, until something beyond what was in flight then is acknowledged.
    case reduction
    case fastRecovery
    /// After a timeout, until what was in flight then is acknowledged.
    case timeout
  }

  /// How far F-RTO has come after a timeout (RFC 5682 §2.1).
  enum Doubt: UInt8, BitwiseCopyable {
    case none
    /// The oldest segment has been sent again; nothing else is until an ACK comes.
    case untilFirst
    /// That ACK advanced: two new segments go out, and the next ACK decides.
    case untilSecond
  }

  private(set) var phase = Phase.open
  private(set) var doubt = Doubt.none
  private(set) var duplicates: UInt8 = 0
  /// Highest octet sent when the last recovery began (RFC 6582 §3.2 step 1).
  private var recover = SequenceNumber(0)
  /// cwnd and ssthresh before a timeout in doubt.
  private var priorWindow: UInt32 = 0
  private var priorThreshold: UInt32 = 0

  /// `initial` is the ISS; `recover` starts just before it, so that the first data can be recovered.
  init(initial: SequenceNumber) { recover = initial - 1 }

  /// Whether an ACK of `acknowledgment` ends the phase.
  private func isFull(_ acknowledgment: SequenceNumber) -> Bool { acknowledgment > recover }

  /// RFC 3042: each of the first two duplicates lets one new segment out (CC-11).
  func limitedTransmit(segmentSize: Int) -> Int {
    phase == .open ? Int(min(duplicates, 2)) * segmentSize : 0
  }

  /// What was in flight is taken for lost for another reason: nothing is left to find out.
  mutating func endDoubt() { doubt = .none }

  enum DuplicateAction: BitwiseCopyable {
    case none
    case retransmit
    /// The timeout was right: what was in flight is sent again from the oldest on.
    case goBack
  }

  /// A duplicate ACK (RFC 5681 §2) with `flight` octets out and `next` = SND.NXT; `threshold` of them mean
  /// a loss.
  mutating func duplicateArrives(
    unacknowledged: SequenceNumber, next: SequenceNumber, segmentSize: Int, threshold: Int,
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
      guard doubt == .untilSecond else {
        doubt = .none
        return .none
      }
      // RFC 5682 §2.1 (3a): "cwnd to no more than 3 * MSS"
      doubt = .none
      congestion.setWindow(min(congestion.window, 3 * segmentSize))
      return .goBack
    case .open, .reduction:
      guard Int(duplicates) == threshold,
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
      congestion.setWindow(congestion.threshold + threshold * segmentSize)
      return .retransmit
    }
  }

  enum AdvanceAction: BitwiseCopyable {
    case none
    /// A partial ACK: the next hole is resent at once (CC-10).
    case retransmit
    /// F-RTO: two new segments instead of old ones (RFC 5682 §2.1 (2b)).
    case sendNew
    /// The timeout was none; the windows are what they were (FRTO-1).
    case spurious
  }

  /// The ACK advanced to `acknowledgment`, `count` octets; `next` = SND.NXT. `canSendNew`: there is new text
  /// that the peer's window takes (FRTO-2).
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, count: Int, next: SequenceNumber, segmentSize: Int,
    isWindowLimited: Bool, canSendNew: Bool, echoesCongestion: Bool = false, roundTrip: Interval,
    at now: Instant,
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
      let wasInDoubt = doubt
      doubt = .none
      if wasInDoubt == .untilSecond {
        congestion.undo(window: Int(priorWindow), threshold: priorThreshold)
        phase = .open
        return .spurious
      }
      if wasInDoubt == .untilFirst, canSendNew, !isFull(acknowledgment) {
        doubt = .untilSecond
        congestion.setWindow(next - acknowledgment + 2 * segmentSize)
        return .sendNew
      }
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

  /// Everything in flight goes out again, though no sign of congestion was seen (PMTU-2).
  mutating func beginAgain(next: SequenceNumber, _ congestion: inout CongestionController) {
    if phase == .fastRecovery { congestion.setWindow(congestion.threshold) }
    phase = .timeout
    doubt = .none
    duplicates = 0
    recover = next - 1
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

  /// The retransmission timer expired (RFC 6582 §4). `mayBeSpurious`: F-RTO is on, and there is new text.
  mutating func timedOut(
    unacknowledged: SequenceNumber, next: SequenceNumber, segmentSize: Int, isFirst: Bool,
    mayBeSpurious: Bool, _ congestion: inout CongestionController
  ) {
    // FRTO-2: not in a recovery, nor when the same segment times out again.
    let mayDoubt = mayBeSpurious && isFirst && (phase == .open || phase == .reduction)
    doubt = mayDoubt ? .untilFirst : .none
    priorWindow = UInt32(congestion.window)
    priorThreshold = UInt32(congestion.threshold)
    // What a mark has cut in this window is not cut again (ECN-4).
    congestion.timedOut(
      flight: next - unacknowledged, segmentSize: segmentSize,
      isFirst: isFirst && phase != .reduction)
    phase = .timeout
    duplicates = 0
    recover = next - 1
  }
}
