// The API's centre: one TCP/IP host on its own thread. `TCPStack` holds the engine in a `LoopBound`
// and is `Sendable`; what must wait is async and moves to the loop by itself, what need not is
// called on the loop. The chapters: +Run (life), +Turn (the loop's work), +Serve, +Connect,
// +Streams (what `TCPStream` is made of), +Shutdown.

internal import Synchronization

/// A TCP/IP host in user space.
public final class TCPStack: Sendable {
  /// Runs everything: the engine, handlers and the tasks the stack starts.
  public let loop: EventLoop
  let state: LoopBound<StackState>
  let device: any PacketDevice
  let log: RuntimeLog
  /// `run` is over: the loop is to take its last turn.
  let isStopping = Atomic<Bool>(false)

  init(
    device: any PacketDevice, address: InterfaceAddress, settings: StackSettings,
    secret: StackSecret, log: @escaping RuntimeLog
  ) throws(DeviceError) {
    var settings = settings
    settings.mtu = device.mtu
    loop = try EventLoop()
    state = LoopBound(
      loop,
      StackState(
        engine: ProtocolStack(
          settings: settings, interface: address, secret: secret, offloads: device.offloads),
        device: device))
    self.device = device
    self.log = log
  }
}

// MARK: - Moving to the loop

extension TCPStack {
  /// Runs `body` on the stack's loop, where the synchronous calls are allowed, and waits for it.
  ///
  /// Throws nothing of its own; after the stack has ended calls on it throw `.closed`.
  @inline(never)  // or its task group would lie in the frames of all callers, who rarely need it
  public func onLoop<Result: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    if loop.isCurrent { return try await body() }
    // A child task: a plain call that prefers the loop would lose the preference where the body's
    // own calls are inlined into it.
    return try await withTaskGroup(of: Swift.Result<Result, Failure>.self) { group in
      group.addTask(executorPreference: loop) {
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
      }
      guard let result = await group.next() else {
        preconditionFailure("a child task has a result")
      }
      return result
    }.get()
  }
}

extension TCPStack {
  /// As `onLoop`, for calls that fail when the stack has ended. The check stands on both sides of the
  /// move: a call that comes too late must not try to move again.
  @inline(never)
  func call<Result: Sendable>(
    _ body: @escaping @Sendable () async throws(TCPError) -> Result
  ) async throws(TCPError) -> Result {
    if loop.isOver { throw .closed }
    return try await onLoop { () async throws(TCPError) in
      try self.checkRunning()
      return try await body()
    }
  }

  /// Off the loop here means: moved, but the stack has ended.
  func checkRunning() throws(TCPError) {
    guard loop.isCurrent else { throw .closed }
  }
}

// MARK: - Questions

/// Synchronous, so only on the loop: in `run`'s body, in handlers, or inside `onLoop`.
extension TCPStack {
  /// Listeners, half-open connections, connections and TIME-WAIT, in that order.
  public func snapshots() -> [ConnectionSnapshot] {
    state.with { state in
      var all: [ConnectionSnapshot] = []
      state.engine.forEachSnapshot { all.append($0) }
      return all
    }
  }

  public var counters: Counters { state.with { $0.engine.counters } }
  /// What the device lost before the stack could receive it.
  public var droppedFrames: UInt64? { device.droppedFrames }
  /// Connections that are not in TIME-WAIT.
  public var connectionCount: Int { state.with { $0.engine.connectionCount } }
  public var timeWaitCount: Int { state.with { $0.engine.timeWaitCount } }

  /// What an operator may change while the stack runs.
  public var settings: StackSettings {
    get { state.with { $0.engine.settings } }
    set { state.with { $0.engine.settings = newValue } }
  }
}
