// Passive opens: what a segment does in LISTEN and SYN-RECEIVED (RFC 9293 §3.10.7.2, §3.10.7.4), who gets a
// place in the SYN queue, who a cookie (RFC 4987), and how a handshake becomes a connection in an accept
// queue. Nobody who has not shown that he receives our answers can make us remember more than the
// backlog.

extension ProtocolStack {
  // MARK: LISTEN

  /// RFC 9293 §3.10.7.2: reset, ACK, SYN, in this order (LC-2).
  mutating func arrivesInListen(
    _ segment: TCPSegment, _ text: RawSpan, for key: ConnectionKey, at listener: UInt32,
    _ hash: UInt32
  ) {
    if segment.isReset { return }
    if segment.hasACK { return acknowledgmentArrivesInListen(segment, text, key, listener, hash) }
    // A SYN with a FIN asks to open and close at once: nobody means it.
    guard segment.isSYN, !segment.isFIN else { return }
    let options = segment.options
    if context.settings.recyclesTimeWait, let timestamps = options.timestamps,
      peers.isOutdated(timestamps.value, from: key.remoteAddress, at: context.now)
    {
      context.counters.pawsRejectedSYNs += 1  // SYS-4
      return
    }
    synArrives(segment, text, for: key, at: listener, hash, replacing: nil)
  }

  /// Remembers a SYN and answers it, or answers with a cookie, or drops it.
  mutating func synArrives(
    _ segment: TCPSegment, _ text: RawSpan, for key: ConnectionKey, at listener: UInt32,
    _ hash: UInt32, replacing timeWaitPlace: UInt32?
  ) {
    if context.buffers.isExhausted {
      context.counters.listenDrops += 1  // SEC-28
      return
    }
    if listeners.pool[listener].isFull {
      context.counters.listenOverflows += 1  // SYS-8; cookies do not help here
      context.counters.listenDrops += 1
      return
    }
    if segment.options.windowShift ?? 0 > 14 { context.counters.windowShiftsTooLarge += 1 }  // TS-3
    context.countSegmentSize(announcedBy: segment)
    guard let id = listeners.pool.id(at: listener) else { return }
    var entry = halfOpen(segment, key, ListenerID(slot: id.slot, generation: id.generation))
    if let timeWaitPlace {
      // Beyond everything the old incarnation used, whatever the clock says (TW-13).
      entry.initial = timeWait[timeWaitPlace].successorInitial
      entry.flags.insert(.fromTimeWait)
    }
    let admission = admission(of: entry)
    if admission == .remember, timeWaitPlace == nil, opensFast(segment, text, &entry, hash) {
      return
    }
    if segment.textCount > 0 { context.counters.synTextsIgnored += 1 }
    switch admission {
    case .remember:
      guard synQueue.insert(entry, hash: hash, &context) else { fallthrough }
      listeners.pool[listener].halfOpenCount += 1
      context.counters.passiveOpens += 1
      if timeWaitPlace != nil { context.counters.timeWaitReopened += 1 }
    case .drop: context.counters.listenDrops += 1
    case .sendCookie: sendCookie(entry)
    }
  }

  private mutating func halfOpen(
    _ segment: TCPSegment, _ key: ConnectionKey, _ listener: ListenerID
  ) -> HalfOpen {
    let options = listeners.pool[listener.slot].options
    var flags = HalfOpen.Flags()
    if context.settings.timestamps != .off, segment.options.timestamps != nil {
      flags.insert(.timestamps)
    }
    if context.settings.usesSACK, segment.options.permitsSACK { flags.insert(.sack) }
    if context.settings.timestamps == .randomOffset { flags.insert(.timestampOffset) }
    if context.settings.ecn != .off, segment.asksForECN { flags.insert(.ecn) }
    if context.settings.ecn != .off, context.settings.usesAccurateECN, segment.asksForAccurateECN {
      flags.insert(.accurateECN)
      flags.codepoint = segment.ecn
    }
    if context.settings.windowScaling, segment.options.windowShift != nil {
      flags.insert(.windowScale)
    }
    var entry = HalfOpen(
      key: key, remoteInitial: segment.sequence,
      initial: context.secrets.initialSequence(key, at: context.now),
      recentTimestamp: segment.options.timestamps?.value ?? 0,
      firstSent: UInt32(truncatingIfNeeded: TimestampState.milliseconds(context.now)),
      deadline: context.now + context.settings.initialRetransmissionTimeout, listener: listener,
      remoteSegmentSize: segment.options.maximumSegmentSize ?? 0, remoteWindow: segment.window,
      windowShifts: WindowShifts(
        remote: segment.options.windowShift ?? 0,
        own: ReceiveSide.windowShift(for: options.largestReceiveBuffer(context.settings))),
      dscp: options.dscp, timeToLive: options.timeToLive ?? 0, retransmissions: 0, flags: flags,
      window: UInt16(clamping: options.receiveBuffer(context.settings)))
    if let userTimeout = UserTimeoutOption(of: options, context.settings) {
      entry.userTimeout = userTimeout.rawValue
      entry.remoteUserTimeout = userTimeoutArrives(segment.options.userTimeout)
    }
    return entry
  }

  /// What the entry remembers of a SYN's user timeout option (RFC 5482).
  private mutating func userTimeoutArrives(_ option: UserTimeoutOption?) -> UInt16 {
    guard let option else { return 0 }
    guard !option.isReserved else {
      context.counters.userTimeoutsRefused += 1
      return 0
    }
    context.counters.userTimeoutsReceived += 1
    return option.rawValue
  }

  private enum Admission { case remember, sendCookie, drop }

  /// Who gets a place in the SYN queue (SYS-1, SYS-2).
  private mutating func admission(of entry: HalfOpen) -> Admission {
    let listener = entry.listener.slot
    let isFlooded = listeners.pool[listener].isFlooded
    if entry.flags.contains(.fromTimeWait) {
      // Never a cookie: its number would break TW-13 (TW-19). Whoever is here has been connected
      // before, so there is as much room again.
      let room = 2 * (listeners.pool[listener].backlog + 1)
      return listeners.pool[listener].halfOpenCount < room ? .remember : .drop
    }
    switch context.settings.synCookies {
    case .always,
      .onOverflow where isFlooded:
      // The smallest size a cookie knows is still too large for this peer.
      if 1..<SYNCookie.segmentSizes[0] ~= entry.remoteSegmentSize { return .drop }
      context.counters.synQueueFullCookies += 1
      return .sendCookie
    case .off where isFlooded:
      context.counters.synQueueFullDrops += 1
      return .drop
    case .off:
      // "the last quarter of the backlog is dedicated to destinations proven to be alive"
      let left = context.settings.maximumHalfOpen - synQueue.count
      let isReserved = left < context.settings.maximumHalfOpen / 4
      return isReserved && !peers.isProven(entry.key.remoteAddress) ? .drop : .remember
    case .onOverflow: return .remember
    }
  }

  // MARK: Cookies

  /// Answers a SYN and forgets it: no entry, no retransmission (SEC-20).
  private mutating func sendCookie(_ entry: HalfOpen) {
    var entry = entry
    // Without timestamps there is nowhere to keep them (SEC-19).
    if !entry.flags.contains(.timestamps) { entry.flags.subtract([.windowScale, .sack, .ecn]) }
    // One bit has no room for the accurate form.
    entry.flags.remove(.accurateECN)
    entry.initial = SYNCookie.sequence(
      for: entry.key, remoteInitial: entry.remoteInitial, announced: entry.remoteSegmentSize,
      at: context.now, context.secrets)
    var header = entry.synAck(context)
    if let timestamps = header.options.timestamps {
      let offset = context.timestampOffset(entry.key)
      let shift = entry.flags.contains(.windowScale) ? entry.windowShifts.remote : nil
      var offered = SYNCookieOptions(windowShift: shift)
      offered.permitsSACK = entry.flags.contains(.sack)
      offered.permitsECN = entry.flags.contains(.ecn)
      let clock = offered.timestamp(notAfter: timestamps.value &- offset)
      header.options.timestamps?.value = clock &+ offset
    }
    listeners.pool[entry.listener.slot].lastCookie = context.now
    context.counters.synCookiesSent += 1
    context.replies.append(entry.reply(header), &context.counters)
  }

  /// In LISTEN an ACK is for nothing we remember: the end of a handshake with a cookie, or a mistake.
  private mutating func acknowledgmentArrivesInListen(
    _ segment: TCPSegment, _ text: RawSpan, _ key: ConnectionKey, _ listener: UInt32,
    _ hash: UInt32
  ) {
    guard !segment.isSYN, context.settings.synCookies != .off,
      listeners.pool[listener].believesCookies(at: context.now)
    else { return context.reset(key, answering: segment) }
    guard let entry = halfOpen(fromCookieOf: segment, key, listener) else {
      context.counters.synCookiesFailed += 1
      return context.reset(key, answering: segment)
    }
    context.counters.synCookiesReceived += 1
    if listeners.pool[listener].isFull {
      // Silently: the client's text, which it sends again, may find room.
      context.counters.listenOverflows += 1
      context.counters.listenDrops += 1
      return
    }
    if accept(entry, segment, text, hash) { context.counters.passiveOpens += 1 }
  }

  /// What the SYN queue would have remembered, as far as the cookie and its timestamp tell.
  private func halfOpen(
    fromCookieOf segment: TCPSegment, _ key: ConnectionKey, _ listener: UInt32
  ) -> HalfOpen? {
    let initial = segment.acknowledgment - 1
    let remoteInitial = segment.sequence - 1
    guard let id = listeners.pool.id(at: listener),
      let cookie = SYNCookie(
        initial, for: key, remoteInitial: remoteInitial, at: context.now, context.secrets)
    else { return nil }
    let options = listeners.pool[listener].options
    var entry = HalfOpen(
      key: key, remoteInitial: remoteInitial, initial: initial, recentTimestamp: 0, firstSent: 0,
      deadline: .never, listener: ListenerID(slot: id.slot, generation: id.generation),
      remoteSegmentSize: cookie.segmentSize, remoteWindow: segment.window,
      windowShifts: WindowShifts(
        remote: 0,
        own: ReceiveSide.windowShift(for: options.largestReceiveBuffer(context.settings))),
      dscp: options.dscp, timeToLive: options.timeToLive ?? 0, retransmissions: 0,
      flags: .fromCookie, window: UInt16(clamping: options.receiveBuffer(context.settings)))
    if let timestamps = segment.options.timestamps, context.settings.timestamps != .off {
      entry.flags.insert(.timestamps)
      // Whether our clock had its offset shows in the echo, whatever the setting says by now.
      let clock = context.secrets.timestampClock(key, hasOffset: true)
      if SYNCookieOptions.areIn(timestamps.echo, of: clock, at: context.now) {
        entry.flags.insert(.timestampOffset)
      }
      entry.recentTimestamp = timestamps.value
      let offset = entry.timestampClock(context).offset
      let offered = SYNCookieOptions(timestamp: timestamps.echo &- offset)
      if context.settings.usesSACK, offered.permitsSACK { entry.flags.insert(.sack) }
      if context.settings.ecn != .off, offered.permitsECN { entry.flags.insert(.ecn) }
      if context.settings.windowScaling, let shift = offered.windowShift {
        entry.flags.insert(.windowScale)
        entry.windowShifts.remote = shift
      }
    }
    return entry
  }

  // MARK: SYN-RECEIVED

  mutating func arrivesInSynReceived(
    _ segment: TCPSegment, _ text: RawSpan, at slot: UInt32, _ hash: UInt32
  ) {
    switch synQueue.segmentArrives(segment, at: slot, &context) {
    case .handled: break
    case .remove: removeHalfOpen(slot)
    case .establish: establish(slot, segment, text, hash)
    }
  }

  mutating func removeHalfOpen(_ slot: UInt32) {
    guard let entry = synQueue.entry(at: slot) else { return }
    if listeners.contains(entry.listener) {
      listeners.pool[entry.listener.slot].halfOpenCount -= 1
    }
    // A TIME-WAIT entry that it meant to replace is still there, with the time it had left (TW-14).
    synQueue.remove(slot)
  }

  private mutating func establish(
    _ slot: UInt32, _ segment: TCPSegment, _ text: RawSpan, _ hash: UInt32
  ) {
    guard let entry = synQueue.entry(at: slot) else { return }
    guard listeners.contains(entry.listener) else {
      // Nobody listens any more.
      context.reset(entry.key, answering: segment)
      return removeHalfOpen(slot)
    }
    if listeners.pool[entry.listener.slot].isFull {
      context.counters.listenOverflows += 1
      context.counters.listenDrops += 1
      if context.settings.abortOnOverflow {
        context.reset(entry.key, answering: segment)  // SYS-10
        return removeHalfOpen(slot)
      }
      return  // the SYN-ACK will ask again (SEC-22)
    }
    if accept(entry, segment, text, hash) { removeHalfOpen(slot) }
  }

  /// The handshake is complete: a connection in the accept queue, which has room, and the segment
  /// that completed it arrives there.
  private mutating func accept(
    _ entry: HalfOpen, _ segment: TCPSegment, _ text: RawSpan, _ hash: UInt32
  ) -> Bool {
    let connection = Connection(
      establishing: entry, options: listeners.pool[entry.listener.slot].options, &context)
    guard let id = insert(connection, hash: hash) else {
      context.counters.listenDrops += 1
      return false
    }
    peers.handshakeCompleted(with: entry.key.remoteAddress)
    if entry.flags.contains(.fromTimeWait), let place = timeWait.find(entry.key, hash: hash) {
      timeWait.remove(place)
    }
    offer(id, at: entry.listener)
    connections[id.slot].segmentArrives(segment, text, &context)
    settle(id)
    return true
  }

  /// Into the accept queue, which has room.
  mutating func offer(_ connection: ConnectionID, at listener: ListenerID) {
    listeners.pool[listener.slot].acceptQueue.append(connection)
    guard !listeners.pool[listener.slot].isNotified else { return }
    listeners.pool[listener.slot].isNotified = true
    notifications.append(.acceptable(listener))
  }
}
