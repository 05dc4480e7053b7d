// `for try await bytes in stream.inbound`: the received octets as chunks. The iterator keeps a buffer
// only between two chunks; while it waits it holds none, because most streams wait most of the time.

/// What a stream receives, chunk by chunk.
public struct InboundBytes: AsyncSequence, Sendable {
  public typealias Element = ByteChunk
  public typealias Failure = TCPError

  let stream: TCPStream

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: stream) }

  public struct AsyncIterator: AsyncIteratorProtocol {
    private let stream: TCPStream
    /// The buffer of the last chunk, to be used again if nobody kept that chunk.
    private var spare: ChunkStorage?

    init(stream: TCPStream) { self.stream = stream }

    public mutating func next() async throws(TCPError) -> ByteChunk? {
      try await next(isolation: nil)
    }

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(TCPError) -> ByteChunk? {
      let stack = stream.stack
      guard stack.loop.isCurrent else { return try await stream.read() }
      while true {
        switch try stack.readable(stream.id) {
        case .bytes(let count):
          let chunk = try stack.readChunk(stream.id, count, reusing: takeSpare())
          spare = chunk.storage
          return chunk
        case .endOfStream:
          giveSpareBack()
          return nil
        case .nothingYet:
          giveSpareBack()
          try await stack.wait(for: stream.id, .reader)
        }
      }
    }

    /// The spare buffer, when this iterator alone refers to it.
    private mutating func takeSpare() -> ChunkStorage? {
      guard spare != nil, isKnownUniquelyReferenced(&spare) else {
        spare = nil
        return nil
      }
      return spare.take()
    }

    private mutating func giveSpareBack() {
      guard let storage = takeSpare() else { return }
      stream.stack.state.with { $0.chunks.giveBack(storage) }
    }
  }
}
