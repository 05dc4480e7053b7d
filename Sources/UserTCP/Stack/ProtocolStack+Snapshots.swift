// Tables for humans: every socket in every state, copied, as a whole or in slices so that a large table
// costs no turn of the loop much (SnapshotCursor). Numbers that are asked for often, how many
// connections are in which state, are kept up to date instead of counted.

/// Where a walk over all sockets goes on. Between two slices the tables change: what comes or goes
/// meanwhile may be missed, and an entry of TIME-WAIT that moves may be seen twice.
public struct SnapshotCursor: Hashable, Sendable {
  enum Table: UInt8 { case listeners, halfOpen, connections, timeWait }
  var table = Table.listeners
  var position: UInt32 = 0

  /// The first socket.
  public static let start = SnapshotCursor()
}

extension ProtocolStack {
  public func snapshot(_ id: ConnectionID) -> ConnectionSnapshot? {
    connections.contains(id) ? connections[id.slot].snapshot(id, context) : nil
  }

  /// Listeners, half-open connections, connections, TIME-WAIT.
  public func forEachSnapshot(_ body: (ConnectionSnapshot) -> Void) {
    var cursor: SnapshotCursor? = .start
    while let next = cursor { cursor = snapshots(from: next, places: .max, body) }
  }

  /// One slice of `forEachSnapshot`: looks at about `places` places of one table, in use or not, and
  /// returns where to go on, `nil` after the last.
  public func snapshots(
    from cursor: SnapshotCursor, places: Int, _ body: (ConnectionSnapshot) -> Void
  ) -> SnapshotCursor? {
    let count: UInt32
    switch cursor.table {
    case .listeners: count = listeners.pool.slots.upperBound
    case .halfOpen: count = synQueue.slots.upperBound
    case .connections: count = connections.slots.upperBound
    case .timeWait: count = timeWait.chunks.upperBound
    }
    // A chunk of TIME-WAIT counts as many places as it has.
    let perPosition = cursor.table == .timeWait ? Int(TimeWaitTable.entriesPerChunk) : 1
    let length = max(1, places / perPosition)
    let end = UInt32(clamping: min(Int(count), Int(cursor.position).addingSaturating(length)))
    for position in min(cursor.position, end)..<end {
      switch cursor.table {
      case .listeners: if let row = listenerSnapshot(position) { body(row) }
      case .halfOpen: if let row = halfOpenSnapshot(position) { body(row) }
      case .connections: if let row = connectionSnapshot(position) { body(row) }
      case .timeWait: timeWait.visit(chunk: position) { body(timeWaitSnapshot($0)) }
      }
    }
    if end < count { return SnapshotCursor(table: cursor.table, position: end) }
    return SnapshotCursor.Table(rawValue: cursor.table.rawValue + 1)
      .map { SnapshotCursor(table: $0, position: 0) }
  }

  private func listenerSnapshot(_ slot: UInt32) -> ConnectionSnapshot? {
    guard let id = listeners.pool.id(at: slot) else { return nil }
    let address = listeners.pool[slot].address ?? .v4(.unspecified)
    var row = ConnectionSnapshot(
      state: .listen, local: Endpoint(address, listeners.pool[slot].port), remote: nil)
    row.handle = 1 << 28 | UInt64(id.slot) << 8 | UInt64(id.generation & 0xFF)
    row.receiveQueue = listeners.pool[slot].acceptQueue.count
    row.backlog = listeners.pool[slot].backlog
    return row
  }

  private func halfOpenSnapshot(_ slot: UInt32) -> ConnectionSnapshot? {
    guard let entry = synQueue.entry(at: slot) else { return nil }
    var row = ConnectionSnapshot(
      state: .synReceived, local: entry.key.local, remote: entry.key.remote)
    row.timer = .retransmission
    row.timerLeft = max(entry.deadline - context.now, .zero)
    row.retransmissionsInRow = Int(entry.retransmissions)
    return row
  }

  private func connectionSnapshot(_ slot: UInt32) -> ConnectionSnapshot? {
    // Blocks that only wait for their program are no sockets any more.
    guard let id = connections.id(at: slot), connections[slot].flags.contains(.isIndexed) else {
      return nil
    }
    return connections[slot].snapshot(id, context)
  }

  private func timeWaitSnapshot(_ entry: TimeWaitEntry) -> ConnectionSnapshot {
    var row = ConnectionSnapshot(
      state: .timeWait, local: entry.key.local, remote: entry.key.remote)
    row.timer = .timeWait
    let left = Int64(entry.ticksLeft(at: TimeWaitTable.tick(of: context.now)))
    row.timerLeft = .nanoseconds(max(left, 0) * 1_000_000_000 / TimeWaitEntry.ticksPerSecond)
    return row
  }

  // MARK: How many

  /// Sockets in each state, kept up to date.
  public var stateCounts: StateCounts {
    var counts = context.states
    counts[.listen] = listeners.pool.count
    counts[.synReceived] += synQueue.count
    counts[.timeWait] = timeWait.count
    return counts
  }

  /// Connections that no program holds any more and that are not over (SYS-15).
  public var orphanCount: Int { context.orphanCount }

  /// Connections from SYN-SENT, or from ESTABLISHED if opened passively, to their end.
  public var connectionCount: Int { connections.count }
  public var timeWaitCount: Int { timeWait.count }
  public var halfOpenCount: Int { synQueue.count }

  // MARK: Limits

  public var overflowCounts: OverflowCounts {
    var counts = OverflowCounts()
    counts.timeWait = context.counters.timeWaitOverflow
    counts.orphans = context.counters.abortsOnMemory
    counts.synCookies = context.counters.synCookiesSent
    counts.synDrops = context.counters.synQueueFullDrops
    return counts
  }

  /// Of the listener that last answered with a cookie.
  public var lastCookiePort: Port? {
    var last: (at: Instant, port: Port)?
    for slot in listeners.pool.slots where listeners.pool.id(at: slot) != nil {
      let at = listeners.pool[slot].lastCookie
      guard at != .never, last.map({ $0.at < at }) ?? true else { continue }
      last = (at, listeners.pool[slot].port)
    }
    return last?.port
  }

  /// Asks every connection, and counts what is kept counted; for tests.
  func debugCheckInvariants() {
    var states = StateCounts()
    var orphans = 0
    for slot in connections.slots where connections.id(at: slot) != nil {
      connections[slot].debugCheckInvariants()
      guard connections[slot].outcome == nil else { continue }
      states[connections[slot].state] += 1
      if connections[slot].flags.contains(.isReleased) { orphans += 1 }
    }
    precondition(states == context.states)
    precondition(orphans == context.orphanCount)
  }
}

extension Int {
  fileprivate func addingSaturating(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
