// Which listener a port and an address belong to: one array look-up, then a chain that is almost
// always one long.

@safe struct ListenerTable: ~Copyable {
  private static var none: UInt32 { .max }
  private static var maximumListeners: Int { 65_536 }

  var pool = SlotPool<Listener>(maximum: Self.maximumListeners)
  private let firstOnPort: UnsafeMutablePointer<UInt32>

  init() {
    unsafe firstOnPort = .allocate(capacity: 65_536)
    unsafe firstOnPort.initialize(repeating: Self.none, count: 65_536)
  }

  deinit { unsafe firstOnPort.deallocate() }

  /// A listener on the address itself goes before one on every address.
  func find(_ port: Port, _ address: IPAddress) -> UInt32? {
    var general: UInt32? = nil
    var slot = unsafe firstOnPort[Int(port.rawValue)]
    while slot != Self.none {
      if pool[slot].address == address { return slot }
      if pool[slot].address == nil { general = slot }
      slot = pool[slot].nextOnPort
    }
    return general
  }

  func isTaken(_ port: Port, _ address: IPAddress?) -> Bool {
    var slot = unsafe firstOnPort[Int(port.rawValue)]
    while slot != Self.none {
      if pool[slot].address == address { return true }
      slot = pool[slot].nextOnPort
    }
    return false
  }

  mutating func insert(
    port: Port, address: IPAddress?, backlog: Int, fastOpenLimit: Int, options: ConnectionOptions
  ) -> ListenerID? {
    let listener = Listener(
      port: port, address: address, backlog: backlog, options: options,
      fastOpen: FastOpenQueue(limit: fastOpenLimit),
      nextOnPort: unsafe firstOnPort[Int(port.rawValue)])
    guard let id = pool.insert(listener) else { return nil }
    unsafe firstOnPort[Int(port.rawValue)] = id.slot
    return ListenerID(slot: id.slot, generation: id.generation)
  }

  mutating func remove(_ slot: UInt32) {
    let port = Int(pool[slot].port.rawValue)
    let next = pool[slot].nextOnPort
    if unsafe firstOnPort[port] == slot {
      unsafe firstOnPort[port] = next
    } else {
      var previous = unsafe firstOnPort[port]
      while pool[previous].nextOnPort != slot { previous = pool[previous].nextOnPort }
      pool[previous].nextOnPort = next
    }
    pool.remove(slot)
  }

  func contains(_ id: ListenerID) -> Bool {
    pool.contains(ConnectionID(slot: id.slot, generation: id.generation))
  }
}
