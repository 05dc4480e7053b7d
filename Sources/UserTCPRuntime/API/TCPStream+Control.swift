// What one does to a stream beside moving octets: end it, ask it, change its options. The endings are
// synchronous so that `defer` can call them, and may be called from any thread.

extension TCPStream {
  /// Half-close: FIN after what was written; reading goes on.
  public func finish() async throws(TCPError) {
    try await stack.call { () async throws(TCPError) in
      try stack.state.with { state throws(TCPError) in try state.engine.finish(id) }
    }
  }

  /// FIN after what was written, no more reading. Input that was not read, or comes later, is
  /// discarded for `grace`, after which it resets the connection.
  public func close(discardingInputFor grace: Interval = .seconds(2)) {
    stack.onLoopSoon { $0.end(id, .close(discarding: grace)) }
  }

  /// Resets the connection.
  public func abort() { stack.onLoopSoon { $0.end(id, .abort) } }
}

extension TCPStream {
  /// Octets of urgent data that are still unread (RFC 9293 §3.8.5).
  public var urgentBytes: Int {
    get async { await stack.ask { $0.urgentBytes(id) } ?? 0 }
  }

  /// What was last wrong on the path while the connection lived; reading it clears it.
  public func takeSoftError() async -> TCPError? {
    await stack.ask { $0.takeSoftError(id) } ?? nil
  }

  /// A copy of everything there is to know; `nil` when the connection is gone.
  public var snapshot: ConnectionSnapshot? {
    get async { await stack.ask { $0.snapshot(id) } ?? nil }
  }

  public func configure(
    _ change: @escaping @Sendable (inout ConnectionOptions) -> Void
  ) async throws(TCPError) {
    try await stack.call { () async throws(TCPError) in
      try stack.state.with { state throws(TCPError) in try state.engine.configure(id, change) }
    }
  }
}

extension TCPStack {
  /// One look at the engine; `nil` when the stack has ended.
  fileprivate func ask<Answer: Sendable>(
    _ question: @escaping @Sendable (inout ProtocolStack) -> Answer
  ) async -> Answer? {
    await onLoop { self.loop.isCurrent ? self.state.with { question(&$0.engine) } : nil }
  }
}
