// The program's interface (RFC 9293 §3.9.1, §3.10.1 to §3.10.6): OPEN, SEND, RECEIVE, CLOSE, ABORT and
// STATUS. Every call names a handle; one that is no longer valid fails with `.closed`. None of them
// sends: segments follow with the next `poll`.

extension ProtocolStack {
  // MARK: Addresses

  /// Another address of this host.
  public mutating func addAddress(_ address: InterfaceAddress) { hosts.add(address) }
  /// The first address stays; connections keep the address they began with (R9293-MUST-45).
  public mutating func removeAddress(_ address: IPv4Address) { hosts.remove(address) }

  // MARK: OPEN

  /// A passive open. Connections that exist on the port are not touched (R9293-MUST-41, MUST-42).
  /// - Parameters:
  ///   - address: one of ours, or `nil` for all of them.
  ///   - backlog: how many established connections may wait for `accept`; cut to `maximumBacklog`.
  ///   - fastOpenBacklog: how many connections may be open before their handshake is done, with text that
  ///     came on their SYN (RFC 7413); 0: none. Not for programs to which a request that comes twice matters.
  ///   - options: for the connections it accepts.
  public mutating func listen(
    on port: Port, address: IPAddress? = nil, backlog: Int = 4096, fastOpenBacklog: Int = 0,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) -> ListenerID {
    guard port.rawValue != 0 else { throw .invalidAddress }
    if case .v4(let own)? = address, !hosts.isLocal(own) { throw .addressNotAvailable }
    guard !listeners.isTaken(port, address) else { throw .addressInUse }
    let limit = min(max(backlog, 0), context.settings.maximumBacklog)
    guard
      let id = listeners.insert(
        port: port, address: address, backlog: limit,
        fastOpenLimit: min(max(fastOpenBacklog, 0), limit), options: options)
    else { throw .limitReached }
    return id
  }

  /// Stops listening; connections that nobody has accepted are reset, half-open ones forgotten.
  public mutating func stopListening(_ id: ListenerID) {
    guard listeners.contains(id) else { return }
    for slot in synQueue.slots where synQueue.entry(at: slot)?.listener == id {
      removeHalfOpen(slot)
    }
    while let waiting = listeners.pool[id.slot].acceptQueue.popFirst() {
      connections[waiting.slot].flags.remove(.isUnaccepted)
      abort(waiting)
    }
    listeners.remove(id.slot)
  }

  /// The connection that waits longest, or `nil`.
  public mutating func accept(_ id: ListenerID) -> ConnectionID? {
    guard listeners.contains(id),
      let accepted = listeners.pool[id.slot].acceptQueue.popFirst()
    else { return nil }
    connections[accepted.slot].flags.remove(.isUnaccepted)
    connections[accepted.slot].events.remove(.established)  // whoever accepts knows
    settle(accepted)
    return accepted
  }

  /// An active open: returns in SYN-SENT; `.established` or `.closed` will be notified.
  /// - Parameters:
  ///   - local: address and port to come from; port 0, or `nil`, has one chosen (RFC 6056).
  public mutating func connect(
    to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) -> ConnectionID {
    guard !context.buffers.isExhausted else { throw .limitReached }  // SEC-28
    let key = try key(to: remote, from: local)
    let hash = context.secrets.tableHash(key)
    let initial = try initialSequence(of: key, hash: hash)
    let segmentSize = context.segmentSize(announcedByPeer: nil, timestamps: false)
    var connection = Connection(
      key: key, state: .synSent, initial: initial, segmentSize: segmentSize, options: options,
      context)
    connection.flags = [.isSYNDue, .isOutputDue]
    connection.unansweredSince = context.now
    connection.timestamps.isEnabled = context.settings.timestamps != .off
    if context.settings.ecn == .request {
      connection.ecn.flags =
        context.settings.usesAccurateECN ? [.isAgreed, .isAccurate] : .isAgreed
    }
    connection.receive.sendsSACK = context.settings.usesSACK
    if context.settings.windowScaling {
      connection.receive.offerScaling(
        shift: ReceiveSide.windowShift(for: options.largestReceiveBuffer(context.settings)))
    }
    guard let id = insert(connection, hash: hash) else { throw .limitReached }
    context.counters.activeOpens += 1
    settle(id)
    return id
  }

  private mutating func key(
    to remote: Endpoint, from local: Endpoint?
  ) throws(TCPError) -> ConnectionKey {
    guard case .v4(let destination) = remote.address, hosts.isValidDestination(destination),
      remote.port.rawValue != 0
    else { throw .invalidAddress }
    // To 127/8 we come from there too.
    var source = destination.isLoopback ? destination : hosts.preferred
    if case .v4(let chosen)? = local?.address, chosen != .unspecified {
      // 127/8 speaks only to ourselves (IP4-5).
      guard hosts.isOwn(chosen) || (chosen.isLoopback && hosts.isLocal(destination)) else {
        throw .addressNotAvailable
      }
      source = chosen
    }
    var key = ConnectionKey(
      remoteAddress: destination, remotePort: remote.port, localAddress: source,
      localPort: local?.port ?? 0)
    guard key.localPort.rawValue == 0 else { return key }
    let range = context.settings.localPorts
    let destinationHash = context.secrets.portHash(key)
    var chooser = ports  // the search below reads the whole stack
    defer { ports = chooser }
    let mayReuse = mayReuseTimeWait(of: key)
    var reusable: Port?
    let free = chooser.choose(from: range, destinationHash: destinationHash) { port in
      key.localPort = port
      let hash = context.secrets.tableHash(key)
      guard !context.settings.isReserved(port), find(key, hash: hash) == nil,
        synQueue.find(key, hash: hash) == nil
      else { return false }
      guard let place = timeWait.find(key, hash: hash) else { return true }
      // A pair in TIME-WAIT only when there is no other (SYS-3).
      if mayReuse, reusable == nil, mayReplace(place) { reusable = port }
      return false
    }
    guard let port = free ?? reusable else { throw .addressNotAvailable }  // SEC-15
    key.localPort = port
    return key
  }

  /// The ISN, and whether the pair of endpoints is free (TW-15, SYS-3).
  private mutating func initialSequence(
    of key: ConnectionKey, hash: UInt32
  ) throws(TCPError) -> SequenceNumber {
    guard find(key, hash: hash) == nil, synQueue.find(key, hash: hash) == nil else {
      throw .addressInUse
    }
    guard let place = timeWait.find(key, hash: hash) else {
      return context.secrets.initialSequence(key, at: context.now)
    }
    guard mayReuseTimeWait(of: key), mayReplace(place) else { throw .addressInUse }
    let initial = timeWait[place].successorInitial
    timeWait.remove(place)
    context.counters.timeWaitReused += 1
    return initial
  }

  /// Only a timestamp newer than any of the old incarnation protects the new one (RFC 6191), so the
  /// last must be a second old.
  private func mayReplace(_ place: UInt32) -> Bool {
    timeWait[place].flags.contains(.timestamps)
      && timeWait.age(place, at: context.now) >= .seconds(1)
  }

  private func mayReuseTimeWait(of key: ConnectionKey) -> Bool {
    switch context.settings.timeWaitReuse {
    case .never: false
    case .always: true
    case .loopbackOnly: key.remoteAddress.isLoopback
    }
  }

  // MARK: SEND and RECEIVE

  /// Takes what fits into the send buffer and says how much; after less than all, `.writable` follows.
  public mutating func write(
    _ id: ConnectionID, _ bytes: RawSpan, urgent: Bool = false
  ) throws(TCPError) -> Int {
    guard isHeld(id) else { throw .closed }
    let count = try connections[id.slot].write(bytes, urgent: urgent, &context)
    if count == 0, connections[id.slot].send.isWriterWaiting { waitForMemory(id) }
    settle(id)
    return count
  }

  /// How much `write` would take now.
  public func writableBytes(_ id: ConnectionID) -> Int {
    guard isHeld(id), connections[id.slot].acceptsWrites else { return 0 }
    return connections[id.slot].writableCount(context)
  }

  /// Octets that arrived before an orderly end can be read after it; a failure throws at once.
  public func readable(_ id: ConnectionID) throws(TCPError) -> Readable {
    guard isHeld(id) else { throw .closed }
    let readable = connections[id.slot].readable
    if readable == .nothingYet, let outcome = connections[id.slot].outcome { throw outcome }
    return readable
  }

  /// Moves octets into `output`; the result is what the first of them was: `.bytes` with how many, or
  /// why there were none.
  public mutating func read(
    _ id: ConnectionID, into output: inout OutputRawSpan
  ) throws(TCPError) -> Readable {
    guard case .bytes = try readable(id) else { return try readable(id) }
    let count = connections[id.slot].receive.ring.copy(into: &output)
    consume(id, count)
    return .bytes(count)
  }

  /// Where the longest run of readable octets lies; empty when there are none. Valid until the next
  /// `consume`, `close`, `abort` or `receive`; writing leaves it where it is.
  @unsafe public func readableBytes(_ id: ConnectionID) -> UnsafeRawBufferPointer {
    guard isHeld(id) else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    let count = connections[id.slot].receive.ring.count
    return unsafe connections[id.slot].receive.ring.pieces(at: 0, count: count).0
  }

  /// The program is done with the first `count` readable octets.
  public mutating func consume(_ id: ConnectionID, _ count: Int) {
    guard isHeld(id), count > 0 else { return }
    connections[id.slot].consume(count, &context)
    settle(id)
  }

  /// Urgent octets still unread, 0 when there are none (R9293-MUST-33).
  public func urgentBytes(_ id: ConnectionID) -> Int {
    isHeld(id) ? connections[id.slot].receive.urgentCount : 0
  }

  // MARK: CLOSE and ABORT

  /// Half-close: a FIN after what was written; reading goes on (LC-18).
  public mutating func finish(_ id: ConnectionID) throws(TCPError) {
    guard isHeld(id) else { throw .closed }
    connections[id.slot].finish(&context)
    settle(id)
  }

  /// Gives the handle back: a FIN after what was written and no more reading. What arrives within
  /// `grace` is thrown away; unread octets without grace, or new ones after it, reset the connection.
  public mutating func close(
    _ id: ConnectionID, discardingInputFor grace: Interval = .zero
  ) {
    guard isHeld(id) else { return }
    connections[id.slot].close(grace: grace, &context)
    settle(id)
  }

  /// Gives the handle back and resets the connection.
  public mutating func abort(_ id: ConnectionID) {
    guard isHeld(id) else { return }
    if connections[id.slot].outcome == nil { context.counters.abortsOnData += 1 }
    connections[id.slot].release(&context)
    connections[id.slot].abort(&context)
    settle(id)
  }

  /// Resets every connection, also those whose handles were given back, and forgets half-open ones: the
  /// host is about to go. The resets leave with the next `poll`.
  public mutating func abortAll() {
    for slot in synQueue.slots { removeHalfOpen(slot) }
    for slot in connections.slots {
      guard let id = connections.id(at: slot) else { continue }
      connections[slot].abort(&context)
      settle(id)
    }
  }

  /// The handle is valid and the program has not given it back.
  private func isHeld(_ id: ConnectionID) -> Bool {
    connections.contains(id) && !connections[id.slot].flags.contains(.isReleased)
  }

  // MARK: STATUS

  /// Why the connection is over, `.closed` after an orderly end; `nil` while it lives.
  public func outcome(_ id: ConnectionID) -> TCPError? {
    isHeld(id) ? connections[id.slot].outcome : .closed
  }

  /// The last soft error (R9293-MUST-47); asking clears it.
  public mutating func takeSoftError(_ id: ConnectionID) -> TCPError? {
    isHeld(id) ? connections[id.slot].softError.take() : nil
  }

  /// Changes options of a connection; they hold from its next segment on.
  public mutating func configure(
    _ id: ConnectionID, _ change: (inout ConnectionOptions) -> Void
  ) throws(TCPError) {
    guard isHeld(id) else { throw .closed }
    connections[id.slot].change(change, &context)
    settle(id)
  }

  /// Both ends of a connection.
  public func endpoints(_ id: ConnectionID) -> (local: Endpoint, remote: Endpoint)? {
    guard connections.contains(id) else { return nil }
    return (connections[id.slot].key.local, connections[id.slot].key.remote)
  }
}
