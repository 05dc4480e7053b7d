// The end of a stack: politely by `shutdown(grace:)`, at once when `run` ends or the device fails.

extension TCPStack {
  /// Stops listening, asks every handler to finish (`shutdownBegins`), and returns when no connection
  /// is left. What is left after `grace` is reset.
  ///
  /// Streams are not interrupted before: a task that wants to end early asks `isShuttingDown`.
  public func shutdown(grace: Interval) async {
    await onLoop {
      guard self.loop.isCurrent else { return }
      self.beginShutdown(within: grace)
      await withTaskCancellationHandler {
        _ = unsafe await withUnsafeContinuation { (waiter: Waiter) in
          self.state.with { state in
            if Task.isCancelled { state.shutdownDeadline = .zero }
            unsafe state.shutdownWaiters.append(waiter)
          }
        }
      } onCancel: {
        // Nobody wants to wait any more.
        self.loop.post {
          if self.loop.isCurrent { self.state.with { $0.shutdownDeadline = .zero } }
        }
      }
    }
  }

  /// `shutdown` has been called. Only on the loop.
  public var isShuttingDown: Bool { state.with { $0.shutdownDeadline != nil } }

  private func beginShutdown(within grace: Interval) {
    let deadline = MonotonicClock.now + grace
    let isFirst = state.with { state in
      defer { state.shutdownDeadline = min(deadline, state.shutdownDeadline ?? .never) }
      return state.shutdownDeadline == nil
    }
    guard isFirst else { return }
    for listener in state.with({ $0.listeners.ids }) { closeListener(listener) }
    forEachHandler { service, id, owner in
      unsafe service.shutdownBegins(id, owner, self.state.unchecked)
    }
  }

  /// In every turn: is a shutdown complete, or its time over?
  func checkShutdown() {
    let state = unsafe state.unchecked
    guard let deadline = unsafe state.pointee.shutdownDeadline,
      unsafe !state.pointee.shutdownWaiters.isEmpty
    else { return }
    if unsafe state.pointee.engine.connectionCount > 0 {
      guard MonotonicClock.now >= deadline else { return }
      abortEverything()
    }
    while let waiter = unsafe state.pointee.shutdownWaiters.popLast() {
      unsafe waiter.resume(returning: .look)
    }
  }

  /// Resets every connection: those with a handler or a stream, and those whose handle was given back
  /// and that still say goodbye.
  func abortEverything() {
    forEachHandler { service, id, owner in unsafe service.abort(id, owner, self.state.unchecked) }
    let streams = state.with { $0.owners.all() }.filter { $0.1.service == Owner.streams }
    for (id, _) in streams { end(id, .abort) }
    state.with { $0.engine.abortAll() }
  }

  private func forEachHandler(_ body: (Service, ConnectionID, Owner) -> Void) {
    for (id, owner) in state.with({ $0.owners.all() }) where owner.service != Owner.streams {
      guard let service = unsafe state.with({ unsafe $0.services.find(owner.service) }) else {
        continue
      }
      unsafe service._withUnsafeGuaranteedRef { body($0, id, owner) }
      state.with { $0.services.removeIfUnused(owner.service) }
    }
  }
}

// MARK: - The device fails

extension TCPStack {
  /// Once, when the device is gone: every connection ends, and `run` is told.
  func fail(_ failure: DeviceError) {
    guard state.with({ $0.failure }) == nil else { return }
    log(.deviceFailed(failure))
    let waiter = unsafe state.with { state in
      state.failure = failure
      return unsafe state.failureWaiter.take()
    }
    abortEverything()
    unsafe waiter?.resume(returning: .look)
  }

  /// Waits for that, or for cancellation, which is `nil`.
  func deviceFailure() async -> DeviceError? {
    _ = await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (waiter: Waiter) in
        state.with { state in
          if Task.isCancelled || state.failure != nil {
            unsafe waiter.resume(returning: .look)
          } else {
            unsafe state.failureWaiter = waiter
          }
        }
      }
    } onCancel: {
      loop.post {
        guard self.loop.isCurrent else { return }
        let waiter = unsafe self.state.with { unsafe $0.failureWaiter.take() }
        unsafe waiter?.resume(returning: .look)
      }
    }
    return state.with { $0.failure }
  }
}
