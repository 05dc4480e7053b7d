// From 64 octets in the SYN queue to a connection: the last step of a passive open (RFC 9293 §3.10.7.4,
// SYN-RECEIVED).

extension Connection {
  /// A passive open whose ACK has come: everything the SYN-queue entry remembered, in SYN-RECEIVED;
  /// the ACK itself arrives next, like any segment.
  init(
    establishing entry: HalfOpen, options: ConnectionOptions, _ context: inout TCPContext
  ) {
    let usesTimestamps = entry.flags.contains(.timestamps)
    let remote = entry.remoteSegmentSize == 0 ? nil : entry.remoteSegmentSize
    self.init(
      key: entry.key, state: .synReceived, initial: entry.initial,
      segmentSize: context.segmentSize(announcedByPeer: remote, timestamps: usesTimestamps),
      options: options, context)
    flags = .isUnaccepted
    send.next = entry.sendNext
    send.cursor = entry.sendNext
    send.window = UInt32(entry.remoteWindow)
    send.maximumWindow = send.window
    send.windowSequence = entry.remoteInitial
    send.windowAcknowledgment = entry.initial
    receive.begin(initial: entry.remoteInitial, window: entry.window)
    if entry.flags.contains(.windowScale) {
      send.windowShift = entry.remoteWindowShift
      receive.offerScaling(shift: entry.windowShift)
    }
    receive.sendsSACK = entry.flags.contains(.sack)
    timestamps = entry.timestampClock(context)
    timestamps.isEnabled = usesTimestamps
    timestamps.set(entry.recentTimestamp, at: context.now)
    synRetransmissions = entry.retransmissions
    if entry.retransmissions > 0 {
      flags.insert(.lostSYN)
    } else if !entry.flags.contains(.fromCookie) {
      let now = TimestampState.milliseconds(context.now)
      let elapsed = UInt32(truncatingIfNeeded: now) &- entry.firstSent
      roundTrip.add(sample: .milliseconds(Int64(elapsed)), context.settings)
    }
  }
}
