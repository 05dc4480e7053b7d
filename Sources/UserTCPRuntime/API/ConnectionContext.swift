// What a handler may do to its connection while it is called. It can neither be stored nor copied,
// so nothing needs to be checked: whoever has it is on the loop, in the call that lent it. `close`
// and `abort` act when that call returns, because the octets a handler looks at must stay until then.

/// A connection, lent to its handler for one call.
@safe public struct ConnectionContext: ~Copyable, ~Escapable {
  /// What is to be done when the handler has returned.
  enum Ending {
    case none
    case close(discarding: Interval)
    case abort
  }

  private let state: UnsafeMutablePointer<StackState>
  public let id: ConnectionID
  private(set) var ending = Ending.none
  /// Unconsumed input is to be offered again.
  var resumesReading = false

  /// Sound when `state` outlives the call and no access to it is under way.
  @_lifetime(immortal)
  init(_ state: UnsafeMutablePointer<StackState>, _ id: ConnectionID) {
    unsafe self.state = state
    self.id = id
  }

  var isEnding: Bool {
    if case .none = ending { false } else { true }
  }

  // MARK: Writing

  /// Takes what fits into the send buffer and returns how much. When that is less, `writable` is
  /// called once there is room. 0 once the connection cannot send any more.
  @_lifetime(self: copy self)
  public mutating func write(_ bytes: RawSpan) -> Int {
    // An error is the connection's end, of which `closed` tells.
    let state = unsafe state  // instrumented builds see `self` escape otherwise
    return (try? unsafe state.pointee.engine.write(id, bytes)) ?? 0
  }

  /// Room in the send buffer.
  public var writableBytes: Int { unsafe state.pointee.engine.writableBytes(id) }

  // MARK: Reading

  /// Offers what was left unconsumed again when this call returns.
  @_lifetime(self: copy self)
  public mutating func resumeReading() { resumesReading = true }

  /// Octets of urgent data that are still unread (RFC 9293 §3.8.5).
  public var urgentBytes: Int { unsafe state.pointee.engine.urgentBytes(id) }

  // MARK: Ending

  /// Half-close: FIN after what was written; input goes on.
  @_lifetime(self: copy self)
  public mutating func finish() {
    let state = unsafe state
    _ = try? unsafe state.pointee.engine.finish(id)  // fails only when it is over anyway
  }

  /// FIN after what was written. Input that was not consumed, or comes later, is discarded for
  /// `grace`, after which it resets the connection: an early answer reaches a client that still
  /// sends. `closed(nil)` follows this call's return.
  @_lifetime(self: copy self)
  public mutating func close(discardingInputFor grace: Interval = .seconds(2)) {
    if case .abort = ending { return }
    ending = .close(discarding: grace)
  }

  /// Reset. `closed(.aborted)` follows this call's return.
  @_lifetime(self: copy self)
  public mutating func abort() { ending = .abort }

  // MARK: Questions

  public var local: Endpoint? { unsafe state.pointee.engine.endpoints(id)?.local }
  public var remote: Endpoint? { unsafe state.pointee.engine.endpoints(id)?.remote }
  /// A copy of everything there is to know; for reports, it costs more than the other calls.
  public var snapshot: ConnectionSnapshot? { unsafe state.pointee.engine.snapshot(id) }

  /// Every socket of the stack, for a table of them.
  public func forEachSnapshot(_ body: (ConnectionSnapshot) -> Void) {
    unsafe state.pointee.engine.forEachSnapshot(body)
  }

  public var counters: Counters { unsafe state.pointee.engine.counters }
  /// What the device lost before the stack could receive it.
  public var droppedFrames: UInt64? { unsafe state.pointee.device.droppedFrames }

  @_lifetime(self: copy self)
  public mutating func configure(_ change: (inout ConnectionOptions) -> Void) {
    let state = unsafe state
    _ = try? unsafe state.pointee.engine.configure(id, change)
  }
}
