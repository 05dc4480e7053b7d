// The other end of the control socket, for the commands: one question, one answer, over a
// connection of its own. Blocks, so it is for programs that do nothing else. What can go wrong,
// from a missing socket to an answer of another version, becomes one line each.

import Foundation
import Glibc

struct ControlClient {
  /// A server that says nothing for so long is not there.
  private static let patience = 30

  let path: String

  /// `nil`: the only socket there is.
  init(_ path: String?) throws(Failure) {
    if let path {
      try ControlPath.check(path)
      self.path = path
    } else {
      self.path = try ControlPath.onlySocket()
    }
  }

  /// Asks for a message.
  func get<Message: Decodable>(_ type: Message.Type, _ target: String) throws(Failure) -> Message {
    let answer = try ask("GET", target)
    guard answer.status == 200 else { throw refused(answer) }
    return try decode(type, answer.body)
  }

  /// Writes a setting; `nil` is a name the server does not know, a reason a value it does not take.
  func put(_ name: String, _ value: String) throws(Failure) -> Result<SettingMessage, Refused>? {
    let answer = try ask("PUT", "/settings/\(Self.escaped(name))", body: value)
    switch answer.status {
    case 200: return .success(try decode(SettingMessage.self, answer.body))
    case 404: return nil
    case 422: return .failure(Refused(reason: try decode(ErrorMessage.self, answer.body).error))
    default: throw refused(answer)
    }
  }

  struct Refused: Error, Equatable {
    var reason: String
  }

  // MARK: Talking

  private func ask(_ method: String, _ target: String, body: String = "") throws(Failure)
    -> HTTPAnswer
  {
    let descriptor = try connect()
    defer { close(descriptor) }
    let head = """
      \(method) \(target) HTTP/1.1\r
      Host: localhost\r
      Connection: close\r
      Content-Length: \(body.utf8.count)\r
      \r\n
      """
    try write(Array((head + body).utf8), to: descriptor)
    guard let answer = HTTPAnswer(try readAll(descriptor)),
      let version = answer.headers[ToolVersion.header.lowercased()]
    else {
      throw Failure(
        .protocolError,
        "what answers on '\(path)' is no tunstack; name another socket with --control")
    }
    guard ToolVersion.major(version) == ToolVersion.major(ToolVersion.current) else {
      throw Failure(
        .protocolError,
        "the tunstack on '\(path)' is version \(version), this is \(ToolVersion.current); use the "
          + "program it was started with")
    }
    return answer
  }

  private func connect() throws(Failure) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure(.system, "cannot ask", errno, "try again") }
    var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      unsafe setsockopt(
        descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    let code = UnixAddress(path).connect(descriptor)
    guard code == 0 else {
      close(descriptor)
      throw connectFailure(code)
    }
    return descriptor
  }

  private func connectFailure(_ code: Int32) -> Failure {
    switch code {
    case ENOENT:
      Failure(
        .unavailable,
        "there is no socket '\(path)'; start a tunstack with --control, or name another")
    case ECONNREFUSED:
      Failure(
        .unavailable,
        "nobody answers on '\(path)': whoever made it is gone; start a tunstack, or remove it")
    case EACCES, EPERM:
      Failure(
        .notPermitted, "'\(path)' is not yours to open; run this as the user of that tunstack")
    default:
      failure(.unavailable, "cannot open", code, "name another with --control")
    }
  }

  private func write(_ octets: [UInt8], to descriptor: Int32) throws(Failure) {
    var rest = octets[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }  // it has answered already and closed
      rest = rest.dropFirst(count)
    }
  }

  private func readAll(_ descriptor: Int32) throws(Failure) -> Data {
    var answer = Data()
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count == 0 { return answer }
      if count > 0 {
        answer.append(contentsOf: piece[..<count])
      } else if errno == EAGAIN {
        throw Failure(
          .unavailable, "'\(path)' does not answer within \(Self.patience) seconds; try again")
      } else if errno != EINTR {
        if errno == ECONNRESET, !answer.isEmpty { return answer }
        throw failure(.unavailable, "cannot read", errno, "try again")
      }
    }
  }

  // MARK: Answers

  private func decode<Message: Decodable>(
    _ type: Message.Type, _ body: Data
  ) throws(Failure) -> Message {
    do {
      return try JSONDecoder().decode(type, from: body)
    } catch {
      throw Failure(
        .protocolError,
        "the answer of '\(path)' cannot be read; use the program that server was started with")
    }
  }

  private func refused(_ answer: HTTPAnswer) -> Failure {
    let reason = try? JSONDecoder().decode(ErrorMessage.self, from: answer.body).error
    return Failure(
      .protocolError,
      "'\(path)' refuses: \(reason ?? "status \(answer.status)"); see docs/control.md")
  }

  private func failure(
    _ status: ExitStatus, _ what: String, _ code: Int32, _ mend: String
  ) -> Failure {
    Failure(status, "\(what) '\(path)': \(unsafe String(cString: strerror(code))); \(mend)")
  }

  private static func escaped(_ name: String) -> String {
    name.addingPercentEncoding(
      withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "._-/")))
      ?? ""
  }
}
