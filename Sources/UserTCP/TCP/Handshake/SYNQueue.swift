// All half-open connections of the stack, their retransmissions and their bound (RFC 4987 §3). What
// an arriving segment does to one is RFC 9293 §3.10.7.4 for SYN-RECEIVED; the verdict is the caller's
// to carry out, because only the stack can make a connection.

struct SYNQueue: ~Copyable {
  private var entries: SlotPool<HalfOpen>
  private var index: HashIndex
  private var wheel: TimerWheel

  /// Of all listeners together; each has its own, smaller bound. Memory is touched as it is needed.
  static let capacity = 1 << 18

  init() {
    entries = SlotPool(maximum: Self.capacity)
    index = HashIndex(maximum: Self.capacity)
    wheel = TimerWheel(maximum: Self.capacity)
  }

  var count: Int { entries.count }
  var nextDeadline: Instant { wheel.nextExpiry }
  var slots: Range<UInt32> { entries.slots }

  func entry(at slot: UInt32) -> HalfOpen? { entries.id(at: slot) == nil ? nil : entries[slot] }

  func find(_ key: ConnectionKey, hash: UInt32) -> UInt32? {
    index.find(hash) { entries[$0].key == key }
  }

  /// Adds an entry and queues its SYN-ACK; false when there is no room.
  mutating func insert(
    _ entry: HalfOpen, hash: UInt32, _ context: inout TCPContext
  ) -> Bool {
    guard let id = entries.insert(entry) else { return false }
    index.insert(id.slot, hash: hash)
    wheel.prepare(id.slot)
    wheel.set(id.slot, for: entry.deadline)
    sendSYNAck(id.slot, isRetransmission: false, &context)
    return true
  }

  mutating func remove(_ slot: UInt32) {
    wheel.cancel(slot)
    index.remove(slot)
    entries.remove(slot)
  }

  // MARK: Arrival

  enum Verdict: BitwiseCopyable {
    /// Nothing more to do.
    case handled
    /// The peer took it back or was never there (LC-24, SEC-21): the entry goes.
    case remove
    /// The handshake is done: make a connection.
    case establish
  }

  mutating func segmentArrives(
    _ segment: TCPSegment, at slot: UInt32, _ context: inout TCPContext
  ) -> Verdict {
    // A repeated SYN has not seen our answer (DEC-1).
    if segment.isSYN, !segment.isReset, !segment.hasACK,
      segment.sequence == entries[slot].remoteInitial
    {
      if segment.flags.isDisjoint(with: .ecn) { entries[slot].flags.insert(.sawPlainSYN) }
      sendSYNAck(slot, isRetransmission: true, &context)
      return .handled
    }
    guard passesTimestampCheck(segment, slot, &context) else { return .handled }
    let next = entries[slot].receiveNext
    let edge = next + Int(entries[slot].window)
    guard
      ReceiveSide.accepts(segment.sequence, length: segment.length, next: next, edge: edge)
    else {
      context.counters.segmentsOutOfWindow += 1
      if !segment.isReset { challenge(slot, &context) }
      return .handled
    }
    if segment.isReset {
      guard segment.sequence == entries[slot].receiveNext else {
        challenge(slot, &context)
        return .handled
      }
      context.counters.embryonicResets += 1
      context.counters.attemptFails += 1
      return .remove
    }
    if segment.isSYN {
      context.counters.synChallenges += 1
      challenge(slot, &context)
      return .handled
    }
    guard segment.hasACK else {
      context.counters.segmentsWithoutACK += 1
      return .handled
    }
    guard segment.acknowledgment == entries[slot].sendNext else {
      context.reset(entries[slot].key, answering: segment)  // LC-10: the entry stays
      return .handled
    }
    return .establish
  }

  private mutating func passesTimestampCheck(
    _ segment: TCPSegment, _ slot: UInt32, _ context: inout TCPContext
  ) -> Bool {
    guard entries[slot].flags.contains(.timestamps), !segment.isReset, !segment.isSYN else {
      return true
    }
    guard let option = segment.options.timestamps else {
      if context.settings.acceptsMissingTimestamp { return true }
      context.counters.segmentsWithoutTimestamp += 1
      return false
    }
    guard TimestampState.isOlder(option.value, than: entries[slot].recentTimestamp) else {
      return true
    }
    context.counters.pawsRejected += 1
    challenge(slot, &context)
    return false
  }

  private mutating func challenge(_ slot: UInt32, _ context: inout TCPContext) {
    let now = UInt32(truncatingIfNeeded: TimestampState.milliseconds(context.now))
    let last = entries[slot].lastInvalidReply
    let spacing = context.settings.invalidReplyInterval
    guard last == 0 || Interval.milliseconds(Int64(now &- last)) >= spacing else {
      context.counters.skippedReplies.inSynReceived += 1
      return
    }
    guard context.takesChallenge() else { return }
    entries[slot].lastInvalidReply = max(now, 1)
    context.counters.challengeACKs += 1
    let header = entries[slot].acknowledgment(context)
    context.replies.append(entries[slot].reply(header), &context.counters)
  }

  // MARK: Time

  mutating func catchUp(to now: Instant) { wheel.catchUp(to: now) }

  /// The next entry that gave up waiting; those that have not send their SYN-ACK again (SYS-12).
  mutating func nextExpired(_ context: inout TCPContext) -> UInt32? {
    while let slot = wheel.next(at: context.now) {
      let entry = entries[slot]
      if entry.deadline > context.now {
        wheel.set(slot, for: entry.deadline)
        continue
      }
      guard Int(entry.retransmissions) < context.settings.synAckRetries else { return slot }
      entries[slot].retransmissions += 1
      let doubled =
        context.settings.initialRetransmissionTimeout
        * (1 << Int64(min(entry.retransmissions + 1, 20)))
      entries[slot].deadline =
        context.now + min(doubled, context.settings.maximumRetransmissionTimeout)
      wheel.set(slot, for: entries[slot].deadline)
      context.counters.synRetransmissions += 1
      sendSYNAck(slot, isRetransmission: true, &context)
    }
    return nil
  }

  private mutating func sendSYNAck(
    _ slot: UInt32, isRetransmission: Bool, _ context: inout TCPContext
  ) {
    let header = entries[slot].synAck(context, isRetransmission: isRetransmission)
    var reply = entries[slot].reply(header)
    reply.isRetransmission = isRetransmission
    if isRetransmission { context.counters.retransmissions += 1 }
    context.replies.append(reply, &context.counters)
  }
}
