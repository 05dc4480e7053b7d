// The only door out. Deadlines first, because they decide what is due; then segments that need nothing
// remembered, then ICMP, then connections in the order of the ready queues, one segment a visit.

extension ProtocolStack {
  /// At most so many super-segments a turn: a write to the device runs the peer's TCP inside our call.
  private static var superSegmentsPerTurn: Int { 16 }
  private static var expiriesPerTurn: Int { 4096 }

  /// Appends what is due at `now`, until nothing is or the batch is full.
  public mutating func poll(at now: Instant, into batch: inout OutgoingBatch) {
    advance(to: now)
    receiveLoopback()
    expireDeadlines()
    writeReplies(into: &batch)
    writeICMP(into: &batch)
    writeSegments(into: &batch)
  }

  /// `poll` has something to send at once.
  public var hasOutput: Bool {
    !context.replies.isEmpty || !urgentReady.isEmpty || !ready.isEmpty || !icmpOutput.isEmpty
      || !loopback.isEmpty
  }

  /// When `poll` must be called if nothing else happens before; `.never` when no timer runs.
  public var nextDeadline: Instant {
    min(
      min(wheel.nextExpiry, reassemblyDeadline),
      min(synQueue.nextDeadline, timeWait.nextDeadline))
  }

  private mutating func expireDeadlines() {
    var left = Self.expiriesPerTurn
    while left > 0, let slot = wheel.next(at: context.now) {
      left -= 1
      guard let id = connections.id(at: slot) else { continue }
      if trace.isOn { traceFiredTimers(at: slot) }
      connections[slot].deadlinePassed(&context)
      settle(id)
    }
    while let slot = synQueue.nextExpired(&context) {
      context.counters.attemptFails += 1
      removeHalfOpen(slot)
    }
    let expired = timeWait.expire(at: context.now, limit: Self.expiriesPerTurn)
    let recycled = timeWait.recycledCount - context.counters.timeWaitRecycled
    context.counters.timeWaitRecycled += recycled
    context.counters.timeWaitExpired += UInt64(expired) - recycled
    expireFragments(limit: Self.expiriesPerTurn)
    context.paths.age(at: context.now, probing: context.settings.pathProbing != .off)
  }

  private mutating func writeReplies(into batch: inout OutgoingBatch) {
    while !batch.isFull, let reply = context.replies.popFirst() {
      if !reply.isRetransmission { context.counters.segmentsOut += 1 }
      if trace.isOn {
        traceDeparture(
          reply.header, length: 0, segmentSize: 0, isRetransmission: reply.isRetransmission,
          reply.key)
      }
      let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
      unsafe write(
        reply.header, key: reply.key, text: (none, none), segmentSize: 0,
        typeOfService: reply.typeOfService, timeToLive: reply.timeToLive, into: &batch)
    }
  }

  private mutating func writeICMP(into batch: inout OutgoingBatch) {
    while !batch.isFull, let message = unsafe icmpOutput.popFirst() {
      icmpCounters.sent += 1
      ipCounters.sent += 1
      unsafe ipCounters.octetsOut += UInt64(
        IPv4Header.minimumCount + ICMPMessage.headerCount + message.body.count)
      let timeToLive = context.settings.timeToLive
      guard unsafe hosts.isLocal(message.destination) else {
        unsafe writer.write(message, timeToLive: timeToLive, into: &batch)
        continue
      }
      let isQueued = loopback.write {
        unsafe writer.write(message, timeToLive: timeToLive, into: &$0)
      }
      if !isQueued {
        unsafe message.body.deallocate()
        ipCounters.loopbackDropped += 1
      }
    }
  }

  private mutating func writeSegments(into batch: inout OutgoingBatch) {
    var superSegments = 0
    while !batch.isFull, !loopback.isFull, superSegments < Self.superSegmentsPerTurn,
      let id = urgentReady.popFirst() ?? ready.popFirst()
    {
      guard connections.contains(id) else { continue }
      let slot = id.slot
      connections[slot].flags.remove(.isQueued)
      if let segment = connections[slot].nextSegment(&context) {
        write(segment, of: slot, into: &batch)
        if segment.segmentSize > 0 { superSegments += 1 }
        // One segment a visit; what is left waits behind the others.
        if connections[slot].flags.contains(.isOutputDue) {
          connections[slot].flags.insert(.isQueued)
          ready.append(id)
        }
      }
      if trace.isOn { traceChanges(at: slot) }
      if !connections[slot].events.isEmpty { tell(id) }
      let deadline = connections[slot].deadlines.earliest
      if deadline != .never { wheel.set(slot, for: deadline) }
    }
  }

  private mutating func write(
    _ segment: OutgoingSegment, of slot: UInt32, into batch: inout OutgoingBatch
  ) {
    let count = segment.segmentCount
    connections[slot].segmentsSent &+= UInt32(count)
    if segment.isRetransmission {
      connections[slot].retransmissions &+= UInt32(count)
      context.counters.retransmissions += UInt64(count)
    } else {
      context.counters.segmentsOut += UInt64(count)
    }
    if trace.isOn {
      traceDeparture(
        segment.header, length: segment.textCount, segmentSize: segment.segmentSize,
        isRetransmission: segment.isRetransmission, connections[slot].key)
    }
    let options = connections[slot].options
    let text = unsafe connections[slot].send.ring.pieces(
      at: segment.textOffset, count: segment.textCount)
    unsafe write(
      segment.header, key: connections[slot].key, text: text, segmentSize: segment.segmentSize,
      typeOfService: options.dscp << 2 | segment.ecn.rawValue, timeToLive: options.timeToLive ?? 0,
      into: &batch)
  }

  @unsafe private mutating func write(
    _ header: TCPHeader, key: ConnectionKey,
    text: (UnsafeRawBufferPointer, UnsafeRawBufferPointer), segmentSize: Int,
    typeOfService: UInt8, timeToLive: UInt8, into batch: inout OutgoingBatch
  ) {
    ipCounters.sent += 1
    unsafe ipCounters.octetsOut += UInt64(
      IPv4Header.minimumCount + header.encodedCount + text.0.count + text.1.count)
    let life = timeToLive == 0 ? context.settings.timeToLive : timeToLive
    guard hosts.isLocal(key.remoteAddress) else {
      return unsafe writer.write(
        header, key: key, text: text, segmentSize: segmentSize, typeOfService: typeOfService,
        timeToLive: life, dontFragment: context.settings.forbidsFragments, into: &batch)
    }
    let isWhole = context.settings.forbidsFragments
    let isQueued = loopback.write {
      unsafe writer.write(
        header, key: key, text: text, segmentSize: segmentSize, typeOfService: typeOfService,
        timeToLive: life, dontFragment: isWhole, into: &$0)
    }
    if !isQueued { ipCounters.loopbackDropped += 1 }
  }
}
