// Responses that never change, composed once when first needed, in the three variants that a request
// can ask for. On the way of a request nothing is put together: the octets are written as
// they lie here. No Date field: this server is a value without a clock (RFC 9110 §6.6.1 allows it).

/// What the response says about the connection.
enum ConnectionFate {
  /// HTTP/1.1 without a word: it stays open.
  case persists
  /// HTTP/1.0 has to be told that it stays open (RFC 9112 §9.3, §C.2.2).
  case persistsForVersion10
  case closes

  var field: String {
    switch self {
    case .persists: ""
    case .persistsForVersion10: "Connection: keep-alive\r\n"
    case .closes: "Connection: close\r\n"
    }
  }
}

/// A status line, fields and a body.
struct Response: Sendable {
  var octets: [UInt8]
  /// Where the body begins: a response to HEAD ends here (RFC 9110 §9.3.2).
  var bodyStart: Int

  /// `fields` are whole lines with their ends, without Content-Length and Connection.
  init(status: String, fields: String, body: [UInt8]?, fate: ConnectionFate) {
    // RFC 9110 §8.6: no Content-Length with 204.
    let length = body.map { "Content-Length: \($0.count)\r\n" } ?? ""
    octets = Array("HTTP/1.1 \(status)\r\n\(fields)\(length)\(fate.field)\r\n".utf8)
    bodyStart = octets.count
    octets += body ?? []
  }
}

/// One response in its variants.
struct CannedResponse: Sendable {
  private let persists: Response
  private let persistsForVersion10: Response
  private let closes: Response

  init(_ status: String, fields: String = "Content-Type: text/plain\r\n", body: String?) {
    let octets = body.map { Array($0.utf8) }
    func response(_ fate: ConnectionFate) -> Response {
      Response(status: status, fields: fields, body: octets, fate: fate)
    }
    persists = response(.persists)
    persistsForVersion10 = response(.persistsForVersion10)
    closes = response(.closes)
  }

  func response(_ fate: ConnectionFate) -> Response {
    switch fate {
    case .persists: persists
    case .persistsForVersion10: persistsForVersion10
    case .closes: closes
    }
  }
}

extension CannedResponse {
  /// What benchmarks ask for: 13 octets.
  static let hello = CannedResponse("200 OK", body: "Hello, World!")
  static let root = CannedResponse(
    "200 OK", fields: "Content-Type: text/html; charset=utf-8\r\n", body: rootPage)
  static let options = CannedResponse(
    "204 No Content", fields: "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n", body: nil)
  static let pageOptions = CannedResponse(
    "204 No Content", fields: "Allow: GET, HEAD, OPTIONS\r\n", body: nil)

  static let badRequest = CannedResponse(
    "400 Bad Request", body: "This is not a request that HTTP/1.1 (RFC 9112) allows.\n")
  static let notFound = CannedResponse(
    "404 Not Found", body: "There is /, /hello and /status; a POST anywhere is echoed.\n")
  static let pageMethodNotAllowed = CannedResponse(
    "405 Method Not Allowed",
    fields: "Allow: GET, HEAD, OPTIONS\r\nContent-Type: text/plain\r\n",
    body: "This page can only be read.\n")
  static let methodNotAllowed = CannedResponse(
    "405 Method Not Allowed",
    fields: "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\nContent-Type: text/plain\r\n",
    body: "This server neither traces nor tunnels.\n")
  static let targetTooLong = CannedResponse(
    "414 URI Too Long", body: "A request line may have 8192 octets.\n")
  static let expectationFailed = CannedResponse(
    "417 Expectation Failed", body: "The only expectation known here is 100-continue.\n")
  static let fieldsTooLarge = CannedResponse(
    "431 Request Header Fields Too Large", body: "The header fields may have 8192 octets.\n")
  static let notImplemented = CannedResponse(
    "501 Not Implemented", body: "This server does not know the method or transfer coding.\n")
  static let versionNotSupported = CannedResponse(
    "505 HTTP Version Not Supported", body: "This server speaks HTTP/1.1 and HTTP/1.0.\n")

  static func problem(_ problem: HTTPProblem) -> CannedResponse {
    switch problem {
    case .badRequest: badRequest
    case .notFound: notFound
    case .methodNotAllowed: methodNotAllowed
    case .targetTooLong: targetTooLong
    case .expectationFailed: expectationFailed
    case .fieldsTooLarge: fieldsTooLarge
    case .notImplemented: notImplemented
    case .versionNotSupported: versionNotSupported
    }
  }

  private static let rootPage = """
    <!DOCTYPE html>
    <html lang="en">
    <head><meta charset="utf-8"><title>UserTCP</title></head>
    <body>
    <h1>This page came through a TCP written in Swift</h1>
    <p>Your kernel put IP packets into a TUN device; <code>tunstack serve</code> read them there, and its
    own TCP answered. The same host serves echo on port 7, discard on 9 and chargen on 19.</p>
    <ul>
    <li><a href="/hello">/hello</a> is thirteen octets of text, for benchmarks.</li>
    <li><a href="/status">/status</a> is the table of connections, as JSON.</li>
    <li>A POST, PUT, PATCH or DELETE to any other path is answered with the body it had:
    <pre>curl --data-binary @file http://ADDRESS/ | cmp - file</pre></li>
    </ul>
    </body>
    </html>

    """
}

/// The beginnings of responses whose length or framing comes from the request.
enum ResponseHead {
  static let `continue` = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  private static let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
  private static let lengthPersists = Array("\(ok)Content-Length: ".utf8)
  private static let lengthPersistsForVersion10 = Array(
    "\(ok)\(ConnectionFate.persistsForVersion10.field)Content-Length: ".utf8)
  private static let lengthCloses = Array(
    "\(ok)\(ConnectionFate.closes.field)Content-Length: ".utf8)
  static let chunkedPersists = Array("\(ok)Transfer-Encoding: chunked\r\n\r\n".utf8)
  static let chunkedCloses = Array(
    "\(ok)\(ConnectionFate.closes.field)Transfer-Encoding: chunked\r\n\r\n".utf8)

  /// Up to the number that says how long the body is; two line ends follow the number.
  static func untilLength(_ fate: ConnectionFate) -> [UInt8] {
    switch fate {
    case .persists: lengthPersists
    case .persistsForVersion10: lengthPersistsForVersion10
    case .closes: lengthCloses
    }
  }
  static let emptyLine = Array("\r\n\r\n".utf8)
  static let lineEnd = Array("\r\n".utf8)
  static let lastChunk = Array("0\r\n\r\n".utf8)
}
