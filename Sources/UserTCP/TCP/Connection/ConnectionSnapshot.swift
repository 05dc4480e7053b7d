// A copy of what a human wants to know of one socket: rows of `netstat`, `ss`, `/proc/net/tcp` and
// `/status`. Nothing here refers back to the stack.

/// Which timer of a socket runs out next, as `/proc/net/tcp` numbers them (NST-6).
public enum SnapshotTimer: UInt8, Sendable, CaseIterable {
  case none, retransmission, keepAlive, timeWait, probe
}

public struct ConnectionSnapshot: Sendable {
  public var state: TCPState
  public var local: Endpoint
  /// `nil` for a listener.
  public var remote: Endpoint?
  /// Names the socket while it lives, in the place of Linux's inode; 0 where no program can hold it:
  /// half-open connections, orphans and TIME-WAIT (NST-4).
  public var handle: UInt64 = 0
  /// The program gave its handle back, and TCP has not finished (SYS-15).
  public var isOrphan = false

  /// Octets received and not yet read; for a listener its accept queue's length (NST-5).
  public var receiveQueue = 0
  /// Octets written and not yet acknowledged, a FIN and a SYN included.
  public var sendQueue = 0
  /// Of these, octets that were never sent.
  public var unsent = 0
  /// Of a listener: how many may wait for `accept`.
  public var backlog = 0

  public var timer = SnapshotTimer.none
  /// Until it runs out.
  public var timerLeft = Interval.zero
  /// Retransmissions of the oldest octet since it last moved; of a half-open connection, its SYN-ACK's.
  public var retransmissionsInRow = 0
  /// Unanswered window or keep-alive probes.
  public var probes = 0

  public var retransmissions = 0
  public var bytesSent: UInt64 = 0
  public var bytesAcknowledged: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  /// What a super-segment is cut into counts; modulo 2^32.
  public var segmentsSent: UInt32 = 0
  public var segmentsReceived: UInt32 = 0
  /// Since a segment was last sent and received.
  public var idleSending = Interval.zero
  public var idleReceiving = Interval.zero

  /// Zero before the first sample.
  public var smoothedRoundTripTime = Interval.zero
  public var roundTripVariation = Interval.zero
  public var retransmissionTimeout = Interval.zero
  /// How long unanswered octets are repeated; `nil`: as the stack has it (R2).
  public var userTimeout: Interval?
  /// Backed-off doublings of it.
  public var backoff = 0
  /// How long an ACK may wait.
  public var delayedAcknowledgment = Interval.zero
  /// ACKs that still go out at once, at the start of a connection.
  public var quickAcknowledgments = 0

  public var congestionAlgorithm = CongestionAlgorithm.cubic
  /// Octets that the peer has beyond a gap, that are taken for lost, and that are out again.
  public var sacked = 0
  public var lost = 0
  public var resent = 0
  /// A segment has overtaken another on this path (RFC 8985).
  public var sawReordering = false
  /// Octets a second that arrived at the peer; 0 while nobody knows.
  public var deliveryRate: UInt64 = 0
  /// Octets a second at which a flight is spread; 0 where it is not.
  public var pacingRate = 0
  /// The shortest round trip since the connection was last idle; zero while nobody knows.
  public var minimumRoundTripTime = Interval.zero
  /// In octets, like every window here.
  public var congestionWindow = 0
  /// `nil` while it is as good as infinite: no loss has been seen.
  public var slowStartThreshold: Int?
  public var sendWindow = 0
  public var receiveWindow = 0
  public var maximumSegmentSize = 0
  /// What we announced.
  public var announcedSegmentSize = 0
  /// The largest segment the peer has sent.
  public var receivedSegmentSize = 0
  public var pathMTU = 0
  public var usesTimestamps = false
  /// Text on the SYN was taken (RFC 7413).
  public var usesFastOpen = false
  /// Both ends agreed on explicit congestion notification; and the peer's text came with a codepoint.
  public var usesECN = false
  /// The accurate form of it.
  public var usesAccurateECN = false
  public var hasSeenECN = false
  /// Shifts of the peer's and of our windows; `nil` without window scaling.
  public var sendWindowShift: UInt8?
  public var receiveWindowShift: UInt8?
}

extension Connection {
  func snapshot(_ id: ConnectionID, _ context: borrowing TCPContext) -> ConnectionSnapshot {
    let now = context.now
    let isOrphan = flags.contains(.isReleased)
    var row = ConnectionSnapshot(state: state, local: key.local, remote: key.remote)
    row.isOrphan = isOrphan
    row.handle = isOrphan ? 0 : UInt64(id.slot) << 8 | UInt64(id.generation & 0xFF)
    row.receiveQueue = receive.ring.count
    row.sendQueue = max(send.flight, 0) + (send.dataEnd - .latest(send.next, send.dataStart))
    row.unsent = send.dataEnd - .latest(send.next, send.dataStart)
    (row.timer, row.timerLeft) = timer(at: now)
    row.retransmissionsInRow =
      state == .synSent || state == .synReceived
      ? Int(synRetransmissions) : Int(retransmissionsInRow)
    row.probes = row.timer == .probe ? Int(retransmissionsInRow) : Int(keepAliveProbes)
    if row.timer == .probe { row.retransmissionsInRow = 0 }
    row.retransmissions = Int(retransmissions)
    row.bytesSent = bytesSent
    row.bytesAcknowledged = UInt64(
      max(0, Int64(clamping: bytesSent) - Int64(row.sendQueue - row.unsent)))
    row.bytesReceived = bytesReceived
    row.segmentsSent = segmentsSent
    row.segmentsReceived = segmentsReceived
    row.idleSending = now - lastSent
    row.idleReceiving = now - lastReceived
    row.smoothedRoundTripTime = roundTrip.smoothed
    row.roundTripVariation = roundTrip.variation
    row.retransmissionTimeout = roundTrip.timeout(
      maximum: context.settings.maximumRetransmissionTimeout)
    row.userTimeout = userTimeout(context.settings)
    row.backoff = Int(roundTrip.backoff)
    row.delayedAcknowledgment = context.settings.delayedAcknowledgment
    row.quickAcknowledgments = Int(quickAcknowledgments)
    row.congestionAlgorithm = congestion.algorithm
    row.sawReordering = flags.contains(.sawReordering)
    if !activity.isEmpty {
      row.sawReordering = activity.state.rack.sawReordering
      row.sacked = Int(activity.state.sacked)
      row.lost = Int(activity.state.lost)
      row.resent = Int(activity.state.resent)
      row.deliveryRate = activity.state.rate.octetsPerSecond
      let least = activity.state.rack.minimumRoundTrip
      row.minimumRoundTripTime = least == .forever ? .zero : least
    }
    row.pacingRate = pacingRate(context) ?? 0
    row.congestionWindow = congestion.window
    row.slowStartThreshold = congestion.threshold >= 1 << 30 ? nil : congestion.threshold
    row.sendWindow = Int(send.window)
    row.receiveWindow = receive.window
    row.maximumSegmentSize = Int(send.segmentSize)
    row.announcedSegmentSize = Int(context.announcedSegmentSize)
    row.receivedSegmentSize = Int(receive.segmentSize)
    row.pathMTU = pathMTU(context)
    row.usesTimestamps = timestamps.isEnabled
    row.usesFastOpen = flags.contains(.usesFastOpen)
    row.usesECN = ecn.isAgreed && state.isSynchronized
    row.usesAccurateECN = row.usesECN && ecn.isAccurate
    row.hasSeenECN = ecn.flags.contains(.sawCodepoint)
    if receive.isScaled {
      row.sendWindowShift = send.windowShift
      row.receiveWindowShift = receive.windowShift
    }
    return row
  }

  /// In the order `/proc/net/tcp` looks for them.
  private func timer(at now: Instant) -> (SnapshotTimer, Interval) {
    if deadlines.retransmission != .never {
      let isProbe = send.isSYNAcknowledged && (send.window == 0 || send.flight == 0)
      return (isProbe ? .probe : .retransmission, max(deadlines.retransmission - now, .zero))
    }
    let other = min(deadlines.keepAlive, deadlines.closing)
    return other == .never ? (.none, .zero) : (.keepAlive, max(other - now, .zero))
  }
}
