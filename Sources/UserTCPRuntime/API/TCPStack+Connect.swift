// Active opens.

extension TCPStack {
  /// Connects to `remote` and returns when the connection is established. The caller must `close` or
  /// `abort` the stream. A cancelled call abandons the attempt.
  public func connect(
    to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions()
  ) async throws(TCPError) -> TCPStream {
    try await call { () async throws(TCPError) in
      let stream = try self.state.with { state throws(TCPError) in
        guard state.shutdownDeadline == nil else { throw .closed }
        let id = try state.engine.connect(to: remote, from: local, options: options)
        return self.adopt(id, isEstablished: false, &state)
      }
      try await self.waitUntilEstablished(stream)
      return stream
    }
  }

  /// Connects to `remote` with the first octets of the stream: they go on the SYN when the server has given
  /// us a cookie before and `tcp_fastopen` allows it (RFC 7413), else right behind the handshake. On the SYN
  /// they may arrive twice: not for requests that change something.
  public func connect(
    to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions(), sending first: [UInt8]
  ) async throws(TCPError) -> TCPStream {
    try await call { () async throws(TCPError) in
      let (stream, count) = try self.state.with { state throws(TCPError) in
        guard state.shutdownDeadline == nil else { throw .closed }
        let (id, count) = unsafe try state.engine.connect(
          to: remote, from: local, options: options, sending: first.span.bytes)
        return (self.adopt(id, isEstablished: false, &state), count)
      }
      try await self.waitUntilEstablished(stream)
      if count < first.count { try await stream.write(Array(first[count...])) }
      return stream
    }
  }

  private func waitUntilEstablished(_ stream: TCPStream) async throws(TCPError) {
    do throws(TCPError) {
      while try !isEstablished(stream.id) { try await wait(for: stream.id, .reader) }
    } catch {
      end(stream.id, .abort)
      throw error
    }
  }

  /// Connects to `remote` for as long as `body` runs; then the connection is closed as that of a
  /// handler of `serve(port:_:)` is.
  public func connect<Result: Sendable>(
    to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions(),
    _ body: @escaping @Sendable (TCPStream) async throws -> Result
  ) async throws -> Result {
    try await onLoop { () async throws in
      let stream = try await self.connect(to: remote, from: local, options: options)
      do {
        let result = try await body(stream)
        self.end(stream.id, .close(discarding: .seconds(2)))
        return result
      } catch {
        self.end(stream.id, .abort)
        throw error
      }
    }
  }

  private func isEstablished(_ id: ConnectionID) throws(TCPError) -> Bool {
    try checkRunning()
    return try state.with { state throws(TCPError) in
      guard let owner = state.owners[id] else { throw .closed }
      if let outcome = state.engine.outcome(id) { throw outcome }
      return unsafe state.streams.pointer(owner.element).pointee.isEstablished
    }
  }
}
