// Bodies of requests: echoed octet by octet as they arrive, or read over.

extension HTTPConversation {
  mutating func echo(
    _ head: RequestHead, _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    if head.expectsContinue { emit(ResponseHead.continue, to: &transport) }
    switch head.body {
    case .none:
      emitLengthHead(0, to: &transport)
      responseEnds()
    case .length(let count):
      remaining = count
      flags.insert(.owesHead)
      phase = .echoingLength
    case .chunked:
      chunks = ChunkedDecoder()
      flags.insert(.owesHead)
      phase = .echoingChunks
    }
  }

  mutating func echoLength(
    _ octets: RawSpan, _ offset: inout Int,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    let available = min(remaining, octets.byteCount - offset)
    guard available > 0 else { return }
    if flags.contains(.owesHead) {
      flags.remove(.owesHead)
      emitLengthHead(remaining, to: &transport)
      guard pending.isEmpty else { return }
    }
    let taken = transport.write(octets.extracting(offset..<offset + available))
    offset += taken
    remaining -= taken
    if remaining == 0 { responseEnds() }
  }

  /// Chunks go out as they came in, cut at the same places: so a size is known before its data is.
  mutating func echoChunks(
    _ octets: RawSpan, _ offset: inout Int,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    while pending.isEmpty {
      let event = chunks.next(octets, at: &offset)
      switch event {
      case .needsMore: return
      case .chunk(let size):
        emitChunkedHeadIfOwed(to: &transport)
        emit(number: size, radix: 16, to: &transport)
        emit(ResponseHead.lineEnd, to: &transport)
      case .data(let available):
        let taken = transport.write(octets.extracting(offset..<offset + available))
        offset += taken
        chunks.consumed(taken)
        if taken < available { return }
      case .chunkEnd: emit(ResponseHead.lineEnd, to: &transport)
      case .end:
        emitChunkedHeadIfOwed(to: &transport)
        emit(ResponseHead.lastChunk, to: &transport)
        return responseEnds()
      case .malformed:
        // Once the response has begun, all that can be said is that it has no end.
        if flags.contains(.owesHead) { refuse(.badRequest, &transport) }
        phase = .closing
        return
      }
    }
  }

  mutating func emitLengthHead(
    _ length: Int, to transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    emit(ResponseHead.untilLength(fate), to: &transport)
    emit(number: length, radix: 10, to: &transport)
    emit(ResponseHead.emptyLine, to: &transport)
  }

  mutating func emitChunkedHeadIfOwed(
    to transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    guard flags.contains(.owesHead) else { return }
    flags.remove(.owesHead)
    let closes = flags.contains(.closesAfterResponse)
    emit(closes ? ResponseHead.chunkedCloses : ResponseHead.chunkedPersists, to: &transport)
  }

  // MARK: Bodies nobody wants

  mutating func discardLength(_ octets: RawSpan, _ offset: inout Int) {
    let available = min(remaining, octets.byteCount - offset)
    offset += available
    remaining -= available
    if remaining == 0 { responseEnds() }
  }

  mutating func discardChunks(_ octets: RawSpan, _ offset: inout Int) {
    while true {
      switch chunks.next(octets, at: &offset) {
      case .needsMore: return
      case .chunk, .chunkEnd: break
      case .data(let available):
        offset += available
        chunks.consumed(available)
      case .end: return responseEnds()
      case .malformed:
        phase = .closing
        return
      }
    }
  }
}
