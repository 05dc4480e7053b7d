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
  enum Phase: UInt8 {
    case head
    /// Octets of the request's body become octets of the response's.
    case echoingLength, echoingChunks
    /// The response was written before the body came; the body is of no interest.
    case discardingLength, discardingChunks
    /// After the last response: whatever arrives is thrown away, so that the client, still
    /// uploading perhaps, is not reset before it has read why (RFC 9112 §9.6).
    case closing
  }

  struct Flags: OptionSet {
    let rawValue: UInt8
    /// The status line of an echo is not written yet: it waits for the first octets of the body.
    static let owesHead = Flags(rawValue: 1 << 0)
    static let closesAfterResponse = Flags(rawValue: 1 << 1)
    static let isVersion10 = Flags(rawValue: 1 << 2)
    /// The server is going away: the response in hand is the last.
    static let isStopping = Flags(rawValue: 1 << 3)
  }

  /// The beginning of a head whose end has not arrived; empty between requests.
  var partialHead: [UInt8] = []
  /// What the transport did not take, from `pendingStart` on. While there is any, no input is read.
  var pending: [UInt8] = []
  var pendingStart: UInt32 = 0
  var phase = Phase.head
  var flags: Flags = []
  /// Octets of a body with a length that are still to come.
  var remaining = 0
  var chunks = ChunkedDecoder()

  init() {}

  /// Nothing more will be written or read: close the connection, discarding input for a while.
  var isOver: Bool { phase == .closing && pending.isEmpty }

  /// Reads what it can act on and writes the responses. Returns how many octets it consumed: fewer
  /// than all only when the transport is full.
  mutating func take(
    _ octets: RawSpan, to transport: inout some HTTPTransport & ~Copyable & ~Escapable
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
  mutating func flush(to transport: inout some HTTPTransport & ~Copyable & ~Escapable) -> Bool {
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
}

// MARK: - Output

extension HTTPConversation {
  /// Writes `octets`, and keeps what the transport does not take.
  mutating func emit(
    _ octets: RawSpan, to transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    let taken = pending.isEmpty ? transport.write(octets) : 0
    if taken < octets.byteCount { pending.append(octets.extracting(taken...)) }
  }

  /// As above; what is kept is shared, not copied: a status page may be large.
  mutating func emit(
    _ octets: [UInt8], to transport: inout some HTTPTransport & ~Copyable & ~Escapable
  ) {
    guard pending.isEmpty else { return pending.append(octets.octets) }
    let taken = transport.write(octets.octets)
    guard taken < octets.count else { return }
    pending = octets
    pendingStart = UInt32(taken)
  }

  /// A number in letters, without a string in between.
  mutating func emit(
    number: Int, radix: Int, to transport: inout some HTTPTransport & ~Copyable & ~Escapable
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
