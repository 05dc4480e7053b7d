// A listening port with connection handlers: the one class in the way of an event, entered by one
// virtual call. Its handlers lie inline in its own pool.

/// What is done to the connections of one port.
class Service {
  /// Its place in the `ServiceTable`.
  let index: UInt16
  /// Connections are still accepted.
  var isListening = true

  init(index: UInt16) { self.index = index }

  /// The handlers' type, for logs.
  var name: String { "" }
  var connectionCount: Int { 0 }

  /// Takes a connection that the engine has accepted.
  func accept(_ id: ConnectionID, _ state: UnsafeMutablePointer<StackState>) {}
  /// Tells a connection's handler what happened.
  func deliver(
    _ events: ConnectionEvents, to id: ConnectionID, _ owner: Owner,
    _ state: UnsafeMutablePointer<StackState>
  ) {}
  func shutdownBegins(
    _ id: ConnectionID, _ owner: Owner, _ state: UnsafeMutablePointer<StackState>
  ) {}
  /// Resets a connection from outside its handler.
  func abort(_ id: ConnectionID, _ owner: Owner, _ state: UnsafeMutablePointer<StackState>) {}
}

/// The connections of one port, with handlers of one type.
@safe final class HandlerService<Handler: ConnectionHandler & ~Copyable>: Service {
  private var handlers = ElementPool<Handler>()
  private let make: @Sendable () -> Handler

  init(index: UInt16, _ make: @escaping @Sendable () -> Handler) {
    self.make = make
    super.init(index: index)
  }

  override var name: String { String(describing: Handler.self) }
  override var connectionCount: Int { handlers.count }

  override func accept(_ id: ConnectionID, _ state: UnsafeMutablePointer<StackState>) {
    let owner = Owner(element: handlers.insert(make()), service: index, id: id)
    unsafe state.pointee.owners.set(id, owner)
    var context = unsafe ConnectionContext(state, id)
    unsafe handlers.pointer(owner.element).pointee.opened(&context)
    guard unsafe !endIfAsked(context.ending, id, owner, state) else { return }
    // What came with or right after the handshake may have been announced before there was an owner.
    unsafe deliver([.readable], to: id, owner, state)
  }

  override func deliver(
    _ events: ConnectionEvents, to id: ConnectionID, _ owner: Owner,
    _ state: UnsafeMutablePointer<StackState>
  ) {
    let handler = unsafe handlers.pointer(owner.element)
    var context = unsafe ConnectionContext(state, id)
    if events.contains(.writable) { unsafe handler.pointee.writable(&context) }
    if !events.isDisjoint(with: [.readable, .endOfStream, .closed]) || context.resumesReading {
      unsafe offerInput(of: id, owner, handler, &context, state)
    }
    if unsafe endIfAsked(context.ending, id, owner, state) { return }
    if events.contains(.closed) {
      let outcome = unsafe state.pointee.engine.outcome(id)
      unsafe release(id, owner, outcome == .closed ? nil : outcome, state)
      unsafe state.pointee.engine.close(id)  // gives the handle back
    }
  }

  override func shutdownBegins(
    _ id: ConnectionID, _ owner: Owner, _ state: UnsafeMutablePointer<StackState>
  ) {
    var context = unsafe ConnectionContext(state, id)
    unsafe handlers.pointer(owner.element).pointee.shutdownBegins(&context)
    _ = unsafe endIfAsked(context.ending, id, owner, state)
  }

  override func abort(
    _ id: ConnectionID, _ owner: Owner, _ state: UnsafeMutablePointer<StackState>
  ) {
    _ = unsafe endIfAsked(.abort, id, owner, state)
  }

  /// Offers octets until none are left or the handler leaves some, then the end of input, once.
  private func offerInput(
    of id: ConnectionID, _ owner: Owner, _ handler: UnsafeMutablePointer<Handler>,
    _ context: inout ConnectionContext, _ state: UnsafeMutablePointer<StackState>
  ) {
    while !context.isEnding {
      // The octets stay where they are while the handler writes; only `consume` releases them.
      let place = unsafe state.pointee.engine.readableBytes(id)
      guard place.count > 0 else { break }
      context.resumesReading = false
      let consumed = unsafe handler.pointee.received(place.bytes, &context)
      precondition(
        consumed >= 0 && consumed <= place.count, "a handler consumed more than it was offered")
      unsafe state.pointee.engine.consume(id, consumed)
      guard consumed == place.count || (consumed > 0 && context.resumesReading) else {
        return
      }
    }
    guard !context.isEnding, !owner.inputEndWasTold,
      case .endOfStream? = try? unsafe state.pointee.engine.readable(id)
    else { return }
    unsafe state.pointee.owners.setInputEndTold(id)
    unsafe handler.pointee.inputEnded(&context)
  }

  /// Does what the handler asked for while it was called. `true`: the handler is gone.
  private func endIfAsked(
    _ ending: ConnectionContext.Ending, _ id: ConnectionID, _ owner: Owner,
    _ state: UnsafeMutablePointer<StackState>
  ) -> Bool {
    switch ending {
    case .none: return false
    case .close(let grace):
      unsafe state.pointee.engine.close(id, discardingInputFor: grace)
      unsafe release(id, owner, nil, state)
    case .abort:
      unsafe state.pointee.engine.abort(id)
      unsafe release(id, owner, .aborted, state)
    }
    return true
  }

  private func release(
    _ id: ConnectionID, _ owner: Owner, _ reason: TCPError?,
    _ state: UnsafeMutablePointer<StackState>
  ) {
    unsafe state.pointee.owners.clear(id)
    var handler = handlers.remove(owner.element)
    handler.closed(reason)
  }
}

/// All services by index. Unmanaged, so that finding one touches no reference count.
@safe struct ServiceTable: ~Copyable {
  private var entries: [Unmanaged<Service>?] = unsafe [nil, nil]  // `Owner.nobody` and `.streams`

  deinit {
    for index in unsafe entries.indices { unsafe entries[index]?.release() }
  }

  /// A free index; `nil` when there are as many services as ports.
  func freeIndex() -> UInt16? {
    if let free = unsafe entries.indices.dropFirst(2).first(where: { unsafe entries[$0] == nil }) {
      return UInt16(free)
    }
    return unsafe UInt16(exactly: entries.count)
  }

  mutating func insert(_ service: Service) {
    let entry = unsafe Unmanaged.passRetained(service)
    if unsafe Int(service.index) == entries.count {
      unsafe entries.append(entry)
    } else {
      unsafe entries[Int(service.index)] = entry
    }
  }

  @unsafe func find(_ index: UInt16) -> Unmanaged<Service>? { unsafe entries[Int(index)] }

  /// Lets a service go that neither listens nor has connections.
  mutating func removeIfUnused(_ index: UInt16) {
    guard let entry = unsafe entries[Int(index)] else { return }
    let isUnused = unsafe entry._withUnsafeGuaranteedRef {
      !$0.isListening && $0.connectionCount == 0
    }
    guard isUnused else { return }
    unsafe entries[Int(index)] = nil
    unsafe entry.release()
  }
}
