// One connection as a task sees it: reads wait for octets, writes wait for room. A stream is a
// handle (slot, generation, stack); copies mean the same connection, and a handle that outlives its
// connection throws `.closed`. Every call tries first and suspends only when it would have to
// wait; on the loop, where a stack's own tasks run, that is without a change of threads.

/// A TCP connection for async code.
///
/// One task may read while another writes; two tasks must not read, or write, at the same time.
public struct TCPStream: Sendable {
  public let id: ConnectionID
  public let local: Endpoint
  public let remote: Endpoint
  let stack: TCPStack

  init(id: ConnectionID, local: Endpoint, remote: Endpoint, stack: TCPStack) {
    self.id = id
    self.local = local
    self.remote = remote
    self.stack = stack
  }
}

// MARK: - Reading

extension TCPStream {
  /// The octets as they come, until the peer has sent its FIN.
  public var inbound: InboundBytes { InboundBytes(stream: self) }

  /// Appends what is there, waiting until there is something. Returns how many octets it appended,
  /// 0 when the peer has sent its FIN.
  @_lifetime(output: copy output)
  public func read(into output: inout OutputRawSpan) async throws(TCPError) -> Int {
    precondition(output.freeCapacity > 0, "nothing can be read into a full span")
    guard stack.loop.isCurrent else { return try await readElsewhere(into: &output) }
    let before = output.byteCount
    while true {
      switch try stack.read(id, into: &output) {
      case .bytes: return output.byteCount - before
      case .endOfStream: return 0
      case .nothingYet: try await stack.wait(for: id, .reader)
      }
    }
  }

  /// Lends what is there without a copy, waiting until there is something. `body` returns how many
  /// octets it is done with; the rest is read again. `nil` when the peer has sent its FIN.
  public func withReadableBytes<Result>(
    _ body: (RawSpan) throws(TCPError) -> (result: Result, consumed: Int)
  ) async throws(TCPError) -> Result? {
    guard stack.loop.isCurrent else { return try await withReadableBytesElsewhere(body) }
    while true {
      switch try stack.readable(id) {
      case .bytes: return try stack.lendReadable(id, to: body)
      case .endOfStream: return nil
      case .nothingYet: try await stack.wait(for: id, .reader)
      }
    }
  }

  /// The next octets, at most `limit`; `nil` when the peer has sent its FIN.
  public func read(upTo limit: Int = 64 << 10) async throws(TCPError) -> ByteChunk? {
    guard stack.loop.isCurrent else {
      return try await stack.call { () async throws(TCPError) in try await read(upTo: limit) }
    }
    while true {
      switch try stack.readable(id) {
      case .bytes(let count):
        return try stack.readChunk(id, min(count, limit), reusing: nil)
      case .endOfStream: return nil
      case .nothingYet: try await stack.wait(for: id, .reader)
      }
    }
  }
}

// MARK: - Writing

extension TCPStream {
  /// Writes all of it, waiting while the send buffer is full.
  public func write(_ bytes: RawSpan) async throws(TCPError) {
    guard stack.loop.isCurrent else {
      return try await write(unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) })
    }
    var written = try stack.write(id, bytes)
    while written < bytes.byteCount {
      try await stack.wait(for: id, .writer)
      written += try stack.write(id, bytes.extracting(droppingFirst: written))
    }
  }

  /// Writes all of it, waiting while the send buffer is full.
  public func write(_ bytes: [UInt8]) async throws(TCPError) {
    guard stack.loop.isCurrent else {
      return try await stack.call { () async throws(TCPError) in try await write(bytes) }
    }
    try await write(unsafe bytes.span.bytes)
  }

  /// Writes all of it, waiting while the send buffer is full.
  public func write(_ chunk: ByteChunk) async throws(TCPError) {
    guard stack.loop.isCurrent else {
      return try await stack.call { () async throws(TCPError) in try await write(chunk) }
    }
    try await write(chunk.bytes)
  }

  /// Writes `bytes` as urgent data (RFC 9293 §3.8.5, MUST-30). For old protocols only.
  public func writeUrgent(_ bytes: [UInt8]) async throws(TCPError) {
    try await stack.call { () async throws(TCPError) in
      var written = 0
      while written < bytes.count {
        written += try stack.write(
          id, unsafe bytes.span.bytes.extracting(droppingFirst: written), urgent: true)
        if written < bytes.count { try await stack.wait(for: id, .writer) }
      }
    }
  }
}
