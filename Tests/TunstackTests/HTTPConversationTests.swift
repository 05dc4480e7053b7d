// What a connection does over several requests: bodies echoed, pipelines, back pressure, endings.

import Testing

@testable import tunstack

private let host = "Host: 192.0.2.2\r\n"
private let hello =
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"
private let echoHead = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"

@Suite struct HTTPConversationTests {
  @Test func `hello is thirteen octets of text`() {
    #expect(Dialogue.answer(to: "GET /hello HTTP/1.1\r\n\(host)\r\n").output == hello)
  }

  @Test func `a response to HEAD ends with its head`() {
    let answer = Dialogue.answer(to: "HEAD /hello HTTP/1.1\r\n\(host)\r\n").output
    #expect(answer == hello.dropLast(13))
  }

  @Test func `pipelined requests are answered in order`() {
    let request = "GET /hello HTTP/1.1\r\n\(host)\r\n"
    let post = "POST / HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\nhi"
    let echo = "\(echoHead)Content-Length: 2\r\n\r\nhi"
    let answer = Dialogue.answer(to: request + post + request).output
    #expect(answer == hello + echo + hello)
  }

  @Test func `the same pipeline in any pieces and with any room gives the same responses`() {
    let input = Array(
      ("GET /hello HTTP/1.1\r\n\(host)\r\n"
        + "POST /a HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\n12345"
        + "HEAD /status HTTP/1.1\r\n\(host)\r\n"
        + "PUT /b HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n0\r\n\r\n"
        + "POST /c HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
        + "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        + "GET /missing HTTP/1.1\r\n\(host)Connection: close\r\n\r\nGET /hello").utf8)
    let whole = Dialogue.answer(to: input)
    #expect(whole.isOver)
    for seed in 0..<300 as Range<UInt64> {
      var dice = Dice(seed: seed)
      let cuts = (0..<Int.random(in: 0...12, using: &dice)).map { _ in
        Int.random(in: 0...input.count, using: &dice)
      }
      let room = Int.random(in: 1...64, using: &dice)
      let pieces = Dialogue.answer(to: input, cutAt: cuts.sorted(), room: room)
      #expect(pieces.output == whole.output && pieces.isOver, "seed \(seed)")
    }
  }

  @Test func `the body of a request with a length comes back with that length`() {
    let body = String(repeating: "0123456789", count: 1000)
    let answer = Dialogue.answer(
      to: "POST /any HTTP/1.1\r\n\(host)Content-Length: \(body.count)\r\n\r\n\(body)")
    #expect(answer.output == "\(echoHead)Content-Length: \(body.count)\r\n\r\n\(body)")
    #expect(!answer.isOver)
  }

  @Test func `a chunked body comes back chunked without extensions and trailers`() {
    let answer = Dialogue.answer(
      to: "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: Chunked\r\n\r\n"
        + "4\r\nWiki\r\n0A ; a=\"b;c\"\r\n0123456789\r\n000\r\nDigest: x\r\nT:\r\n\r\n")
    #expect(
      answer.output == "\(echoHead)Transfer-Encoding: chunked\r\n\r\n"
        + "4\r\nWiki\r\na\r\n0123456789\r\n0\r\n\r\n")
    #expect(!answer.isOver)
  }

  @Test func `an empty chunked body comes back empty`() {
    let answer = Dialogue.answer(
      to: "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    #expect(answer.output == "\(echoHead)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
  }

  @Test(arguments: [
    "\r\n", "g\r\n", ";a\r\n", " 4\r\n", "-4\r\n", "4 x\r\n", "4\n", "4\rX", "4;a\0\r\n",
    "11111111111111111\r\n", "FFFFFFFFFFFFFFFF\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX y\r\n\r\n",
    "0\r\nX: a\rb\r\n\r\n", "0\r\n\rX",
  ])
  func `a chunk that is malformed before any data is answered with 400`(_ chunk: String) {
    let answer = Dialogue.answer(
      to: "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(chunk)")
    #expect(answer.output.hasPrefix("HTTP/1.1 400 "))
    #expect(answer.isOver)
  }

  // A peer could otherwise send extensions and trailers for ever, and no data.
  @Test func `framing that has no end is malformed`() {
    let letters = String(repeating: "a", count: 9000)
    for framing in ["4;\(letters)", "0\r\nX: \(letters)"] {
      let answer = Dialogue.answer(
        to: "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(framing)")
      #expect(answer.output.hasPrefix("HTTP/1.1 400 "))
      #expect(answer.isOver)
    }
  }

  @Test(arguments: [
    "4\r\nWikiX\r\n", "4\r\nWiki\n", "4\r\nWiki\r\nzz\r\n", "4\r\nWiki\r\n0\r\n\rX",
  ])
  func `a chunk that is malformed after data ends the response without its last chunk`(
    _ chunks: String
  ) {
    let answer = Dialogue.answer(
      to: "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(chunks)")
    #expect(answer.output.hasPrefix("\(echoHead)Transfer-Encoding: chunked\r\n\r\n4\r\nWiki"))
    #expect(!answer.output.contains("\r\n0\r\n"))
    #expect(answer.isOver)
  }

  @Test func `a client that expects 100 is told to go on before it sends the body`() {
    var dialogue = Dialogue()
    dialogue.send("PUT / HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(dialogue.output == "HTTP/1.1 100 Continue\r\n\r\n")
    dialogue.send("ok")
    #expect(
      dialogue.output == "HTTP/1.1 100 Continue\r\n\r\n\(echoHead)Content-Length: 2\r\n\r\nok")
  }

  // RFC 9110 §10.1.1: a final answer, and nothing that may or may not be a body after it.
  @Test func `a client that expects 100 and is refused is not asked for the body`() {
    let answer = Dialogue.answer(
      to: "PUT /hello HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(answer.output.hasPrefix("HTTP/1.1 405 "))
    #expect(answer.output.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"))
    #expect(answer.isOver)
  }

  @Test func `nothing after a request that closes is answered`() {
    let request = "GET /hello HTTP/1.1\r\n\(host)Connection: close\r\n\r\n"
    let answer = Dialogue.answer(to: request + request)
    #expect(answer.output.components(separatedBy: "HTTP/1.1 200").count == 2)
    #expect(answer.isOver)
  }

  @Test func `the body of a page request is read over and the next request answered`() {
    let answer = Dialogue.answer(
      to: "GET /hello HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
        + "GET /hello HTTP/1.1\r\n\(host)\r\n")
    #expect(answer.output == hello + hello)
  }

  @Test func `a client that does not read its echo is not read from`() {
    var dialogue = Dialogue(room: 1000)
    dialogue.offer(Array("POST / HTTP/1.1\r\n\(host)Content-Length: 100000\r\n\r\n".utf8))
    let piece = [UInt8](repeating: 0x41, count: 10_000)
    for _ in 0..<10 { dialogue.offer(piece) }
    // No room but the transport's own: everything else is still the connection's.
    #expect(dialogue.basin.octets.count == 1000)
    #expect(dialogue.unreadCount > 99_000)
    dialogue.send([])
    #expect(dialogue.unreadCount == 0)
    #expect(dialogue.basin.octets.count { $0 == 0x41 } == 100_000)
  }

  @Test func `an upload that is refused is thrown away while the refusal is on its way`() {
    var dialogue = Dialogue(room: 10)
    dialogue.offer(Array("PUT /hello HTTP/1.1\r\n\(host)Content-Length: 100000\r\n\r\n".utf8))
    #expect(!dialogue.isOver)
    dialogue.offer([UInt8](repeating: 0, count: 50_000))
    #expect(dialogue.unreadCount == 0)
    dialogue.send([])
    #expect(dialogue.isOver)
    #expect(dialogue.output.hasSuffix("This page can only be read.\n"))
  }

  @Test func `the end of input ends the conversation`() {
    var dialogue = Dialogue()
    dialogue.send("GET /hello HTTP/1.1\r\n\(host)\r\nGET /he")
    #expect(!dialogue.isOver)
    dialogue.inputEnded()
    #expect(dialogue.isOver)
    #expect(dialogue.output == hello)
  }

  @Test func `a stop closes an idle connection at once and a busy one after its response`() {
    var idle = Dialogue()
    idle.stop()
    #expect(idle.isOver)

    var busy = Dialogue()
    busy.send("POST / HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\na")
    busy.stop()
    #expect(!busy.isOver)
    busy.send("b")
    #expect(busy.isOver)
    #expect(busy.output.hasSuffix("ab"))
  }

  @Test func `a request that was half there at a stop is answered and told of the end`() {
    var dialogue = Dialogue()
    dialogue.send("GET /hello HTTP/1.1\r\n")
    dialogue.stop()
    dialogue.send("\(host)\r\n")
    #expect(dialogue.output.contains("Connection: close\r\n"))
    #expect(dialogue.isOver)
  }

  // The budget of DESIGN §4: 512 octets for an idle connection, its handler included.
  @Test func `an idle connection costs at most 64 octets`() {
    #expect(MemoryLayout<HTTPHandler>.size <= 64)
    #expect(MemoryLayout<ChargenHandler>.size <= 8)
    #expect(MemoryLayout<EchoHandler>.size == 0)
  }

  @Test func `the root page explains itself in HTML`() {
    let answer = Dialogue.answer(to: "GET / HTTP/1.1\r\n\(host)\r\n").output
    #expect(answer.contains("Content-Type: text/html"))
    #expect(answer.contains("<!DOCTYPE html>"))
    #expect(answer.contains("/status"))
  }

  @Test func `the status page is asked for once a request`() {
    var dialogue = Dialogue()
    dialogue.send("GET /status HTTP/1.1\r\n\(host)\r\nHEAD /status HTTP/1.1\r\n\(host)\r\n")
    #expect(dialogue.basin.pages == 2)
    #expect(dialogue.output.contains("Content-Type: application/json"))
  }
}
