// Passive opens: a port with handlers, which needs no task, or with a child task per connection.

/// A port that accepts connections.
public struct TCPListener: Sendable {
  public let id: ListenerID
  public let port: Port
  let stack: TCPStack

  /// Stops listening. Connections that were accepted live on. From any thread.
  public func close() { stack.onLoopSoon { $0.closeListener(self.id) } }
}

// MARK: - Handlers

extension TCPStack {
  /// Accepts connections on `port` and gives each a handler of its own, made by `handler`. Returns at
  /// once. Only on the loop.
  /// - Parameter fastOpenBacklog: how many connections may be served before their handshake is done
  ///   (RFC 7413). Their first octets may come twice: not for requests that change something.
  @discardableResult
  public func serve<Handler: ConnectionHandler & ~Copyable>(
    port: Port, backlog: Int = 4096, fastOpenBacklog: Int = 0,
    options: ConnectionOptions = ConnectionOptions(),
    handler: @escaping @Sendable () -> Handler
  ) throws(TCPError) -> TCPListener {
    try state.with { state throws(TCPError) in
      guard state.shutdownDeadline == nil else { throw .closed }
      guard let index = state.services.freeIndex() else { throw .limitReached }
      let id = try state.engine.listen(
        on: port, backlog: backlog, fastOpenBacklog: fastOpenBacklog, options: options)
      state.services.insert(HandlerService(index: index, handler))
      state.listeners.insert(ListenerState(id: id, service: index))
      return TCPListener(id: id, port: port, stack: self)
    }
  }
}

// MARK: - Streams

extension TCPStack {
  /// Accepts connections on `port` and runs `handler` for each in a child task on the loop, until the
  /// calling task is cancelled or the stack shuts down.
  ///
  /// A handler that returns has finished: FIN after what it wrote, and input that it did not read is
  /// discarded for two seconds before the connection is let go. One that throws resets its
  /// connection. Cancelling cancels the handlers.
  public func serve(
    port: Port, backlog: Int = 4096, fastOpenBacklog: Int = 0,
    options: ConnectionOptions = ConnectionOptions(),
    _ handler: @escaping @Sendable (TCPStream) async throws -> Void
  ) async throws(TCPError) {
    try await listen(
      port: port, backlog: backlog, fastOpenBacklog: fastOpenBacklog, options: options
    ).serve(handler)
  }

  /// Starts listening on `port` before it returns; `TCPListener.serve` then takes the connections.
  public func listen(
    port: Port, backlog: Int = 4096, fastOpenBacklog: Int = 0,
    options: ConnectionOptions = ConnectionOptions()
  ) async throws(TCPError) -> TCPListener {
    try await call { () async throws(TCPError) in
      try self.state.with { state throws(TCPError) in
        guard state.shutdownDeadline == nil else { throw .closed }
        let id = try state.engine.listen(
          on: port, backlog: backlog, fastOpenBacklog: fastOpenBacklog, options: options)
        state.listeners.insert(ListenerState(id: id, service: nil))
        return TCPListener(id: id, port: port, stack: self)
      }
    }
  }
}

extension TCPListener {
  /// As `TCPStack.serve(port:_:)`, for a port that listens already. Closes the listener in the end.
  public func serve(
    _ handler: @escaping @Sendable (TCPStream) async throws -> Void
  ) async throws(TCPError) {
    try await stack.call { () async throws(TCPError) in
      defer { close() }
      await withDiscardingTaskGroup { group in
        while let stream = await accept() {
          group.addTask(executorPreference: stack.loop) {
            await stack.run(handler, with: stream, port: port)
          }
        }
      }
      if Task.isCancelled { throw .cancelled }
    }
  }

  /// The next connection; `nil` when the task is cancelled or the listener closed.
  private func accept() async -> TCPStream? {
    while !Task.isCancelled {
      switch stack.acceptStream(id) {
      case .accepted(let stream): return stream
      case .closed: return nil
      case .nothingYet: await stack.waitForConnection(id)
      }
    }
    return nil
  }
}

// MARK: - Inside

extension TCPStack {
  enum Accepted {
    case accepted(TCPStream)
    case nothingYet
    case closed
  }

  @inline(never)
  fileprivate func acceptStream(_ listener: ListenerID) -> Accepted {
    guard loop.isCurrent else { return .closed }
    return state.with { state in
      guard state.listeners.find(listener) != nil else { return .closed }
      guard let id = state.engine.accept(listener) else { return .nothingYet }
      return .accepted(adopt(id, isEstablished: true, &state))
    }
  }

  fileprivate func waitForConnection(_ listener: ListenerID) async {
    _ = await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (waiter: Waiter) in
        state.with { state in
          // `onCancel` may have run before anyone waited.
          if Task.isCancelled || state.listeners.find(listener) == nil {
            unsafe waiter.resume(returning: .look)
          } else {
            unsafe state.listeners.park(waiter, listener)
          }
        }
      }
    } onCancel: {
      onLoopSoon { stack in stack.state.with { $0.listeners.wake(listener) } }
    }
  }

  fileprivate func run(
    _ handler: @Sendable (TCPStream) async throws -> Void, with stream: TCPStream, port: Port
  ) async {
    do {
      try await handler(stream)
      end(stream.id, .close(discarding: .seconds(2)))
    } catch {
      // On the loop again, wherever the handler was: this task prefers it.
      end(stream.id, .abort)
      report(error, of: stream, port)
    }
  }

  @inline(never)
  private func report(_ error: any Error, of stream: TCPStream, _ port: Port) {
    // That a connection failed is not worth a line; that a program did is.
    if !(error is TCPError || error is CancellationError) {
      log(.handlerFailed(stream.remote, port: port, error))
    }
  }

  func closeListener(_ id: ListenerID) {
    state.with { state in
      guard let listener = state.listeners.remove(id) else { return }
      state.engine.stopListening(id)
      guard let index = listener.service, let service = unsafe state.services.find(index) else {
        return
      }
      unsafe service._withUnsafeGuaranteedRef { $0.isListening = false }
      state.services.removeIfUnused(index)
    }
  }

  /// At once on the loop, otherwise soon; not at all when the stack has ended.
  func onLoopSoon(_ body: @escaping @Sendable (TCPStack) -> Void) {
    if loop.isCurrent && !state.isInUse { return body(self) }
    loop.post { if self.loop.isCurrent { body(self) } }
  }
}
