// The HTTP test server's side of one connection: octets in, octets out, and nothing else. It is a
// value without a socket, a task or a clock, so the handler protocol and the streams of `--async`
// run the same one, and a test cuts its input wherever it likes. RFC 9112, RFC 9110.
//
// A body is never held: what arrives is written as it arrives, and what the connection cannot take
// stays unread, so a client that does not read its response closes its own window. An idle
// connection owns no memory but this value.

/// Where a conversation writes.
protocol HTTPTransport: ~Copyable, ~Escapable {
  /// Takes what fits and returns how much that was; after a short write the conversation is told
  /// with `flush` when there is room again.
  @_lifetime(self: copy self)
  mutating func write(_ octets: RawSpan) -> Int
  /// The page `/status`, in JSON.
  @_lifetime(self: copy self)
  mutating func statusPage() -> [UInt8]
}

struct HTTPConversation {
  private enum Phase: UInt8 {
    case head
    /// Octets of the request's body become octets of the response's.
    case echoingLength, echoingChunks
    /// The response was written before the body came; the body is of no interest.
    case discardingLength, discardingChunks
    /// After the last response: whatever arrives is thrown away, so that the client, still
    /// uploading perhaps, is not reset before it has read why (RFC 9112 §9.6).
    case closing
  }

  private struct Flags: OptionSet {
    let rawValue: UInt8
    /// The status line of an echo is not written yet: it waits for the first octets of the body.
    static let owesHead = Flags(rawValue: 1 << 0)
    static let closesAfterResponse = Flags(rawValue: 1 << 1)
    static let isVersion10 = Flags(rawValue: 1 << 2)
    /// The server is going away: the response in hand is the last.
    static let isStopping = Flags(rawValue: 1 << 3)
  }

  /// The beginning of a head whose end has not arrived; empty between requests.
  private var partialHead: [UInt8] = []
  /// What the transport did not take, from `pendingStart` on. While there is any, no input is read.
  private var pending: [UInt8] = []
  private var pendingStart: UInt32 = 0
  private var phase = Phase.head
  private var flags: Flags = []
  /// Octets of a body with a length that are still to come.
  private var remaining = 0
  private var chunks = ChunkedDecoder()

  init() {}

  /// Nothing more will be written or read: close the connection, discarding input for a while.
  var isOver: Bool { phase == .closing && pending.isEmpty }

  /// Reads what it can act on and writes the responses. Returns how many octets it consumed: fewer
  /// than all only when the transport is full.
  mutating func take<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, to transport: inout T
  ) -> Int {
    var offset = 0
    while flush(to: &transport) {
      let before = offset
      let phaseBefore = phase
      switch phase {
      case .head: takeHead(octets, &offset, &transport)
      case .echoingLength: echoLength(octets, &offset, &transport)
      case .echoingChunks: echoChunks(octets, &offset, &transport)
      case .discardingLength: discardLength(octets, &offset)
      case .discardingChunks: discardChunks(octets, &offset)
      case .closing: return octets.byteCount
      }
      if offset == before, phase == phaseBefore { break }  // it waits for octets, or for room
    }
    return phase == .closing ? octets.byteCount : offset
  }

  /// Writes what is pending; true when nothing is left of it.
  mutating func flush<T: HTTPTransport & ~Copyable & ~Escapable>(to transport: inout T) -> Bool {
    guard !pending.isEmpty else { return true }
    let octets = pending  // lent to the transport while `self` changes
    pendingStart += UInt32(transport.write(octets.octets.extracting(Int(pendingStart)...)))
    guard Int(pendingStart) == pending.count else { return false }
    pending = []
    pendingStart = 0
    return true
  }

  /// The client has sent its FIN. A request that is not complete will never be.
  mutating func inputEnded() {
    partialHead = []
    phase = .closing
  }

  /// The server is going away: after the response in hand, or at once when there is none.
  mutating func stop() {
    let isIdle = phase == .head && partialHead.isEmpty
    flags.formUnion([.isStopping, .closesAfterResponse])
    if isIdle { phase = .closing }
  }

  // MARK: Requests

  private mutating func takeHead<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, _ offset: inout Int, _ transport: inout T
  ) {
    guard offset < octets.byteCount else { return }
    // A head that arrives in one piece, as nearly all do, is parsed where it lies.
    guard partialHead.isEmpty else {
      return takeRestOfHead(octets, &offset, &transport)
    }
    switch HeadExtent(in: octets, from: offset) {
    case .complete(let range):
      offset = range.upperBound
      answer(head: octets.extracting(range), &transport)
    case .incomplete(let start):
      if start < octets.byteCount { partialHead.append(octets.extracting(start...)) }
      offset = octets.byteCount
    case .tooLong(let problem): refuse(problem, &transport)
    }
  }

  private mutating func takeRestOfHead<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, _ offset: inout Int, _ transport: inout T
  ) {
    let known = partialHead.count
    let room = HeadExtent.longestRequestLine + HeadExtent.longestFields + 2 - known
    let piece = octets.extracting(offset..<min(offset + room, octets.byteCount))
    partialHead.append(piece)
    switch HeadExtent(in: partialHead.octets, from: 0) {
    case .complete(let range):
      offset += range.upperBound - known
      let head = partialHead
      partialHead = []
      answer(head: head.octets.extracting(range), &transport)
    case .incomplete(let start):
      offset += piece.byteCount
      partialHead.removeFirst(start)
    case .tooLong(let problem):
      partialHead = []
      refuse(problem, &transport)
    }
  }

  private mutating func answer<T: HTTPTransport & ~Copyable & ~Escapable>(
    head octets: RawSpan, _ transport: inout T
  ) {
    do throws(HTTPProblem) {
      let head = try RequestHead(parsing: octets)
      if head.isVersion10 { flags.insert(.isVersion10) }
      if !head.isPersistent || flags.contains(.isStopping) { flags.insert(.closesAfterResponse) }
      try answer(head, &transport)
    } catch {
      refuse(error, &transport)
    }
  }

  private mutating func answer<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ head: RequestHead, _ transport: inout T
  ) throws(HTTPProblem) {
    let isPage = head.resource == .hello || head.resource == .status
    switch head.method {
    case .get, .head:
      switch head.resource {
      case .hello: respond(.hello, to: head, &transport)
      case .root: respond(.root, to: head, &transport)
      case .status:
        let page = transport.statusPage()
        let response = Response(
          status: "200 OK", fields: "Content-Type: application/json\r\n", body: page,
          fate: fate(after: head))
        respond(response, to: head, &transport)
      case .other, .server: reject(.notFound, head, &transport)
      }
    case .post, .put, .patch, .delete:
      if isPage {
        reject(.pageMethodNotAllowed, head, &transport)
      } else {
        echo(head, &transport)
      }
    case .options: respond(isPage ? .pageOptions : .options, to: head, &transport)
    case .connect, .trace: reject(.methodNotAllowed, head, &transport)
    case .unknown: throw .notImplemented
    }
  }

  /// A response that does not depend on the body of the request.
  private mutating func respond<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ canned: CannedResponse, to head: RequestHead, _ transport: inout T
  ) {
    respond(canned.response(fate(after: head)), to: head, &transport)
  }

  /// An answer that makes the rest of an upload pointless: closing tells the client to stop.
  private mutating func reject<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ canned: CannedResponse, _ head: RequestHead, _ transport: inout T
  ) {
    if head.body != .none { flags.insert(.closesAfterResponse) }
    respond(canned, to: head, &transport)
  }

  private mutating func respond<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ response: Response, to head: RequestHead, _ transport: inout T
  ) {
    if head.method == .head {
      emit(response.octets.octets.extracting(..<response.bodyStart), to: &transport)
    } else {
      emit(response.octets, to: &transport)
    }
    switch head.body {
    case .none: responseEnds()
    case .length(let count):
      remaining = count
      phase = flags.contains(.closesAfterResponse) ? .closing : .discardingLength
    case .chunked: phase = flags.contains(.closesAfterResponse) ? .closing : .discardingChunks
    }
  }

  /// A client that waits for 100 and is answered with something final may or may not send its
  /// body; only closing tells what the next octets are (RFC 9110 §10.1.1).
  private mutating func fate(after head: RequestHead) -> ConnectionFate {
    if head.expectsContinue { flags.insert(.closesAfterResponse) }
    return fate
  }

  private var fate: ConnectionFate {
    if flags.contains(.closesAfterResponse) { return .closes }
    return flags.contains(.isVersion10) ? .persistsForVersion10 : .persists
  }

  /// The request cannot be understood, so neither can what follows it.
  private mutating func refuse<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ problem: HTTPProblem, _ transport: inout T
  ) {
    emit(CannedResponse.problem(problem).response(.closes).octets, to: &transport)
    phase = .closing
  }

  /// The response is complete, the request too.
  private mutating func responseEnds() {
    phase = flags.contains(.closesAfterResponse) ? .closing : .head
    flags = flags.intersection(.isStopping)
  }

  // MARK: Echo

  private mutating func echo<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ head: RequestHead, _ transport: inout T
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

  private mutating func echoLength<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, _ offset: inout Int, _ transport: inout T
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
  private mutating func echoChunks<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, _ offset: inout Int, _ transport: inout T
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

  private mutating func emitLengthHead<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ length: Int, to transport: inout T
  ) {
    emit(ResponseHead.untilLength(fate), to: &transport)
    emit(number: length, radix: 10, to: &transport)
    emit(ResponseHead.emptyLine, to: &transport)
  }

  private mutating func emitChunkedHeadIfOwed<T: HTTPTransport & ~Copyable & ~Escapable>(
    to transport: inout T
  ) {
    guard flags.contains(.owesHead) else { return }
    flags.remove(.owesHead)
    let closes = flags.contains(.closesAfterResponse)
    emit(closes ? ResponseHead.chunkedCloses : ResponseHead.chunkedPersists, to: &transport)
  }

  // MARK: Bodies nobody wants

  private mutating func discardLength(_ octets: RawSpan, _ offset: inout Int) {
    let available = min(remaining, octets.byteCount - offset)
    offset += available
    remaining -= available
    if remaining == 0 { responseEnds() }
  }

  private mutating func discardChunks(_ octets: RawSpan, _ offset: inout Int) {
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

  // MARK: Output

  /// Writes `octets`, and keeps what the transport does not take.
  private mutating func emit<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: RawSpan, to transport: inout T
  ) {
    let taken = pending.isEmpty ? transport.write(octets) : 0
    if taken < octets.byteCount { pending.append(octets.extracting(taken...)) }
  }

  /// As above; what is kept is shared, not copied: a status page may be large.
  private mutating func emit<T: HTTPTransport & ~Copyable & ~Escapable>(
    _ octets: [UInt8], to transport: inout T
  ) {
    guard pending.isEmpty else { return pending.append(octets.octets) }
    let taken = transport.write(octets.octets)
    guard taken < octets.count else { return }
    pending = octets
    pendingStart = UInt32(taken)
  }

  /// A number in letters, without a string in between.
  private mutating func emit<T: HTTPTransport & ~Copyable & ~Escapable>(
    number: Int, radix: Int, to transport: inout T
  ) {
    var digits = InlineArray<20, UInt8>(repeating: 0)  // 2^63 has 19 decimal digits
    var first = digits.count
    var rest = number
    repeat {
      let digit = UInt8(rest % radix)
      first -= 1
      digits[first] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
      rest /= radix
    } while rest > 0
    emit(unsafe digits.span.bytes.extracting(first...), to: &transport)  // sound: no padding
  }
}
