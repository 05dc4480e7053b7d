// An HTTP/1.1 answer that was read to its end (RFC 9112), as far as the control socket's own server
// makes them: a length or chunks, nothing else. Pure. `nil` for whatever is not such an answer.

import Foundation

struct HTTPAnswer {
  var status: Int
  /// By lower-case name.
  var headers: [String: String] = [:]
  var body: Data

  init?(_ octets: Data) {
    guard let end = octets.firstRange(of: Data("\r\n\r\n".utf8)),
      let head = String(data: octets[..<end.lowerBound], encoding: .utf8)
    else { return nil }
    let lines = head.components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      return nil
    }
    self.status = status
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmed
    }
    let rest = octets[end.upperBound...]
    if headers["transfer-encoding"] == "chunked" {
      guard let joined = Self.joined(chunks: rest) else { return nil }
      body = joined
    } else {
      guard let length = headers["content-length"].flatMap({ Int($0) }), length >= 0,
        rest.count >= length
      else { return nil }
      body = Data(rest.prefix(length))
    }
  }

  /// RFC 9112 §7.1; an answer that broke off lacks the last chunk and is `nil`.
  private static func joined(chunks: Data) -> Data? {
    var body = Data()
    var rest = chunks
    let lineEnd = Data("\r\n".utf8)
    while let end = rest.firstRange(of: lineEnd) {
      guard let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16),
        size >= 0, rest.endIndex - end.upperBound >= size
      else { return nil }
      if size == 0 { return body }
      let last = end.upperBound + size
      body.append(rest[end.upperBound..<last])
      rest = rest[last...].dropFirst(lineEnd.count)
    }
    return nil
  }
}
