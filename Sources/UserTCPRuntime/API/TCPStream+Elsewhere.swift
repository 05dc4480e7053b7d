// The two ways to read into borrowed memory, for a caller on another executor: spans cannot change
// threads, so the octets cross as a chunk, at the price of one more copy.

extension TCPStream {
  @_lifetime(output: copy output)
  @inline(never)
  func readElsewhere(into output: inout OutputRawSpan) async throws(TCPError) -> Int {
    guard let chunk = try await read(upTo: output.freeCapacity) else { return 0 }
    output.append(chunk.bytes)
    return chunk.count
  }

  @inline(never)
  func withReadableBytesElsewhere<Result>(
    _ body: (RawSpan) throws(TCPError) -> (result: Result, consumed: Int)
  ) async throws(TCPError) -> Result? {
    guard let chunk = try await peek() else { return nil }
    let (result, consumed) = try body(chunk.bytes)
    precondition(consumed >= 0 && consumed <= chunk.count, "more octets consumed than were lent")
    try await stack.call { () async throws(TCPError) in
      stack.state.with { $0.engine.consume(id, consumed) }
    }
    return result
  }

  /// A copy of what is there, which stays there.
  private func peek() async throws(TCPError) -> ByteChunk? {
    try await stack.call { () async throws(TCPError) in
      try await withReadableBytes { bytes throws(TCPError) in
        (stack.copyToChunk(bytes), consumed: 0)
      }
    }
  }
}

extension OutputRawSpan {
  /// Appends a copy of `bytes`, which must fit.
  @_lifetime(self: copy self)
  mutating func append(_ bytes: RawSpan) {
    precondition(bytes.byteCount <= freeCapacity, "no room for these octets")
    unsafe withUnsafeMutableBytes { buffer, initialized in
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[initialized...])
          .copyMemory(from: source)
      }
      initialized += bytes.byteCount
    }
  }
}

extension TCPStack {
  fileprivate func copyToChunk(_ bytes: RawSpan) -> ByteChunk {
    let storage = ChunkStorage(capacity: bytes.byteCount)
    unsafe bytes.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(start: storage.base, count: storage.capacity)
        .copyMemory(from: source)
    }
    return ByteChunk(storage: storage, count: bytes.byteCount)
  }
}
