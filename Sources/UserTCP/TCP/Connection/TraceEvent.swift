// What a trace tells: one thing that happened to one connection, as a plain value. The engine writes them only
// while somebody traces (`EventTrace`), and knows no format: lines and JSON are the program's.

/// One thing that happened to a connection.
public struct TraceEvent: Sendable, BitwiseCopyable {
  public var time: Instant
  let key: ConnectionKey
  public var what: What

  /// Port 0 where a segment was too damaged to have one.
  public var local: Endpoint { key.local }
  public var remote: Endpoint { key.remote }

  public enum What: Sendable, BitwiseCopyable {
    case segmentSent(TracedSegment)
    case segmentReceived(TracedSegment)
    /// A segment that arrived and was not taken, or not wholly.
    case segmentDropped(TraceDrop)
    case stateChanged(from: TCPState, to: TCPState)
    /// What the two SYNs have agreed on.
    case negotiated(TracedAgreement)
    case roundTripMeasured(TracedRoundTrip)
    case windowChanged(window: Int, threshold: Int?, TraceWindowReason)
    case recoveryChanged(from: TraceRecovery, to: TraceRecovery)
    /// So many octets more are taken for lost.
    case lossDetected(octets: Int)
    case probeSent(TraceTimer)
    /// A timer runs that did not, or stands for something else now. That an ACK begins a timer anew is not
    /// told.
    case timerSet(TraceTimer, after: Interval)
    case timerCancelled(TraceTimer)
    case timerFired(TraceTimer)
  }
}

/// The header of a segment, as it was on the wire.
public struct TracedSegment: Sendable, BitwiseCopyable {
  /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256.
  public var flags: UInt16
  public var sequence: UInt32
  public var acknowledgment: UInt32
  /// Octets of text.
  public var length: UInt32
  /// Not scaled.
  public var window: UInt16
  /// Text of each piece of a super-segment; 0 for a plain one.
  public var segmentSize: UInt16
  /// SACK blocks.
  public var blocks: UInt8
  public var isRetransmission: Bool
}

public struct TracedAgreement: Sendable, BitwiseCopyable {
  /// Octets of text in a full segment.
  public var segmentSize: UInt16
  public var usesSACK: Bool
  public var usesTimestamps: Bool
  /// `nil` without window scaling.
  public var sendWindowShift: UInt8?
  public var receiveWindowShift: UInt8?
  public var algorithm: CongestionAlgorithm
}

public struct TracedRoundTrip: Sendable, BitwiseCopyable {
  public var smoothed: Interval
  public var variation: Interval
  /// RTO, backed off.
  public var timeout: Interval
  public var backoff: UInt8
}

/// Where loss recovery stands.
public enum TraceRecovery: UInt8, Sendable, BitwiseCopyable {
  case open
  /// After a mark that ACKs echoed (RFC 3168).
  case reduction
  /// After a loss that ACKs told of.
  case recovery
  /// After a timeout.
  case loss
}

public enum TraceWindowReason: UInt8, Sendable, BitwiseCopyable {
  case initial, slowStart, congestionAvoidance, recovery, recoveryEnded, timeout, undo, probe, other
}

public enum TraceTimer: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case retransmission, reordering, tailLossProbe, persist, delayedAcknowledgment, keepAlive, closing
}

/// Why a segment was dropped; the counters have the same.
public enum TraceDrop: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case checksum, malformedHeader, malformedOptions, outOfWindow, withoutACK, withoutTimestamp
  case oldTimestamp, acknowledgmentOfNothing, outOfOrderLimit, listenLimit
}

extension TCPCounters {
  /// How often a segment was dropped for this reason.
  func count(of drop: TraceDrop) -> UInt64 {
    switch drop {
    case .checksum: checksumErrors
    case .malformedHeader: malformedHeaders
    case .malformedOptions: malformedOptions
    case .outOfWindow: segmentsOutOfWindow
    case .withoutACK: segmentsWithoutACK
    case .withoutTimestamp: segmentsWithoutTimestamp
    case .oldTimestamp: pawsRejected + pawsRejectedInSynSent + pawsRejectedSYNs
    case .acknowledgmentOfNothing: acknowledgmentsOfNothing
    case .outOfOrderLimit: outOfOrderDropped
    case .listenLimit: listenDrops
    }
  }
}

extension TracedSegment {
  init(_ segment: TCPSegment) {
    self.init(
      flags: segment.flags.rawValue, sequence: segment.sequence.rawValue,
      acknowledgment: segment.acknowledgment.rawValue, length: UInt32(segment.textCount),
      window: segment.window, segmentSize: UInt16(clamping: segment.segmentSize),
      blocks: UInt8(segment.options.sackBlocks.count), isRetransmission: false)
  }

  init(_ header: TCPHeader, length: Int, segmentSize: Int, isRetransmission: Bool) {
    self.init(
      flags: header.flags.rawValue, sequence: header.sequence.rawValue,
      acknowledgment: header.acknowledgment.rawValue, length: UInt32(length),
      window: header.window, segmentSize: UInt16(clamping: segmentSize),
      blocks: UInt8(header.options.sackBlocks.count), isRetransmission: isRetransmission)
  }
}
