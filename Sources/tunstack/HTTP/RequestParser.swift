// From the octets of a complete head to a `RequestHead` (RFC 9112 §3, §5, §6.3). Reads each octet
// about once, keeps offsets only, allocates nothing. Strict where RFC 9112 says that leniency can be
// abused: obsolete line folding, a bare CR, a space before the colon, two lengths, both
// framings. Called by `HTTPConversation` and by nobody else.

extension RequestHead {
  /// `octets` are a request line, fields and the empty line, as `HeadExtent` found them.
  init(parsing octets: RawSpan) throws(HTTPProblem) {
    var line = try Line(of: octets, at: 0)
    self = try Self.requestLine(octets, line.range)
    var fields = FieldSummary()
    line = try Line(of: octets, at: line.next)
    while !line.range.isEmpty {
      try fields.add(octets, line.range)
      line = try Line(of: octets, at: line.next)
    }
    try apply(fields)
  }

  /// What the fields mean together.
  private mutating func apply(_ fields: FieldSummary) throws(HTTPProblem) {
    // RFC 9112 §3.2: a request of HTTP/1.1 without exactly one Host is answered with 400.
    guard fields.hostCount == 1 || fields.hostCount == 0 && isVersion10 else { throw .badRequest }
    switch (fields.transferCoding, fields.contentLength) {
    case (.absent, nil): body = .none
    case (.absent, let length?): body = length == 0 ? .none : .length(length)
    case (.chunked, nil):
      // RFC 9112 §6.1: faulty framing, even though the coding itself is known.
      guard !isVersion10 else { throw .badRequest }
      body = .chunked
    case (.unsupported, nil): throw .notImplemented
    case (.chunked, _), (.unsupported, _): throw .badRequest  // RFC 9112 §6.3: smuggling
    }
    if fields.expectsContinue {
      expectsContinue = !isVersion10 && body != .none  // RFC 9110 §10.1.1: ignored in HTTP/1.0
    }
    isPersistent = !fields.asksForClose && (!isVersion10 || fields.asksForKeepAlive)
  }
}

/// A line of a head, without its line end.
private struct Line {
  var range: Range<Int>
  var next: Int

  init(of octets: RawSpan, at start: Int) throws(HTTPProblem) {
    guard let lineFeed = octets.firstLineFeed(from: start, to: octets.byteCount) else {
      throw .badRequest
    }
    let hasReturn = lineFeed > start && octets.octet(lineFeed - 1) == ASCII.carriageReturn
    range = start..<(hasReturn ? lineFeed - 1 : lineFeed)
    next = lineFeed + 1
  }
}

// MARK: The request line

extension RequestHead {
  /// RFC 9112 §3: method SP request-target SP HTTP-version, with single spaces.
  private static func requestLine(
    _ octets: RawSpan, _ line: Range<Int>
  ) throws(HTTPProblem) -> RequestHead {
    var position = line.lowerBound
    while position < line.upperBound, ASCII.isToken(octets.octet(position)) { position += 1 }
    let method = line.lowerBound..<position
    guard !method.isEmpty, position < line.upperBound, octets.octet(position) == ASCII.space else {
      throw .badRequest
    }
    let targetStart = position + 1
    position = targetStart
    while position < line.upperBound, octets.octet(position) > ASCII.space,
      octets.octet(position) < ASCII.delete
    { position += 1 }
    let target = targetStart..<position
    guard !target.isEmpty, position < line.upperBound, octets.octet(position) == ASCII.space else {
      throw .badRequest
    }
    let isVersion10 = try Self.isVersion10(octets, position + 1..<line.upperBound)
    let parsed = Self.method(octets, method)
    return RequestHead(
      method: parsed, resource: try resource(octets, target, of: parsed), isVersion10: isVersion10,
      isPersistent: true)
  }

  /// RFC 9110 §2.5: a minor version above our own is treated as ours; another major one is not.
  private static func isVersion10(
    _ octets: RawSpan, _ range: Range<Int>
  ) throws(HTTPProblem) -> Bool {
    let digits = range.lowerBound + 5
    guard range.count == 8, octets.holds("HTTP/", in: range.lowerBound..<digits),
      let major = ASCII.digit(octets.octet(digits)), octets.octet(digits + 1) == 0x2E,
      let minor = ASCII.digit(octets.octet(digits + 2))
    else { throw .badRequest }
    guard major == 1 else { throw .versionNotSupported }
    return minor == 0
  }

  private static func method(_ octets: RawSpan, _ range: Range<Int>) -> Method {
    switch range.count {
    case 3:
      if octets.holds("GET", in: range) { return .get }
      if octets.holds("PUT", in: range) { return .put }
    case 4:
      if octets.holds("HEAD", in: range) { return .head }
      if octets.holds("POST", in: range) { return .post }
    case 5:
      if octets.holds("PATCH", in: range) { return .patch }
      if octets.holds("TRACE", in: range) { return .trace }
    case 6:
      if octets.holds("DELETE", in: range) { return .delete }
    case 7:
      if octets.holds("OPTIONS", in: range) { return .options }
      if octets.holds("CONNECT", in: range) { return .connect }
    default: break
    }
    return .unknown
  }

  /// RFC 9112 §3.2: the four forms of a target.
  private static func resource(
    _ octets: RawSpan, _ target: Range<Int>, of method: Method
  ) throws(HTTPProblem) -> Resource {
    if method == .connect { return .other }  // authority-form; refused whatever it names
    if octets.octet(target.lowerBound) == 0x2F { return resource(octets, path: target) }
    if octets.holds("*", in: target) {
      guard method == .options else { throw .badRequest }
      return .server
    }
    // absolute-form, which every server must take (§3.2.2).
    let scheme = target.lowerBound..<min(target.lowerBound + 7, target.upperBound)
    guard octets.holds(ignoringCase: "http://", in: scheme), scheme.upperBound < target.upperBound
    else { throw .badRequest }
    var path = scheme.upperBound
    while path < target.upperBound, octets.octet(path) != 0x2F, octets.octet(path) != 0x3F {
      path += 1
    }
    return resource(octets, path: path..<target.upperBound)
  }

  /// The query takes no part in the choice.
  private static func resource(_ octets: RawSpan, path: Range<Int>) -> Resource {
    let end = path.first { octets.octet($0) == 0x3F } ?? path.upperBound
    let path = path.lowerBound..<end
    switch path.count {
    case 0: return .root
    case 1: return .root  // it begins with a slash
    case 6 where octets.holds("/hello", in: path): return .hello
    case 7 where octets.holds("/status", in: path): return .status
    default: return .other
    }
  }
}

// MARK: The fields

/// What has been seen of the fields that matter here.
private struct FieldSummary {
  enum TransferCoding { case absent, chunked, unsupported }

  var hostCount = 0
  var contentLength: Int?
  var transferCoding = TransferCoding.absent
  var asksForClose = false
  var asksForKeepAlive = false
  var expectsContinue = false

  /// RFC 9112 §5: field-name ":" OWS field-value OWS.
  mutating func add(_ octets: RawSpan, _ line: Range<Int>) throws(HTTPProblem) {
    var colon = line.lowerBound
    while colon < line.upperBound, ASCII.isToken(octets.octet(colon)) { colon += 1 }
    // Also refuses a space before the colon (§5.1) and a folded line (§5.2): neither is a token.
    guard colon > line.lowerBound, colon < line.upperBound, octets.octet(colon) == ASCII.colon
    else { throw .badRequest }
    var start = colon + 1
    var end = line.upperBound
    while start < end, ASCII.isBlank(octets.octet(start)) { start += 1 }
    while end > start, ASCII.isBlank(octets.octet(end - 1)) { end -= 1 }
    for offset in start..<end where !ASCII.isFieldContent(octets.octet(offset)) {
      throw .badRequest
    }
    try add(octets, name: line.lowerBound..<colon, value: start..<end)
  }

  private mutating func add(
    _ octets: RawSpan, name: Range<Int>, value: Range<Int>
  ) throws(HTTPProblem) {
    switch name.count {
    case 4 where octets.holds(ignoringCase: "host", in: name):
      hostCount += 1
      try checkHost(octets, value)
    case 6 where octets.holds(ignoringCase: "expect", in: name):
      guard octets.holds(ignoringCase: "100-continue", in: value) else { throw .expectationFailed }
      expectsContinue = true
    case 10 where octets.holds(ignoringCase: "connection", in: name):
      Self.forEachElement(octets, value) { element in
        if octets.holds(ignoringCase: "close", in: element) { asksForClose = true }
        if octets.holds(ignoringCase: "keep-alive", in: element) { asksForKeepAlive = true }
      }
    case 14 where octets.holds(ignoringCase: "content-length", in: name):
      // Two lengths are refused even when they agree: RFC 9112 §6.3 allows it, and it is simplest.
      guard contentLength == nil else { throw .badRequest }
      contentLength = try length(octets, value)
    case 17 where octets.holds(ignoringCase: "transfer-encoding", in: name):
      try addTransferCodings(octets, value)
    default: break
    }
  }

  /// RFC 9110 §8.6: digits and nothing else; a number that does not fit is no number.
  private func length(_ octets: RawSpan, _ value: Range<Int>) throws(HTTPProblem) -> Int {
    guard !value.isEmpty else { throw .badRequest }
    var length = 0
    for offset in value {
      guard let digit = ASCII.digit(octets.octet(offset)) else { throw .badRequest }
      let (tens, tensOverflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = tens.addingReportingOverflow(digit)
      guard !tensOverflow, !overflow else { throw .badRequest }
      length = sum
    }
    return length
  }

  /// RFC 9112 §6.3: `chunked` once and last, else where the body ends cannot be known (400);
  /// any other coding is one we do not have (501).
  private mutating func addTransferCodings(
    _ octets: RawSpan, _ value: Range<Int>
  ) throws(HTTPProblem) {
    var coding = transferCoding
    var isAmbiguous = false
    Self.forEachElement(octets, value) { element in
      if coding == .chunked { isAmbiguous = true }  // something after `chunked`
      let isChunked = octets.holds(ignoringCase: "chunked", in: element)
      coding = isChunked && coding == .absent ? .chunked : .unsupported
    }
    guard !isAmbiguous, coding != .absent else { throw .badRequest }
    transferCoding = coding
  }

  /// RFC 9110 §7.2: a host and perhaps a port; who sends a path or user here is confused or worse.
  private func checkHost(_ octets: RawSpan, _ value: Range<Int>) throws(HTTPProblem) {
    for offset in value {
      switch octets.octet(offset) {
      case 0x22, 0x23, 0x2F, 0x3C, 0x3E, 0x3F, 0x40, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D,
        0...ASCII.space, 0x7F...0xFF:
        throw .badRequest
      default: break
      }
    }
  }

  /// RFC 9110 §5.6.1: the elements of a comma-separated list; empty ones are ignored.
  private static func forEachElement(
    _ octets: RawSpan, _ value: Range<Int>, _ body: (Range<Int>) -> Void
  ) {
    var start = value.lowerBound
    while start < value.upperBound {
      var end = start
      while end < value.upperBound, octets.octet(end) != ASCII.comma { end += 1 }
      var element = start..<end
      while !element.isEmpty, ASCII.isBlank(octets.octet(element.lowerBound)) {
        element = element.lowerBound + 1..<element.upperBound
      }
      while !element.isEmpty, ASCII.isBlank(octets.octet(element.upperBound - 1)) {
        element = element.lowerBound..<element.upperBound - 1
      }
      if !element.isEmpty { body(element) }
      start = end + 1
    }
  }
}
