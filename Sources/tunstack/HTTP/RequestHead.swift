// What the server needs to know of a request before its body: a value of a few octets, parsed once
// (RFC 9112 §2 to §6, RFC 9110 for the fields). It keeps no text, so nothing is allocated for it.
// Whatever two parsers could read in two ways is refused here: that is what request smuggling
// is made of (RFC 9112 §11.2).

struct RequestHead: Equatable, BitwiseCopyable {
  enum Method: UInt8, BitwiseCopyable {
    case get, head, post, put, patch, delete, options, trace, connect, unknown
  }

  /// The pages this server has.
  enum Resource: UInt8, BitwiseCopyable {
    case root, hello, status, server, other  // `server` is the `*` of OPTIONS
  }

  enum Body: Equatable, BitwiseCopyable {
    case none
    case length(Int)
    case chunked
  }

  var method: Method
  var resource: Resource
  var isVersion10: Bool
  var body = Body.none
  var expectsContinue = false
  /// RFC 9112 §9.3: the connection may carry another request after this one.
  var isPersistent: Bool
}

/// Why a request cannot be answered with what it asked for; the raw value is the status code.
enum HTTPProblem: UInt16, Error, CaseIterable {
  case badRequest = 400
  case notFound = 404
  case methodNotAllowed = 405
  case targetTooLong = 414
  case expectationFailed = 417
  case fieldsTooLarge = 431
  case notImplemented = 501
  case versionNotSupported = 505
}

/// Where a head begins and ends in what has arrived.
enum HeadExtent: Equatable {
  case complete(Range<Int>)
  /// Its first octet, and no end yet.
  case incomplete(from: Int)
  case tooLong(HTTPProblem)

  /// RFC 9112 §3 asks for request lines of at least 8,000 octets.
  static let longestRequestLine = 8192
  static let longestFields = 8192

  /// Looks for a request line and fields up to the empty line. A line may end in LF alone
  /// (RFC 9112 §2.2), as it does when somebody types it.
  init(in octets: RawSpan, from first: Int) {
    let start = Self.skipEmptyLines(octets, from: first)
    let count = octets.byteCount
    let lineLimit = min(count, start + Self.longestRequestLine)
    guard let lineFeed = octets.firstLineFeed(from: start, to: lineLimit) else {
      self =
        lineLimit < start + Self.longestRequestLine
        ? .incomplete(from: start) : .tooLong(Self.overlongLine(octets, start..<lineLimit))
      return
    }
    let fields = lineFeed + 1
    let fieldLimit = min(count, fields + Self.longestFields)
    var line = fields
    while let end = octets.firstLineFeed(from: line, to: fieldLimit) {
      let isEmpty =
        end == line || end == line + 1 && octets.octet(line) == ASCII.carriageReturn
      if isEmpty {
        self = .complete(start..<end + 1)
        return
      }
      line = end + 1
    }
    self =
      fieldLimit < fields + Self.longestFields
      ? .incomplete(from: start) : .tooLong(.fieldsTooLarge)
  }

  /// RFC 9112 §2.2: empty lines before a request line are ignored.
  private static func skipEmptyLines(_ octets: RawSpan, from first: Int) -> Int {
    var start = first
    while start < octets.byteCount {
      if octets.octet(start) == ASCII.lineFeed {
        start += 1
      } else if octets.octet(start) == ASCII.carriageReturn, start + 1 < octets.byteCount,
        octets.octet(start + 1) == ASCII.lineFeed
      {
        start += 2
      } else {
        break
      }
    }
    return start
  }

  /// A line without a space is not a request with a long target, it is not HTTP.
  private static func overlongLine(_ octets: RawSpan, _ range: Range<Int>) -> HTTPProblem {
    range.contains { octets.octet($0) == ASCII.space } ? .targetTooLong : .badRequest
  }
}
