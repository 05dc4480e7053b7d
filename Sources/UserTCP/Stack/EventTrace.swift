// Where traced events wait until the program takes them. Off, it is one Boolean that nobody finds true. On, it
// remembers what each connection looked like when something last happened to it, and tells the difference.

struct EventTrace: ~Copyable {
  private(set) var isOn = false
  /// Events that found the queue full.
  private(set) var lost: UInt64 = 0
  private var queue = RingQueue<TraceEvent>()
  private var limit = 0
  /// By slot; a slot that has not been seen since its generation began is new.
  private var seen: [TracedState?] = []
  private var counts = TracedCounts(TCPCounters())
  private var drops = InlineArray<10, UInt64>(repeating: 0)

  init() { assert(drops.count == TraceDrop.allCases.count, "each reason has a place") }

  /// Begins with what there is: nothing is told of the time before.
  mutating func start(limit: Int, _ counters: borrowing TCPCounters) {
    isOn = true
    self.limit = limit
    lost = 0
    seen = []
    counts = TracedCounts(counters)
    for drop in TraceDrop.allCases { drops[Int(drop.rawValue)] = counters.count(of: drop) }
  }

  /// What waits can still be taken.
  mutating func stop() {
    isOn = false
    seen = []
  }

  mutating func popFirst() -> TraceEvent? { queue.popFirst() }

  mutating func append(_ what: TraceEvent.What, _ key: ConnectionKey, at now: Instant) {
    guard queue.count < limit else {
      lost += 1
      return
    }
    queue.append(TraceEvent(time: now, key: key, what: what))
  }

  /// Tells why segments have been dropped since the last call: this one, of `key`.
  mutating func tellDrops(
    of key: ConnectionKey, _ counters: borrowing TCPCounters, at now: Instant
  ) {
    for drop in TraceDrop.allCases {
      let count = counters.count(of: drop)
      guard count != drops[Int(drop.rawValue)] else { continue }
      drops[Int(drop.rawValue)] = count
      append(.segmentDropped(drop), key, at: now)
    }
  }

  /// Tells what has changed in the connection at `slot`.
  mutating func tellChanges(
    at slot: UInt32, of key: ConnectionKey, to after: TracedState, _ newCounts: TracedCounts,
    at now: Instant
  ) {
    while seen.count <= Int(slot) { seen.append(nil) }
    let before = seen[Int(slot)].flatMap { $0.generation == after.generation ? $0 : nil }
    seen[Int(slot)] = after
    defer { counts = newCounts }
    if before?.state != after.state {
      let old = before?.state ?? (after.state == .synSent ? .closed : .synReceived)
      append(.stateChanged(from: old, to: after.state), key, at: now)
      if after.state == .established { append(.negotiated(after.agreement), key, at: now) }
    }
    guard let before else {
      return append(
        .windowChanged(window: after.window, threshold: after.threshold, .initial), key, at: now)
    }
    tellRecovery(before, after, newCounts, key, at: now)
    tellTimers(before, after, key, at: now)
  }

  private mutating func tellRecovery(
    _ before: TracedState, _ after: TracedState, _ newCounts: TracedCounts, _ key: ConnectionKey,
    at now: Instant
  ) {
    if before.smoothed != after.smoothed || before.variation != after.variation
      || before.backoff != after.backoff
    {
      let measured = TracedRoundTrip(
        smoothed: after.smoothed, variation: after.variation, timeout: after.timeout,
        backoff: after.backoff)
      append(.roundTripMeasured(measured), key, at: now)
    }
    if after.lost > before.lost {
      append(.lossDetected(octets: Int(after.lost - before.lost)), key, at: now)
    }
    if before.recovery != after.recovery {
      append(.recoveryChanged(from: before.recovery, to: after.recovery), key, at: now)
    }
    if before.window != after.window || before.threshold != after.threshold {
      let reason = after.windowReason(since: before, newCounts, before: counts)
      append(
        .windowChanged(window: after.window, threshold: after.threshold, reason), key, at: now)
    }
    if newCounts.tailLossProbes > counts.tailLossProbes {
      append(.probeSent(.tailLossProbe), key, at: now)
    }
    if newCounts.windowProbes > counts.windowProbes { append(.probeSent(.persist), key, at: now) }
    if newCounts.keepAliveProbes > counts.keepAliveProbes {
      append(.probeSent(.keepAlive), key, at: now)
    }
  }

  private mutating func tellTimers(
    _ before: TracedState, _ after: TracedState, _ key: ConnectionKey, at now: Instant
  ) {
    if before.timer != after.timer {
      if let timer = after.timer {
        append(.timerSet(timer, after: after.timerEnd - now), key, at: now)
      } else if let timer = before.timer, before.timerEnd > now {
        append(.timerCancelled(timer), key, at: now)
      }
    }
    if before.acknowledgmentEnd == .never, after.acknowledgmentEnd != .never {
      append(.timerSet(.delayedAcknowledgment, after: after.acknowledgmentEnd - now), key, at: now)
    }
    if before.closingEnd == .never, after.closingEnd != .never {
      append(.timerSet(.closing, after: after.closingEnd - now), key, at: now)
    }
  }
}
