// Tracing a running stack: what the engine tells goes to one function of the program, in batches, at the end of
// each turn of the loop.

/// Takes traced events, on the stack's loop: it must not wait long. `lost` are those that found no room since
/// tracing began.
public typealias TraceSink = @Sendable (_ events: [TraceEvent], _ lost: UInt64) -> Void

extension TCPStack {
  /// Begins; a sink that there is already is replaced.
  public func startTracing(_ sink: @escaping TraceSink) async throws(TCPError) {
    try await call { () async throws(TCPError) in
      self.state.with { state in
        state.engine.startTracing()
        state.traceSink = sink
      }
    }
  }

  /// Ends, after what has happened until now has been told.
  public func stopTracing() async throws(TCPError) {
    try await call { () async throws(TCPError) in
      self.deliverTrace()
      self.state.with { state in
        state.engine.stopTracing()
        state.traceSink = nil
      }
    }
  }

  /// The end of a turn. The sink is called outside every access to the state.
  func deliverTrace() {
    guard let (sink, events, lost) = state.with({ $0.takeTrace() }) else { return }
    sink(events, lost)
    state.with { state in
      state.traced = events
      state.traced.removeAll(keepingCapacity: true)
    }
  }
}

extension StackState {
  /// `nil` when nobody traces, or nothing has happened.
  fileprivate mutating func takeTrace() -> (TraceSink, [TraceEvent], lost: UInt64)? {
    guard let traceSink else { return nil }
    while let event = engine.nextTraceEvent() { traced.append(event) }
    guard !traced.isEmpty else { return nil }
    defer { traced = [] }  // one owner at a time, so that its memory is used again
    return (traceSink, traced, engine.lostTraceEvents)
  }
}
