// When the memory of all connections is spent (SEC-28): programs that could write nothing, and whom no ACK
// will wake because nothing of theirs is in flight, wait here until some has come back.

extension ProtocolStack {
  /// How many a turn may wake: each may take what came back, and the rest would wake in vain.
  private static var wakingsPerTurn: Int { 16 }

  /// The program of `id` could write nothing. With octets in flight an ACK wakes it.
  mutating func waitForMemory(_ id: ConnectionID) {
    let slot = id.slot
    guard connections[slot].send.ring.isEmpty, !connections[slot].flags.contains(.awaitsMemory)
    else { return }
    connections[slot].flags.insert(.awaitsMemory)
    memoryWaiters.append(id)
  }

  mutating func wakeMemoryWaiters() {
    var left = Self.wakingsPerTurn
    while left > 0, !context.buffers.isExhausted, let id = memoryWaiters.popFirst() {
      left -= 1
      guard connections.contains(id) else { continue }
      connections[id.slot].flags.remove(.awaitsMemory)
      connections[id.slot].send.isWriterWaiting = false
      connections[id.slot].events.insert(.writable)
      settle(id)
    }
  }

  /// What the buffers may take, and whether they are near it.
  public var isMemoryShort: Bool { context.isMemoryShort }
}
