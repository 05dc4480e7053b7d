// What the loop's thread does, over and over (DESIGN §3): wait, read a batch, tell handlers and
// tasks, run jobs, write a batch. Jobs run before output, so an answer leaves in the turn of its
// question, on the ACK. Nothing here allocates once it has run warm.

internal import Synchronization

extension TCPStack {
  /// What holds the loop for longer is reported.
  private static let tolerance = Interval.milliseconds(100)
  /// How long jobs may run before packets are looked at again.
  private static let jobBudget = Interval.microseconds(200)

  /// The thread's whole life, after `EventLoop.bind`.
  func runLoop() {
    var line = DeviceLine(device: device, log: log)
    var overflows = OverflowWatch()
    while !isStopping.load(ordering: .acquiring) {
      turn(&line)
      tell(&overflows)
    }
    abortEverything()
    line.flush(state)
    repeat { runJobs() } while !loop.end()
    deliverTrace()
    device.close()
  }

  private func turn(_ line: inout DeviceLine) {
    if !hasWork(line) {
      _ = loop.wait(for: line.descriptor, atMost: deadline(line) - MonotonicClock.now)
    }
    line.receive(state)
    deliverNotifications()
    runJobs()
    checkShutdown()
    line.send(state)
    deliverNotifications()  // what timers have done
    deliverTrace()
    if let failure = line.failure { fail(failure) }
  }

  /// A few comparisons in a turn that met no limit.
  private func tell(_ overflows: inout OverflowWatch) {
    overflows.look(
      at: state.with { $0.engine.overflowCounts }, now: { MonotonicClock.coarse },
      port: { state.with { $0.engine.lastCookiePort } }, log: log)
  }

  private func hasWork(_ line: borrowing DeviceLine) -> Bool {
    loop.hasJobs || line.mayHaveMore || line.canSend && state.with { $0.engine.hasOutput }
  }

  private func deadline(_ line: borrowing DeviceLine) -> Instant {
    state.with { state in
      let next = line.canSend ? state.engine.nextDeadline : line.retryAt
      return min(next, state.shutdownDeadline ?? .never)
    }
  }

  private func runJobs() {
    loop.runJobs(budget: Self.jobBudget) { start, end in
      if end - start > Self.tolerance { reportJob(end - start) }
      unsafe state.unchecked.pointee.lastUsed = nil
    }
  }

  private func reportJob(_ time: Interval) {
    let holder = state.with { state in
      LoopHolder.job(
        lastUsed: state.lastUsed,
        remote: state.lastUsed.flatMap { state.engine.endpoints($0)?.remote })
    }
    log(.loopHeld(by: holder, time))
  }

  // MARK: Notifications

  /// Calls handlers and wakes tasks. Handlers are called outside every access to the state, so they
  /// may ask the stack anything.
  private func deliverNotifications() {
    let state = unsafe state.unchecked
    guard var notification = unsafe state.pointee.engine.nextNotification() else { return }
    unsafe state.pointee.watchStart = MonotonicClock.coarse
    while true {
      switch notification {
      case .acceptable(let listener): unsafe accept(from: listener, state)
      case .connection(let id, let events):
        guard let owner = unsafe state.pointee.owners[id] else { break }
        if owner.service == Owner.streams {
          unsafe state.pointee.wakeStream(owner, events)
        } else {
          unsafe deliver(events, to: id, owner, state)
        }
      }
      guard let next = unsafe state.pointee.engine.nextNotification() else { return }
      notification = next
    }
  }

  private func accept(from listener: ListenerID, _ state: UnsafeMutablePointer<StackState>) {
    guard let entry = unsafe state.pointee.listeners.find(listener) else { return }
    guard let index = entry.service else {
      return unsafe state.pointee.listeners.wake(listener)
    }
    guard let service = unsafe state.pointee.services.find(index) else { return }
    while let id = unsafe state.pointee.engine.accept(listener) {
      unsafe service._withUnsafeGuaranteedRef { service in
        unsafe service.accept(id, state)
        unsafe watch(service, id, [], state)
      }
    }
  }

  private func deliver(
    _ events: ConnectionEvents, to id: ConnectionID, _ owner: Owner,
    _ state: UnsafeMutablePointer<StackState>
  ) {
    guard let service = unsafe state.pointee.services.find(owner.service) else { return }
    let isListening = unsafe service._withUnsafeGuaranteedRef { service in
      unsafe service.deliver(events, to: id, owner, state)
      unsafe watch(service, id, events, state)
      return service.isListening
    }
    if !isListening { unsafe state.pointee.services.removeIfUnused(owner.service) }
  }

  /// After every call of a handler: did it hold the loop?
  private func watch(
    _ service: Service, _ id: ConnectionID, _ events: ConnectionEvents,
    _ state: UnsafeMutablePointer<StackState>
  ) {
    let now = MonotonicClock.coarse
    let time = now - (unsafe state.pointee.watchStart)
    unsafe state.pointee.watchStart = now
    guard time > Self.tolerance else { return }
    let holder = LoopHolder.handler(
      type: service.name, event: events.isEmpty ? "opened" : events.description, connection: id,
      remote: unsafe state.pointee.engine.endpoints(id)?.remote)
    log(.loopHeld(by: holder, time))
  }
}

extension StackState {
  /// Wakes whoever waits on a stream. What it finds it looks up itself.
  mutating func wakeStream(_ owner: Owner, _ events: ConnectionEvents) {
    let stream = unsafe streams.pointer(owner.element)
    if events.contains(.established) { unsafe stream.pointee.isEstablished = true }
    if events != .writable { unsafe stream.pointee.wake(.reader) }
    if !events.isDisjoint(with: [.writable, .closed]) { unsafe stream.pointee.wake(.writer) }
  }
}

extension ConnectionEvents {
  /// For logs.
  var description: String {
    let names: [(ConnectionEvents, String)] = [
      (.established, "established"), (.readable, "received"), (.writable, "writable"),
      (.endOfStream, "inputEnded"), (.urgent, "urgent"), (.softError, "softError"),
      (.closed, "closed"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: "+")
  }
}
