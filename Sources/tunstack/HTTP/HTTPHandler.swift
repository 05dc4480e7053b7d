// The HTTP test server on the two APIs of the runtime: a handler that the loop calls, and a function
// over a stream for `--async`. Both only carry octets between a connection and its
// `HTTPConversation`.

import UserTCPRuntime

/// One connection, called by the loop.
struct HTTPHandler: ConnectionHandler {
  private var conversation = HTTPConversation()

  init() {}

  mutating func received(_ octets: RawSpan, _ connection: inout ConnectionContext) -> Int {
    let consumed = conversation.take(octets, to: &connection)
    closeIfOver(&connection)
    return consumed
  }

  mutating func writable(_ connection: inout ConnectionContext) {
    guard conversation.flush(to: &connection) else { return }
    if conversation.isOver { connection.close() } else { connection.resumeReading() }
  }

  mutating func inputEnded(_ connection: inout ConnectionContext) {
    conversation.inputEnded()
    closeIfOver(&connection)
  }

  mutating func shutdownBegins(_ connection: inout ConnectionContext) {
    conversation.stop()
    closeIfOver(&connection)
  }

  /// Asked before the handler returns, so that the FIN leaves with the last octets of a response.
  private func closeIfOver(_ connection: inout ConnectionContext) {
    if conversation.isOver { connection.close() }
  }
}

extension ConnectionContext: HTTPTransport {
  @_lifetime(self: copy self)
  mutating func statusPage() -> [UInt8] {
    var page = StatusPage()
    forEachSnapshot { page.add($0) }
    return page.octets(counters, droppedFrames: droppedFrames)
  }
}

/// The same over a stream.
func serveHTTP(_ stream: TCPStream, of stack: TCPStack) async throws(TCPError) {
  var conversation = HTTPConversation()
  var output = ResponseBuffer(stack: stack)
  while !conversation.isOver {
    let isOpen: Void? = try await stream.withReadableBytes { octets in
      ((), consumed: conversation.take(octets, to: &output))
    }
    if isOpen == nil { conversation.inputEnded() }
    repeat {
      try await stream.write(output.take())
    } while !conversation.flush(to: &output) || !output.isEmpty
  }
}

/// What a conversation wrote and the stream has not taken yet. Bounded, so that a conversation whose
/// client does not read stops reading itself.
struct ResponseBuffer: HTTPTransport {
  private static let capacity = 64 << 10

  private let stack: TCPStack
  private var octets: [UInt8] = []

  init(stack: TCPStack) { self.stack = stack }

  var isEmpty: Bool { octets.isEmpty }

  mutating func write(_ more: RawSpan) -> Int {
    let count = min(more.byteCount, Self.capacity - octets.count)
    octets.append(more.extracting(..<count))
    return count
  }

  mutating func statusPage() -> [UInt8] {
    var page = StatusPage()
    for connection in stack.snapshots() { page.add(connection) }
    return page.octets(stack.counters, droppedFrames: stack.droppedFrames)
  }

  /// Empties the buffer; its memory goes too, a parked connection keeps none.
  mutating func take() -> [UInt8] {
    defer { octets = [] }
    return octets
  }
}
