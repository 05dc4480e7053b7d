// Fast Open at a listener (RFC 7413 §4.2.2, TFO-2): which SYN becomes a connection at once, which gets a cookie for
// the next time, and when a connection that was opened so ceases to be pending. It comes after
// everything that protects a listener: under a flood, when SYNs get SYN cookies, none of this is reached.

extension ProtocolStack {
  /// As `connect`, with the first octets to send: on the SYN if `options.fastOpen` is set and the server
  /// allows it, else when the handshake is done. The result says how many were taken.
  public mutating func connect(
    to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions(), sending first: RawSpan
  ) throws(TCPError) -> (id: ConnectionID, count: Int) {
    var options = options
    options.fastOpen = true
    let id = try connect(to: remote, from: local, options: options)
    return (id, try write(id, first))
  }

  /// Opens a connection with the SYN's text, if its cookie is good and there is room. Else false, and
  /// `entry` says what its SYN-ACK brings.
  mutating func opensFast(
    _ segment: TCPSegment, _ text: RawSpan, _ entry: inout HalfOpen, _ hash: UInt32
  ) -> Bool {
    let option = segment.options.fastOpen
    let isAsked = option != .absent && option != .malformed
    guard isAsked || segment.textCount > 0 else { return false }
    if option == .request { context.counters.fastOpenCookieRequests += 1 }
    let mode = context.settings.fastOpen
    let limit = fastOpenLimit(of: entry.listener.slot)
    guard mode.contains(.server), limit > 0 else { return false }
    guard listeners.pool[entry.listener.slot].fastOpen.hasRoom(for: limit, at: context.now) else {
      context.counters.fastOpenOverflows += 1
      return false
    }
    if mode.contains(.serverWithoutCookie) {
      return openFast(segment, text, entry, isCookieOutdated: false, hash)
    }
    switch option {
    case .absent, .malformed: return false
    case .request: entry.flags.insert(.owesCookie)
    case .cookie(let cookie):
      switch context.verdict(on: cookie, from: entry.key) {
      case .valid: return openFast(segment, text, entry, isCookieOutdated: false, hash)
      case .outdated: return openFast(segment, text, entry, isCookieOutdated: true, hash)
      case .forged:
        context.counters.fastOpenPassiveFails += 1
        entry.flags.insert(.owesCookie)
      }
    }
    return false
  }

  private func fastOpenLimit(of listener: UInt32) -> Int {
    let asked = listeners.pool[listener].fastOpen.limit
    guard asked == 0, context.settings.fastOpen.contains(.allListeners) else { return asked }
    return listeners.pool[listener].backlog
  }

  /// A connection in SYN-RECEIVED: the program may have it now, and answer before the client's ACK.
  private mutating func openFast(
    _ segment: TCPSegment, _ text: RawSpan, _ entry: HalfOpen, isCookieOutdated: Bool,
    _ hash: UInt32
  ) -> Bool {
    let listener = entry.listener
    var connection = Connection(
      openingFast: entry, options: listeners.pool[listener.slot].options, &context)
    if isCookieOutdated { connection.flags.insert(.owesCookie) }
    guard let id = insert(connection, hash: hash) else {
      context.counters.fastOpenPassiveFails += 1
      return false
    }
    context.counters.passiveOpens += 1
    context.counters.fastOpenPassive += 1
    if isCookieOutdated { context.counters.fastOpenPassiveOldKeys += 1 }
    listeners.pool[listener.slot].fastOpen.begin()
    connections[id.slot].synTextArrives(segment, text, &context)
    offer(id, at: listener)
    settle(id)
    return true
  }

  /// A connection opened by a cookie may have left SYN-RECEIVED: then its listener counts it no more, and
  /// its peer is known to be there if the handshake is done.
  mutating func fastOpenAdvanced(_ slot: UInt32) {
    guard connections[slot].state != .synReceived else { return }
    connections[slot].flags.remove(.isFastOpenPending)
    let outcome = connections[slot].outcome
    if outcome == nil { peers.handshakeCompleted(with: connections[slot].key.remoteAddress) }
    let listener = connections[slot].fastOpenListener
    guard let id = listeners.pool.id(at: UInt32(listener.slot)),
      listener == FastOpenListener(ListenerID(slot: id.slot, generation: id.generation))
    else { return }  // nobody listens there any more
    if outcome == .resetByPeer || outcome == .connectionRefused {
      listeners.pool[id.slot].fastOpen.endWithReset(at: context.now)
    } else {
      listeners.pool[id.slot].fastOpen.end()
    }
  }
}
