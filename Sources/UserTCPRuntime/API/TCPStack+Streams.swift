// What `TCPStream` is made of: the same few calls on the engine for every way to read and write, and
// the waiting. All on the loop; whoever comes from elsewhere has been moved before, and comes too
// late, off the loop, only when the stack has ended.
//
// What is synchronous here is not inlined: inlined into an async function its temporaries would lie in
// that function's frame, and a parked task keeps its frames: kilobytes for every idle connection.

extension TCPStack {
  // MARK: Handles

  /// Makes a stream of a connection that the engine has handed out.
  @inline(never)
  func adopt(_ id: ConnectionID, isEstablished: Bool, _ state: inout StackState) -> TCPStream {
    let element = state.streams.insert(StreamState(isEstablished: isEstablished))
    state.owners.set(id, Owner(element: element, service: Owner.streams, id: id))
    guard let ends = state.engine.endpoints(id) else {
      preconditionFailure("the engine has just handed this connection out")
    }
    return TCPStream(id: id, local: ends.local, remote: ends.remote, stack: self)
  }

  /// Gives the handle back. Whoever waits on it is told.
  @inline(never)
  func end(_ id: ConnectionID, _ ending: StreamState.Ending) {
    guard loop.isCurrent else { return }  // the stack has ended, and every connection with it
    state.with { state in
      guard let owner = state.owners[id], owner.service == Owner.streams else { return }
      let stream = unsafe state.streams.pointer(owner.element)
      if unsafe stream.pointee.isLent {
        // Somebody looks at the receive buffer: when they return.
        unsafe stream.pointee.ending = ending
        return
      }
      switch ending {
      case .close(let grace): state.engine.close(id, discardingInputFor: grace)
      case .abort: state.engine.abort(id)
      }
      state.owners.clear(id)
      var released = state.streams.remove(owner.element)
      released.wake(.reader)
      released.wake(.writer)
    }
  }

  // MARK: Octets

  @inline(never)
  func readable(_ id: ConnectionID) throws(TCPError) -> Readable {
    try use(id) { state throws(TCPError) in try state.engine.readable(id) }
  }

  @_lifetime(output: copy output)
  @inline(never)
  func read(_ id: ConnectionID, into output: inout OutputRawSpan) throws(TCPError) -> Readable {
    try checkReading()
    return try state.with { state throws(TCPError) in
      state.lastUsed = id
      return try state.engine.read(id, into: &output)
    }
  }

  @inline(never)
  func write(_ id: ConnectionID, _ bytes: RawSpan, urgent: Bool = false) throws(TCPError) -> Int {
    try checkRunning()
    return try state.with { state throws(TCPError) in
      state.lastUsed = id
      return try state.engine.write(id, bytes, urgent: urgent)
    }
  }

  /// Reads up to `limit` octets, which are there, into a buffer of the pool or into `spare`.
  @inline(never)
  func readChunk(
    _ id: ConnectionID, _ limit: Int, reusing spare: ChunkStorage?
  ) throws(TCPError) -> ByteChunk {
    try use(id) { state throws(TCPError) in
      let storage = state.chunks.take(for: limit, reusing: spare)
      let room = unsafe UnsafeMutableRawBufferPointer(
        start: storage.base, count: min(limit, storage.capacity))
      var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
      _ = try state.engine.read(id, into: &output)
      return ByteChunk(storage: storage, count: unsafe output.finalize(for: room))
    }
  }

  /// Shows `body` the first readable octets where they lie. `body` is the user's: it is called
  /// outside the access, and may do anything to the stack but free these octets (`isLent`).
  @inline(never)
  func lendReadable<Result>(
    _ id: ConnectionID,
    to body: (RawSpan) throws(TCPError) -> (result: Result, consumed: Int)
  ) throws(TCPError) -> Result {
    let place = unsafe try use(id) { state throws(TCPError) in
      guard let owner = state.owners[id] else { throw .closed }
      let stream = unsafe state.streams.pointer(owner.element)
      unsafe precondition(!stream.pointee.isLent, "a stream is read inside withReadableBytes")
      unsafe stream.pointee.isLent = true
      return unsafe state.engine.readableBytes(id)
    }
    defer { endLoan(id) }
    let (result, consumed) = unsafe try body(place.bytes)
    precondition(
      consumed >= 0 && consumed <= place.count, "more octets consumed than were lent")
    state.with { $0.engine.consume(id, consumed) }
    return result
  }

  @inline(never)
  private func endLoan(_ id: ConnectionID) {
    let ending: StreamState.Ending? = state.with { state in
      guard let owner = state.owners[id] else { return nil }
      let stream = unsafe state.streams.pointer(owner.element)
      unsafe stream.pointee.isLent = false
      return unsafe stream.pointee.ending
    }
    if let ending { end(id, ending) }
  }

  private func use<Result>(
    _ id: ConnectionID, _ body: (inout StackState) throws(TCPError) -> Result
  ) throws(TCPError) -> Result {
    try checkReading()
    return try state.with { state throws(TCPError) in
      state.lastUsed = id
      return try body(&state)
    }
  }

  /// A cancelled task reads no more, even what is there; otherwise a fast peer would keep it alive.
  private func checkReading() throws(TCPError) {
    try checkRunning()
    if Task.isCancelled { throw .cancelled }
  }

  // MARK: Waiting

  /// Waits until something has happened to a connection. The caller looks what it was.
  func wait(for id: ConnectionID, _ side: StreamSide) async throws(TCPError) {
    let wake = await withTaskCancellationHandler {
      await park(id, side)
    } onCancel: {
      // On any thread, also on the loop's inside an access: never at once.
      loop.post { self.wake(id, side) }
    }
    if Task.isCancelled { throw .cancelled }
    precondition(wake != .displaced, "two tasks read, or write, one stream at the same time")
  }

  private func park(_ id: ConnectionID, _ side: StreamSide) async -> Wake {
    unsafe await withUnsafeContinuation { (waiter: Waiter) in
      unsafe parkOrResume(waiter, id, side)
    }
  }

  @inline(never)
  private func parkOrResume(_ waiter: Waiter, _ id: ConnectionID, _ side: StreamSide) {
    // Off the loop the stack has ended, and nobody would wake us.
    guard loop.isCurrent else { return unsafe waiter.resume(returning: .look) }
    state.with { state in
      // `onCancel` may have run before anyone was parked: look again, now that it would find us.
      guard !Task.isCancelled, let owner = state.owners[id], mustWait(id, side, owner, state)
      else { return unsafe waiter.resume(returning: .look) }
      unsafe state.streams.pointer(owner.element).pointee.park(waiter, side)
    }
  }

  @inline(never)
  private func mustWait(
    _ id: ConnectionID, _ side: StreamSide, _ owner: Owner, _ state: borrowing StackState
  ) -> Bool {
    guard state.engine.outcome(id) == nil else { return false }
    switch side {
    case .reader:
      guard unsafe state.streams.pointer(owner.element).pointee.isEstablished else { return true }
      if case .nothingYet? = try? state.engine.readable(id) { return true }
      return false
    case .writer:
      return state.engine.writableBytes(id) == 0
    }
  }

  @inline(never)
  private func wake(_ id: ConnectionID, _ side: StreamSide) {
    guard loop.isCurrent else { return }
    state.with { state in
      guard let owner = state.owners[id], owner.service == Owner.streams else { return }
      unsafe state.streams.pointer(owner.element).pointee.wake(side)
    }
  }
}
