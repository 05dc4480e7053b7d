// The listening ports as the runtime sees them: who takes the connections of each, a service or a
// task. By the slot of the listener's id; there are few, and they change rarely.

/// A listening port.
@safe struct ListenerState {
  let id: ListenerID
  /// The service that takes the connections; `nil`: a task accepts them.
  let service: UInt16?
  /// The task that waits for a connection.
  var acceptor: Waiter?

  init(id: ListenerID, service: UInt16?) {
    self.id = id
    self.service = service
    unsafe acceptor = nil
  }
}

struct ListenerTable: ~Copyable {
  private var entries: [ListenerState?] = []

  /// `nil` when it has been closed.
  func find(_ id: ListenerID) -> ListenerState? {
    guard Int(id.slot) < entries.count, let entry = entries[Int(id.slot)], entry.id == id else {
      return nil
    }
    return entry
  }

  mutating func insert(_ listener: ListenerState) {
    while entries.count <= Int(listener.id.slot) { entries.append(nil) }
    entries[Int(listener.id.slot)] = listener
  }

  /// Removes the listener and tells the task that waits on it.
  mutating func remove(_ id: ListenerID) -> ListenerState? {
    guard let listener = find(id) else { return nil }
    wake(id)
    entries[Int(id.slot)] = nil
    return listener
  }

  mutating func park(_ waiter: Waiter, _ id: ListenerID) {
    unsafe entries[Int(id.slot)]?.acceptor = waiter
  }

  mutating func wake(_ id: ListenerID) {
    guard find(id) != nil else { return }
    unsafe entries[Int(id.slot)]?.acceptor.take()?.resume(returning: .look)
  }

  var ids: [ListenerID] { entries.compactMap { $0?.id } }
}
