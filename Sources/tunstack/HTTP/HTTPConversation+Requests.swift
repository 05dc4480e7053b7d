// What is answered to a head: a page, an echo, a refusal (RFC 9110 §9, RFC 9112 §9.3).

extension HTTPConversation {
  mutating func takeHead(
    _ octets: RawSpan, _ offset: inout Int,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
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

  mutating func takeRestOfHead(
    _ octets: RawSpan, _ offset: inout Int,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
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

  mutating func answer(
    head octets: RawSpan, _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
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

  mutating func answer(
    _ head: RequestHead, _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
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
  mutating func respond(
    _ canned: CannedResponse, to head: RequestHead,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    respond(canned.response(fate(after: head)), to: head, &transport)
  }

  /// An answer that makes the rest of an upload pointless: closing tells the client to stop.
  mutating func reject(
    _ canned: CannedResponse, _ head: RequestHead,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    if head.body != .none { flags.insert(.closesAfterResponse) }
    respond(canned, to: head, &transport)
  }

  mutating func respond(
    _ response: Response, to head: RequestHead,
    _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
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
  mutating func fate(after head: RequestHead) -> ConnectionFate {
    if head.expectsContinue { flags.insert(.closesAfterResponse) }
    return fate
  }

  var fate: ConnectionFate {
    if flags.contains(.closesAfterResponse) { return .closes }
    return flags.contains(.isVersion10) ? .persistsForVersion10 : .persists
  }

  /// The request cannot be understood, so neither can what follows it.
  mutating func refuse(
    _ problem: HTTPProblem, _ transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    emit(CannedResponse.problem(problem).response(.closes).octets, to: &transport)
    phase = .closing
  }

  /// The response is complete, the request too.
  mutating func responseEnds() {
    phase = flags.contains(.closesAfterResponse) ? .closing : .head
    flags = flags.intersection(.isStopping)
  }
}
