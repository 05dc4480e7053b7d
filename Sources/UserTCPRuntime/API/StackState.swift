// Everything that belongs to one stack's loop: the engine, and who looks after its connections.
// Lives in a `LoopBound`. Handlers are never called from inside an access to it.

/// What a waiting task is told.
enum Wake: Sendable {
  /// Look again.
  case look
  /// Another task waits in its place.
  case displaced
}

typealias Waiter = UnsafeContinuation<Wake, Never>

/// Which waiting place of a stream.
enum StreamSide: Sendable {
  case reader, writer
}

/// What the runtime keeps for a connection that is used through a `TCPStream`.
@safe struct StreamState: ~Copyable {
  /// The task that waits for input, or for the connection to be established.
  var reader: Waiter?
  /// The task that waits for room.
  var writer: Waiter?
  /// An active open has completed, or the stream was accepted.
  var isEstablished: Bool
  /// A caller looks at the receive buffer: what would free it is done when it returns.
  var isLent = false
  var ending: Ending?

  /// How the handle is given back.
  enum Ending {
    case close(discarding: Interval)
    case abort
  }

  init(isEstablished: Bool) {
    unsafe reader = nil
    unsafe writer = nil
    self.isEstablished = isEstablished
  }

  mutating func wake(_ side: StreamSide, _ reason: Wake = .look) {
    switch side {
    case .reader: if let waiter = unsafe reader.take() { unsafe waiter.resume(returning: reason) }
    case .writer: if let waiter = unsafe writer.take() { unsafe waiter.resume(returning: reason) }
    }
  }

  /// Remembers who waits. A task that waits there already is told that it lost its place.
  mutating func park(_ waiter: Waiter, _ side: StreamSide) {
    wake(side, .displaced)
    switch side {
    case .reader: unsafe reader = waiter
    case .writer: unsafe writer = waiter
    }
  }
}

/// What a `LoopBound` of `TCPStack` holds.
@safe struct StackState: ~Copyable {
  var engine: ProtocolStack
  let device: any PacketDevice
  var owners = OwnerTable()
  var streams = ElementPool<StreamState>()
  var services = ServiceTable()
  var listeners = ListenerTable()
  var chunks = ChunkPool()
  /// The connection that a task used last; named when a job holds the loop.
  var lastUsed: ConnectionID?
  /// When the handler that runs now was called, by the coarse clock.
  var watchStart = Instant.zero
  /// `shutdown` has begun; open connections end then at the latest.
  var shutdownDeadline: Instant?
  /// The tasks that wait in `shutdown`.
  var shutdownWaiters: [Waiter] = unsafe []
  /// Who traces, and events on their way there.
  var traceSink: TraceSink?
  var traced: [TraceEvent] = []
  /// The device is gone.
  var failure: DeviceError?
  /// The task of `run` that waits for that.
  var failureWaiter: Waiter?

  init(engine: consuming ProtocolStack, device: any PacketDevice) {
    self.engine = engine
    self.device = device
    unsafe failureWaiter = nil
  }
}
