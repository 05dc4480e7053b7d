// A TCP/IP host as a value. Time, octets and luck are its arguments: packets go in with `receive`, come
// out with `poll`, and between the two the program makes its calls. It knows no clock, no device and no
// thread; whoever owns it calls it from one place at a time.
//
// This file holds the parts and the one function that ties them, `settle`; how packets come in, how
// they go out and what a program may ask are chapters (`ProtocolStack+…`).

/// A TCP/IP host for one interface.
@safe public struct ProtocolStack: ~Copyable {
  var context: TCPContext
  var hosts: HostAddresses
  var ipCounters = IPCounters()
  var icmpCounters = ICMPCounters()
  var icmpOutput = ICMPOutput()
  var icmpErrors: TokenBucket
  var icmpTargets: TargetLimit
  /// Draws what need not be secret for ever.
  var random: SeededRandom
  var writer: FrameWriter
  var ports: EphemeralPorts

  var connections: SlotPool<Connection>
  var index: HashIndex
  var wheel: TimerWheel
  var listeners = ListenerTable()
  var synQueue: SYNQueue
  var timeWait: TimeWaitTable
  var peers: PeerTable
  /// `nil` until a fragment comes; most hosts never see one.
  var reassembly: Reassembly? = nil

  /// Connections that owe an ACK or a SYN go before those that only have text (DESIGN: fairness).
  var urgentReady = RingQueue<ConnectionID>()
  var ready = RingQueue<ConnectionID>()
  var notifications = RingQueue<Notification>()
  /// Connections whose programs could write nothing because memory was spent.
  var memoryWaiters = RingQueue<ConnectionID>()
  /// Frames to our own addresses, back in with the next turn (IP4-5).
  var loopback = LoopbackQueue()
  var trace = EventTrace()

  /// - Parameters:
  ///   - interface: our address and its network.
  ///   - secret: random and new for every stack.
  ///   - offloads: what the device does for outgoing frames.
  public init(
    settings: StackSettings = StackSettings(), interface: InterfaceAddress, secret: StackSecret,
    offloads: OffloadCapabilities = .none
  ) {
    let settings = settings.clamped
    let secrets = HostSecrets(secret)
    context = TCPContext(
      settings: settings, secrets: secrets, sendsSuperSegments: offloads.segmentation)
    hosts = HostAddresses(interface: interface)
    icmpErrors = TokenBucket(burst: settings.icmpErrorBurst)
    icmpTargets = TargetLimit(secrets: secrets)
    random = SeededRandom(seed: secrets.priceSeed)
    writer = FrameWriter(offloads: offloads, secret: secret)
    ports = EphemeralPorts(seed: secrets.portSeed)
    // The pool rounds up to whole chunks; index and wheel are as large.
    let capacity = (settings.maximumConnections + 511) & ~511
    connections = SlotPool(maximum: capacity)
    index = HashIndex(maximum: capacity)
    wheel = TimerWheel(maximum: capacity)
    synQueue = SYNQueue()
    peers = PeerTable(secrets: secrets)
    timeWait = TimeWaitTable(secrets: secrets)
  }

  /// Changes act at once, except where a connection has agreed something with its peer.
  public var settings: StackSettings {
    get { context.settings }
    set {
      context.settings = newValue.clamped
      context.buffers.limit = context.settings.memory.limit
    }
  }

  public var counters: Counters {
    var all = Counters()
    all.ip = ipCounters
    all.icmp = icmpCounters
    all.tcp = context.counters
    return all
  }

  /// Octets of buffers that connections hold now.
  public var bufferedBytes: Int { context.buffers.bytesLent }

  /// Octets that incomplete datagrams occupy now.
  public var fragmentBytes: Int {
    switch reassembly {
    case .some(let table): table.byteCount
    case .none: 0
    }
  }

  /// Tells the time to calls made outside `receive` and `poll`.
  public mutating func advance(to now: Instant) {
    context.now = max(context.now, now)
    wheel.catchUp(to: now)
    synQueue.catchUp(to: now)
    timeWait.catchUp(to: now)
    context.watchMemory()
    if !memoryWaiters.isEmpty { wakeMemoryWaiters() }
  }

  /// What to tell the program next.
  public mutating func nextNotification() -> Notification? {
    while let notification = notifications.popFirst() {
      switch notification {
      case .acceptable(let id):
        guard listeners.contains(id) else { continue }
        listeners.pool[id.slot].isNotified = false
        return notification
      case .connection(let id, _):
        guard connections.contains(id) else { continue }
        connections[id.slot].flags.remove(.isNotified)
        let events = connections[id.slot].events
        connections[id.slot].events = []
        if events.isEmpty { continue }
        return .connection(id, events)
      }
    }
    return nil
  }

  // MARK: What follows from a change of a connection

  /// Called after everything that may have changed a connection: queues it for output, tells the
  /// program, moves its deadline, and takes it apart when it is over.
  mutating func settle(_ id: ConnectionID) {
    let slot = id.slot
    if connections[slot].isOpenFast { fastOpenAdvanced(slot) }
    if trace.isOn { traceChanges(at: slot) }
    if connections[slot].outcome != nil { retire(id) }
    guard connections.contains(id) else { return }
    let flags = connections[slot].flags
    if flags.contains(.isOutputDue), !flags.contains(.isQueued) {
      connections[slot].flags.insert(.isQueued)
      if flags.isDisjoint(with: [.isACKDue, .isSYNDue, .isKeepAliveDue]) {
        ready.append(id)
      } else {
        urgentReady.append(id)
      }
    }
    if !connections[slot].events.isEmpty { tell(id) }
    let deadline = connections[slot].deadlines.earliest
    if deadline != .never { wheel.set(slot, for: deadline) }
  }

  /// The program hears of what has happened with the next notifications.
  mutating func tell(_ id: ConnectionID) {
    guard connections[id.slot].flags.isDisjoint(with: Self.untold) else { return }
    connections[id.slot].flags.insert(.isNotified)
    notifications.append(.connection(id, []))
  }

  /// Told already, not known to the program yet, or no longer.
  private static var untold: Connection.Flags { [.isNotified, .isUnaccepted, .isReleased] }

  /// TIME-WAIT and CLOSED need no control block; it stays only while the program holds its handle.
  private mutating func retire(_ id: ConnectionID) {
    let slot = id.slot
    if connections[slot].flags.contains(.isIndexed) {
      connections[slot].flags.remove(.isIndexed)
      index.remove(slot)
      if connections[slot].state == .timeWait { enterTimeWait(slot) }
    }
    wheel.cancel(slot)
    guard connections[slot].flags.contains(.isReleased) else { return }
    connections[slot].receive.release(pool: &context.buffers)
    connections.remove(slot)
  }

  private mutating func enterTimeWait(_ slot: UInt32) {
    guard timeWait.count < context.settings.maximumTimeWait else {
      context.counters.timeWaitOverflow += 1  // SYS-6
      return
    }
    var wait = context.settings.timeWaitInterval
    var isRecycled = false
    if context.settings.recyclesTimeWait, connections[slot].timestamps.isEnabled {
      // SYS-4: the host's last timestamp stands guard instead of the entry.
      peers.remember(
        timestamp: connections[slot].timestamps.recent,
        of: connections[slot].key.remoteAddress, at: context.now)
      wait = min(wait, connections[slot].roundTrip.timeout * 7 / 2)
      isRecycled = true
    }
    let window = connections[slot].receive.windowField()
    var entry = TimeWaitEntry(
      key: connections[slot].key, sendNext: connections[slot].send.next,
      receiveNext: connections[slot].receive.next, window: window,
      windowShift: connections[slot].receive.windowShift,
      timestamps: connections[slot].timestamps, dscp: connections[slot].options.dscp)
    if isRecycled { entry.flags.insert(.recycled) }
    timeWait.insert(
      entry, hash: context.secrets.tableHash(entry.key), at: context.now, for: wait)
  }

  /// Puts a new connection where segments and deadlines find it; `nil` at the limit.
  mutating func insert(_ connection: consuming Connection, hash: UInt32) -> ConnectionID? {
    guard connections.count < context.settings.maximumConnections,
      let id = connections.insert(connection)
    else { return nil }
    connections[id.slot].flags.insert(.isIndexed)
    context.states[connections[id.slot].state] += 1
    index.insert(id.slot, hash: hash)
    wheel.prepare(id.slot)
    return id
  }

  func find(_ key: ConnectionKey, hash: UInt32) -> UInt32? {
    index.find(hash) { connections[$0].key == key }
  }
}
