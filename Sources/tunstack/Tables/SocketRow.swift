// One socket as the control socket sends it and as the tables print it: a `ConnectionSnapshot` in
// numbers and text that JSON has. Times are microseconds, windows octets. What only a connection
// has is left out of the rows of listeners, half-open connections and TIME-WAIT, of which there may
// be a million.

import UserTCPRuntime

struct SocketRow: Codable, Equatable, Sendable {
  /// As `netstat` writes it: `TIME_WAIT`.
  var state: String
  /// `192.0.2.2:80`
  var local: String
  /// `nil` for a listener.
  var remote: String?
  /// Names the socket while it lives; 0 where no program holds it.
  var inode: UInt64 = 0
  var orphan = false
  var receiveQueue = 0
  /// Of a listener: its backlog.
  var sendQueue = 0
  /// As /proc/net/tcp numbers them: 0 none, 1 retransmission, 2 keep-alive, 3 TIME-WAIT, 4 probe.
  var timer = 0
  var timerMicroseconds: Int64 = 0
  var retransmissionsInRow = 0
  var probes = 0
  var connection: Details?

  struct Details: Codable, Equatable, Sendable {
    var unsent = 0
    var retransmissions = 0
    var bytesSent: UInt64 = 0
    var bytesAcknowledged: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var segmentsSent: UInt32 = 0
    var segmentsReceived: UInt32 = 0
    var sawReordering = false
    var sinceSendingMicroseconds: Int64 = 0
    var sinceReceivingMicroseconds: Int64 = 0
    var roundTripMicroseconds: Int64 = 0
    var roundTripVariationMicroseconds: Int64 = 0
    var retransmissionTimeoutMicroseconds: Int64 = 0
    var backoff = 0
    var delayedAcknowledgmentMicroseconds: Int64 = 0
    var quickAcknowledgments = 0
    var congestionAlgorithm = ""
    var congestionWindow = 0
    var sacked = 0
    var lost = 0
    var resent = 0
    var pacingRate = 0
    var deliveryRate: UInt64 = 0
    var minimumRoundTripMicroseconds: Int64 = 0
    /// Left out until there was a loss.
    var slowStartThreshold: Int?
    var sendWindow = 0
    var receiveWindow = 0
    var maximumSegmentSize = 0
    var announcedSegmentSize = 0
    var receivedSegmentSize = 0
    var pathMTU = 0
    var timestamps = false
    var fastOpen = false
    /// Agreed on, and its codepoints have come.
    var ecn = false
    var ecnSeen = false
    var sendWindowShift: Int?
    var receiveWindowShift: Int?
  }
}

extension SocketRow {
  init(_ snapshot: ConnectionSnapshot) {
    self.init(
      state: snapshot.state.description, local: snapshot.local.description,
      remote: snapshot.remote?.description)
    inode = snapshot.handle
    orphan = snapshot.isOrphan
    receiveQueue = snapshot.receiveQueue
    sendQueue = snapshot.state == .listen ? snapshot.backlog : snapshot.sendQueue
    // An orphan in FIN-WAIT-2 is Linux's small entry too, and waits like one in TIME-WAIT.
    let waits = orphan && snapshot.state == .finWait2 && snapshot.timer == .keepAlive
    timer = Int((waits ? SnapshotTimer.timeWait : snapshot.timer).rawValue)
    timerMicroseconds = snapshot.timerLeft.microseconds
    retransmissionsInRow = snapshot.retransmissionsInRow
    probes = snapshot.probes
    // Only a control block has a segment size.
    if snapshot.maximumSegmentSize > 0 { connection = Details(snapshot) }
  }

  var tcpState: TCPState? { TCPState.allCases.first { $0.description == state } }
}

extension SocketRow.Details {
  init(_ snapshot: ConnectionSnapshot) {
    unsent = snapshot.unsent
    retransmissions = snapshot.retransmissions
    bytesSent = snapshot.bytesSent
    bytesAcknowledged = snapshot.bytesAcknowledged
    bytesReceived = snapshot.bytesReceived
    segmentsSent = snapshot.segmentsSent
    segmentsReceived = snapshot.segmentsReceived
    sawReordering = snapshot.sawReordering
    sinceSendingMicroseconds = snapshot.idleSending.microseconds
    sinceReceivingMicroseconds = snapshot.idleReceiving.microseconds
    roundTripMicroseconds = snapshot.smoothedRoundTripTime.microseconds
    roundTripVariationMicroseconds = snapshot.roundTripVariation.microseconds
    retransmissionTimeoutMicroseconds = snapshot.retransmissionTimeout.microseconds
    backoff = snapshot.backoff
    delayedAcknowledgmentMicroseconds = snapshot.delayedAcknowledgment.microseconds
    quickAcknowledgments = snapshot.quickAcknowledgments
    congestionAlgorithm = snapshot.congestionAlgorithm.rawValue
    congestionWindow = snapshot.congestionWindow
    sacked = snapshot.sacked
    lost = snapshot.lost
    resent = snapshot.resent
    pacingRate = snapshot.pacingRate
    deliveryRate = snapshot.deliveryRate
    minimumRoundTripMicroseconds = snapshot.minimumRoundTripTime.microseconds
    slowStartThreshold = snapshot.slowStartThreshold
    sendWindow = snapshot.sendWindow
    receiveWindow = snapshot.receiveWindow
    maximumSegmentSize = snapshot.maximumSegmentSize
    announcedSegmentSize = snapshot.announcedSegmentSize
    receivedSegmentSize = snapshot.receivedSegmentSize
    pathMTU = snapshot.pathMTU
    timestamps = snapshot.usesTimestamps
    fastOpen = snapshot.usesFastOpen
    ecn = snapshot.usesECN
    ecnSeen = snapshot.hasSeenECN
    sendWindowShift = snapshot.sendWindowShift.map(Int.init)
    receiveWindowShift = snapshot.receiveWindowShift.map(Int.init)
  }
}

extension Interval {
  fileprivate var microseconds: Int64 { nanoseconds / 1_000 }
}
