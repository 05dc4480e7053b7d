// Tables for humans: every socket in every state, copied. Not for the hot path: it walks everything.

extension ProtocolStack {
  public func snapshot(_ id: ConnectionID) -> ConnectionSnapshot? {
    connections.contains(id) ? connections[id.slot].snapshot : nil
  }

  /// Listeners, half-open connections, connections, TIME-WAIT.
  public func forEachSnapshot(_ body: (ConnectionSnapshot) -> Void) {
    for slot in listeners.pool.slots where listeners.pool.id(at: slot) != nil {
      let address = listeners.pool[slot].address ?? .v4(.unspecified)
      var row = ConnectionSnapshot(
        state: .listen, local: Endpoint(address, listeners.pool[slot].port), remote: nil)
      row.receiveQueue = listeners.pool[slot].acceptQueue.count
      body(row)
    }
    for slot in synQueue.slots {
      guard let entry = synQueue.entry(at: slot) else { continue }
      var row = ConnectionSnapshot(
        state: .synReceived, local: entry.key.local, remote: entry.key.remote)
      row.retransmissions = Int(entry.retransmissions)
      body(row)
    }
    for slot in connections.slots where connections.id(at: slot) != nil {
      // Blocks that only wait for their program are no sockets any more.
      if connections[slot].flags.contains(.isIndexed) { body(connections[slot].snapshot) }
    }
    timeWait.visitAll { entry in
      body(
        ConnectionSnapshot(
          state: .timeWait, local: entry.key.local, remote: entry.key.remote))
    }
  }

  /// Connections from SYN-SENT, or from ESTABLISHED if opened passively, to their end.
  public var connectionCount: Int { connections.count }
  public var timeWaitCount: Int { timeWait.count }
  public var halfOpenCount: Int { synQueue.count }

  /// Asks every connection; for tests.
  func debugCheckInvariants() {
    for slot in connections.slots where connections.id(at: slot) != nil {
      connections[slot].debugCheckInvariants()
    }
  }
}
