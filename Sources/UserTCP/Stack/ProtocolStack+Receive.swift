// Packets in: the checks of IP (RFC 1122 §3.2.1), then whose segment it is. Nothing leaves from here;
// answers are queued for `poll`.

extension ProtocolStack {
  /// Takes a batch of packets that arrived at `now`.
  public mutating func receive(_ batch: borrowing IncomingBatch, at now: Instant) {
    advance(to: now)
    receiveLoopback()
    receiveAll(batch, isLoopback: false)
  }

  mutating func receiveLoopback() {
    guard let batch = loopback.take() else { return }
    receiveAll(batch, isLoopback: true)
    loopback.give(batch)
  }

  private mutating func receiveAll(_ batch: borrowing IncomingBatch, isLoopback: Bool) {
    for position in 0..<batch.count {
      receive(
        batch.packet(at: position), offload: batch.offload(at: position), isLoopback: isLoopback)
    }
  }

  private mutating func receive(_ packet: RawSpan, offload: OffloadInfo, isLoopback: Bool) {
    ipCounters.received += 1
    if packet.byteCount > 0, packet.uint8(at: 0) >> 4 == 6 {
      ipCounters.otherVersions += 1
      return
    }
    let header: IPv4Header
    do throws(IPv4Header.Malformation) { header = try IPv4Header(parsing: packet) } catch {
      return count(error)
    }
    guard isLoopback || accepts(header) else { return }
    if header.isFragment {
      ipCounters.fragmentsDropped += 1
      return
    }
    ipCounters.delivered += 1
    let payload = packet.extracting(header.headerCount..<header.totalCount)
    switch header.protocolNumber {
    case IPProtocol.tcp: tcpArrives(header, payload, offload)
    case IPProtocol.icmp: icmpArrives(header, payload)
    case IPProtocol.udp: unreachable(UnreachableCode.port, about: packet, header)  // IP4-13
    default:
      ipCounters.unknownProtocols += 1
      unreachable(UnreachableCode.protocolNumber, about: packet, header)
    }
  }

  private mutating func count(_ malformation: IPv4Header.Malformation) {
    switch malformation {
    case .header, .options: ipCounters.headerErrors += 1
    case .truncated: ipCounters.truncated += 1
    case .sourceRouted: ipCounters.sourceRouted += 1
    }
  }

  /// For us, and from someone who can exist (IP4-3, IP4-4, IP4-5, R9293-MUST-57, MUST-63).
  private mutating func accepts(_ header: IPv4Header) -> Bool {
    guard hosts.isOwn(header.destination) else {
      ipCounters.addressErrors += 1
      return false
    }
    guard hosts.isValidSource(header.source) else {
      ipCounters.martianSources += 1
      return false
    }
    return true
  }

  // MARK: TCP

  private mutating func tcpArrives(
    _ header: IPv4Header, _ payload: RawSpan, _ offload: OffloadInfo
  ) {
    context.counters.segmentsIn += 1
    guard hasValidChecksum(header, payload, offload) else {
      context.counters.inErrors += 1
      context.counters.checksumErrors += 1
      return
    }
    switch TCPSegment.parse(payload, segmentSize: Int(offload.segmentSize)) {
    case .failure(let malformed):
      context.counters.inErrors += 1
      switch malformed.part {
      case .header: context.counters.malformedHeaders += 1
      case .options: context.counters.malformedOptions += 1  // R9293-MUST-7
      }
    case .success(let (segment, textOffset)):
      let key = ConnectionKey(
        remoteAddress: header.source, remotePort: segment.sourcePort,
        localAddress: header.destination, localPort: segment.destinationPort)
      segmentArrives(segment, payload.extracting(droppingFirst: textOffset), for: key)
    }
  }

  /// R9293-MUST-3; what the device vouches for counts as checked (OFF-1).
  private func hasValidChecksum(
    _ header: IPv4Header, _ payload: RawSpan, _ offload: OffloadInfo
  ) -> Bool {
    switch offload.checksum {
    case .partial, .verified: return true
    case .complete:
      var checksum = IPv4Header.pseudoHeader(
        from: header.source, to: header.destination, protocolNumber: IPProtocol.tcp,
        count: payload.byteCount)
      checksum.add(payload)
      return checksum.isValid
    }
  }

  private mutating func segmentArrives(
    _ segment: TCPSegment, _ text: RawSpan, for key: ConnectionKey
  ) {
    if segment.hasImpossibleFlags { context.counters.impossibleFlags += 1 }
    let hash = context.secrets.tableHash(key)
    if let slot = find(key, hash: hash), let id = connections.id(at: slot) {
      connections[slot].segmentArrives(segment, text, &context)
      settle(id)
    } else if let slot = synQueue.find(key, hash: hash) {
      arrivesInSynReceived(segment, text, at: slot, hash)
    } else if let place = timeWait.find(key, hash: hash) {
      arrivesInTimeWait(segment, for: key, at: place, hash)
    } else if let listener = listeners.find(key.localPort, key.local.address) {
      arrivesInListen(segment, for: key, at: listener, hash)
    } else if !segment.isReset {
      context.reset(key, answering: segment)  // RFC 9293 §3.10.7.1, LC-1
    }
  }

  // MARK: LISTEN and SYN-RECEIVED

  /// RFC 9293 §3.10.7.2: reset, ACK, SYN, in this order (LC-2).
  private mutating func arrivesInListen(
    _ segment: TCPSegment, for key: ConnectionKey, at listener: UInt32, _ hash: UInt32
  ) {
    if segment.isReset { return }
    if segment.hasACK { return context.reset(key, answering: segment) }
    // A SYN with a FIN asks to open and close at once: nobody means it.
    guard segment.isSYN, !segment.isFIN else { return }
    let initial = context.secrets.initialSequence(key, at: context.now)
    _ = open(segment, for: key, at: listener, hash, initial: initial, flags: [])
  }

  private mutating func open(
    _ segment: TCPSegment, for key: ConnectionKey, at listener: UInt32, _ hash: UInt32,
    initial: SequenceNumber, flags: HalfOpen.Flags
  ) -> Bool {
    if listeners.pool[listener].isFull {
      context.counters.listenOverflows += 1  // SYS-8
      context.counters.listenDrops += 1
      return false
    }
    guard let id = listeners.pool.id(at: listener),
      listeners.pool[listener].halfOpenCount <= listeners.pool[listener].backlog
    else {
      context.counters.listenDrops += 1
      return false
    }
    var flags = flags
    let settings = context.settings
    let options = listeners.pool[listener].options
    if settings.timestamps != .off, segment.options.timestamps != nil { flags.insert(.timestamps) }
    if settings.windowScaling, let shift = segment.options.windowShift {
      flags.insert(.windowScale)
      if shift > 14 { context.counters.windowShiftsTooLarge += 1 }  // TS-3
    }
    let entry = HalfOpen(
      key: key, remoteInitial: segment.sequence, initial: initial,
      recentTimestamp: segment.options.timestamps?.value ?? 0,
      firstSent: UInt32(truncatingIfNeeded: TimestampState.milliseconds(context.now)),
      deadline: context.now + settings.initialRetransmissionTimeout,
      listener: ListenerID(slot: id.slot, generation: id.generation),
      remoteSegmentSize: segment.options.maximumSegmentSize ?? 0, remoteWindow: segment.window,
      remoteWindowShift: min(segment.options.windowShift ?? 0, 14),
      windowShift: ReceiveSide.windowShift(for: settings.maximumReceiveBuffer),
      dscp: options.dscp, timeToLive: options.timeToLive ?? 0, retransmissions: 0, flags: flags)
    guard synQueue.insert(entry, hash: hash, &context) else {
      context.counters.listenDrops += 1
      return false
    }
    listeners.pool[listener].halfOpenCount += 1
    context.counters.passiveOpens += 1
    return true
  }

  private mutating func arrivesInSynReceived(
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
    let listener = entry.listener.slot
    if listeners.pool[listener].isFull {
      context.counters.listenOverflows += 1
      if context.settings.abortOnOverflow {
        context.reset(entry.key, answering: segment)  // SYS-10
        return removeHalfOpen(slot)
      }
      return  // the SYN-ACK will ask again (SEC-22)
    }
    let connection = Connection(
      establishing: entry, options: listeners.pool[listener].options, &context)
    guard let id = insert(connection, hash: hash) else {
      context.counters.listenDrops += 1
      return
    }
    removeHalfOpen(slot)
    if entry.flags.contains(.fromTimeWait), let place = timeWait.find(entry.key, hash: hash) {
      timeWait.remove(place)
    }
    listeners.pool[listener].acceptQueue.append(id)
    if !listeners.pool[listener].isNotified {
      listeners.pool[listener].isNotified = true
      notifications.append(.acceptable(entry.listener))
    }
    connections[id.slot].segmentArrives(segment, text, &context)
    settle(id)
  }

  // MARK: TIME-WAIT

  private mutating func arrivesInTimeWait(
    _ segment: TCPSegment, for key: ConnectionKey, at place: UInt32, _ hash: UInt32
  ) {
    let ignoresReset = context.settings.ignoresResetInTimeWait
    switch timeWait[place].verdict(on: segment, ignoresReset: ignoresReset) {
    case .drop: break
    case .acknowledge: acknowledgeInTimeWait(place)
    case .acknowledgeAndRestart:
      timeWait.extend(place, until: context.now + context.settings.timeWaitInterval)
      acknowledgeInTimeWait(place, spaced: false)
    case .remove:
      context.counters.timeWaitKilled += 1
      timeWait.remove(place)
    case .reopen:
      guard let listener = listeners.find(key.localPort, key.local.address) else {
        return acknowledgeInTimeWait(place)
      }
      // Beyond everything the old incarnation used, whatever the clock says (TW-13).
      let initial = timeWait[place].sendNext + 65_537
      guard
        open(segment, for: key, at: listener, hash, initial: initial, flags: .fromTimeWait)
      else { return }
      context.counters.timeWaitReopened += 1
    }
  }

  private mutating func acknowledgeInTimeWait(_ place: UInt32, spaced: Bool = true) {
    let now = TimeWaitTable.tick(of: context.now)
    let spacing =
      context.settings.invalidReplyInterval.nanoseconds * TimeWaitEntry.ticksPerSecond
      / 1_000_000_000
    guard !spaced || timeWait[place].mayReply(at: now, spacing: spacing) else {
      context.counters.skippedReplies.inTimeWait += 1
      return
    }
    timeWait[place].replied(at: now)
    let key = timeWait[place].key
    let clock = TimestampState(offset: context.secrets.timestampOffset(key))
    let header = timeWait[place].acknowledgment(timestampValue: clock.value(at: context.now))
    context.replies.append(
      Reply(key: key, header: header, typeOfService: timeWait[place].dscp << 2),
      &context.counters)
  }
}
