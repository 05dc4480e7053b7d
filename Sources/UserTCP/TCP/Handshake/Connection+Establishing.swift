// From 64 octets in the SYN queue to a connection: the last step of a passive open (RFC 9293 §3.10.7.4,
// SYN-RECEIVED), or with Fast Open its first.

extension Connection {
  /// A passive open whose ACK has come; the ACK itself arrives next, like any segment.
  init(
    establishing entry: HalfOpen, options: ConnectionOptions, _ context: inout TCPContext
  ) {
    self.init(entry, options: options, context)
    send.next = entry.sendNext
    send.cursor = entry.sendNext
    synRetransmissions = entry.retransmissions
    if entry.retransmissions > 0 {
      flags.insert(.lostSYN)
    } else if !entry.flags.contains(.fromCookie) {
      let now = TimestampState.milliseconds(context.now)
      let elapsed = UInt32(truncatingIfNeeded: now) &- entry.firstSent
      roundTrip.add(sample: .milliseconds(Int64(elapsed)), context.settings)
    }
  }

  /// A passive open whose SYN brought a good cookie (RFC 7413 §4.2.2): the SYN-ACK is this connection's to
  /// send, and to repeat.
  init(
    openingFast entry: HalfOpen, options: ConnectionOptions, _ context: inout TCPContext
  ) {
    self.init(entry, options: options, context)
    flags.formUnion([.isFastOpenPending, .isSYNDue, .isOutputDue])
    fastOpenListener = FastOpenListener(entry.listener)
    unansweredSince = context.now
    // The program may read before the handshake shows how long a round trip takes.
    receive.beginTuning(at: context.now, roundTrip: .zero)
  }

  /// Everything that an entry of the SYN queue remembers, in SYN-RECEIVED.
  private init(
    _ entry: HalfOpen, options: ConnectionOptions, _ context: borrowing TCPContext
  ) {
    let usesTimestamps = entry.flags.contains(.timestamps)
    let remote = entry.remoteSegmentSize == 0 ? nil : entry.remoteSegmentSize
    self.init(
      key: entry.key, state: .synReceived, initial: entry.initial,
      segmentSize: context.segmentSize(announcedByPeer: remote, timestamps: usesTimestamps),
      options: options, context)
    flags = .isUnaccepted
    send.window = UInt32(entry.remoteWindow)
    send.maximumWindow = send.window
    send.windowSequence = entry.remoteInitial
    send.windowAcknowledgment = entry.initial
    receive.begin(initial: entry.remoteInitial, window: entry.window)
    if entry.flags.contains(.windowScale) {
      send.windowShift = entry.windowShifts.remote
      receive.offerScaling(shift: entry.windowShifts.own)
    }
    if entry.flags.contains(.ecn) { ecn.flags = [.isAgreed, .sendsECT] }
    if entry.flags.contains(.accurateECN) {
      ecn.flags = [.isAgreed, .sendsECT, .isAccurate, .awaitsFirstCount]
    }
    if entry.flags.contains(.sawPlainSYN) { ecn.flags.remove(.sendsECT) }
    receive.sendsSACK = entry.flags.contains(.sack)
    timestamps = entry.timestampClock(context)
    timestamps.isEnabled = usesTimestamps
    timestamps.set(entry.recentTimestamp, at: context.now)
    remoteUserTimeout = entry.remoteUserTimeout
  }
}

extension FastOpenListener {
  init(_ id: ListenerID) {
    slot = UInt16(id.slot)
    generation = UInt16(truncatingIfNeeded: id.generation)
  }
}
