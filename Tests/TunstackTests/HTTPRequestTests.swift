// Good and bad requests, one at a time: the status code of each, and whether the server closes.

import Testing

@testable import tunstack

/// A request and what must come of it.
struct RequestCase: CustomTestStringConvertible, Sendable {
  var request: String
  var status: Int
  var closes: Bool
  var testDescription: String { request.debugDescription.prefix(80) + " -> \(status)" }

  init(_ request: String, _ status: Int, closes: Bool = false) {
    self.request = request
    self.status = status
    self.closes = closes
  }
}

private let host = "Host: 192.0.2.2\r\n"

@Suite struct HTTPRequestTests {
  static let good = [
    RequestCase("GET / HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET /hello HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET /hello?1 HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET /?x=/y HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET /status HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET http://192.0.2.2/hello HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET HTTP://h HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    RequestCase("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    RequestCase("\r\n\r\nGET /hello HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("GET /hello HTTP/1.1\nHost: h\n\n", 200),
    RequestCase("GET /hello HTTP/1.1\r\nhOsT:h\r\n\r\n", 200),
    RequestCase("GET /hello HTTP/1.1\r\nHost: \t h \t\r\nX-Empty:\r\n\r\n", 200),
    RequestCase("GET /hello HTTP/1.7\r\n\(host)\r\n", 200),
    RequestCase("GET /hello HTTP/1.0\r\n\r\n", 200, closes: true),
    RequestCase("GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200),
    RequestCase("GET /hello HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", 200, closes: true),
    RequestCase("GET /hello HTTP/1.1\r\n\(host)Connection: x,, Close\r\n\r\n", 200, closes: true),
    RequestCase("GET /hello HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", 200),
    RequestCase("GET /hello HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\nabc", 200),
    RequestCase("OPTIONS * HTTP/1.1\r\n\(host)\r\n", 204),
    RequestCase("OPTIONS /hello HTTP/1.1\r\n\(host)\r\n", 204),
    RequestCase("POST / HTTP/1.1\r\n\(host)\r\n", 200),
    RequestCase("DELETE /x HTTP/1.1\r\n\(host)\r\n", 200),
  ]

  static let refused = [
    RequestCase("GET /nothing HTTP/1.1\r\n\(host)\r\n", 404),
    RequestCase("GET //hello HTTP/1.1\r\n\(host)\r\n", 404),
    RequestCase("HEAD /nothing HTTP/1.1\r\n\(host)\r\n", 404),
    RequestCase("POST /hello HTTP/1.1\r\n\(host)\r\n", 405),
    RequestCase("PUT /status HTTP/1.1\r\n\(host)Content-Length: 9\r\n\r\n", 405, closes: true),
    RequestCase("TRACE / HTTP/1.1\r\n\(host)\r\n", 405),
    RequestCase("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 405),
    RequestCase("BREW / HTTP/1.1\r\n\(host)\r\n", 501, closes: true),
    RequestCase("get / HTTP/1.1\r\n\(host)\r\n", 501, closes: true),
    RequestCase("GET / HTTP/2.0\r\n\(host)\r\n", 505, closes: true),
    RequestCase("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, closes: true),
    RequestCase(
      "POST / HTTP/1.1\r\n\(host)Expect: coffee\r\nContent-Length: 1\r\n\r\n", 417, closes: true),
    RequestCase(
      "GET /\(String(repeating: "a", count: 8192)) HTTP/1.1\r\n\(host)\r\n", 414, closes: true),
    RequestCase(
      "GET / HTTP/1.1\r\n\(host)X: \(String(repeating: "a", count: 8192))\r\n\r\n", 431,
      closes: true),
    RequestCase(String(repeating: "a", count: 9000), 400, closes: true),
  ]

  static let malformed = [
    "GET /hello\r\n\r\n",  // HTTP/0.9
    "GET  / HTTP/1.1\r\n\(host)\r\n",
    "GET / HTTP/1.1 \r\n\(host)\r\n",
    " GET / HTTP/1.1\r\n\(host)\r\n",
    "GET / http/1.1\r\n\(host)\r\n",
    "GET / HTTP/1.\r\n\(host)\r\n",
    "GET / HTTP/11.1\r\n\(host)\r\n",
    "GET / HTTP/1.10\r\n\(host)\r\n",
    "GET hello HTTP/1.1\r\n\(host)\r\n",
    "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET * HTTP/1.1\r\n\(host)\r\n",
    "GET /\u{7f} HTTP/1.1\r\n\(host)\r\n",
    "GET /é HTTP/1.1\r\n\(host)\r\n",
    "GET /\t HTTP/1.1\r\n\(host)\r\n",
    "GET / HTTP/1.1\r\n\r\n",  // RFC 9112 §3.2: no Host
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host): x\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)no colon\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)Name : x\r\n\r\n",  // RFC 9112 §5.1
    "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "GET / HTTP/1.1\r\n\(host)X: a\r\n b\r\n\r\n",  // §5.2: line folding
    "GET / HTTP/1.1\r\n\(host)X: a\rb\r\n\r\n",  // §2.2: bare CR
    "GET / HTTP/1.1\r\r\n\(host)\r\n",
    "GET / HTTP/1.1\r\n\(host)X: a\0b\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: \r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: +1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 0x1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 1 1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 9223372036854775808\r\n\r\n",
    // RFC 9112 §6.3: what smuggling is made of
    "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, gzip\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding:\r\n\r\n",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
  ].map { RequestCase($0, 400, closes: true) }

  static let unsupported = [
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n",
    "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n",
  ].map { RequestCase($0, 501, closes: true) }

  @Test(arguments: good + refused + malformed + unsupported)
  func `a request is answered with its status code and the connection stays or closes`(
    _ example: RequestCase
  ) {
    let (output, isOver) = Dialogue.answer(to: example.request)
    #expect(output.hasPrefix("HTTP/1.1 \(example.status) "))
    #expect(output.contains("Connection: close\r\n") == example.closes)
    #expect(isOver == example.closes)
  }

  @Test(arguments: good + refused + malformed + unsupported)
  func `the answer is the same wherever the request is cut`(_ example: RequestCase) {
    let input = Array(example.request.utf8)
    let whole = Dialogue.answer(to: input)
    let step = max(1, input.count / 200)  // the long ones are not cut at every octet
    for cut in stride(from: 0, through: input.count, by: step) {
      let pieces = Dialogue.answer(to: input, cutAt: [cut], room: 7)
      #expect(pieces == whole, "cut at \(cut)")
    }
  }

  @Test(arguments: good + refused + malformed + unsupported)
  func `the answer is the same when the request comes octet by octet`(_ example: RequestCase) {
    let input = Array(example.request.utf8)
    let octets = Dialogue.answer(to: input, cutAt: Array(input.indices.dropFirst()))
    #expect(octets == Dialogue.answer(to: input))
  }

  @Test func `random octets are answered or waited for and never crash`() {
    for seed in 0..<2_000 as Range<UInt64> {
      var dice = Dice(seed: seed)
      var input = (0..<Int.random(in: 0...300, using: &dice)).map { _ in
        UInt8.random(in: 0...255, using: &dice)
      }
      input += Array("\r\n\r\n".utf8)
      let (output, _) = Dialogue.answer(to: input)
      // A head that ends is always answered, if it is more than empty lines.
      #expect(output.isEmpty || output.hasPrefix("HTTP/1.1 "), "seed \(seed)")
    }
  }

  @Test func `requests with octets changed at random never crash and never answer twice`() {
    let base = Array(
      "POST /x HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: v\r\n\r\n"
        .utf8)
    for seed in 0..<5_000 as Range<UInt64> {
      var dice = Dice(seed: seed)
      var input = base
      for _ in 0..<Int.random(in: 1...4, using: &dice) {
        input[Int.random(in: 0..<input.count, using: &dice)] = UInt8.random(
          in: 0...255, using: &dice)
      }
      let whole = Dialogue.answer(to: input)
      let cut = Int.random(in: 0...input.count, using: &dice)
      let pieces = Dialogue.answer(to: input, cutAt: [cut], room: 5)
      #expect(pieces == whole, "seed \(seed)")
    }
  }
}

private func == (
  left: (output: String, isOver: Bool), right: (output: String, isOver: Bool)
) -> Bool {
  left.output == right.output && left.isOver == right.isOver
}
