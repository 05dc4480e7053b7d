// What a lab's clients do, whoever serves them: many short connections, so many at once, and some that
// stay open beside them. It is the day of a web server in small, and the same for our stack and for the
// kernel's, or nothing could be compared.

import UserTCPRuntime

struct Workload: Sendable, Equatable {
  /// Who sends the first FIN and so has the TIME_WAIT.
  enum Closer: Sendable {
    case server, client
  }

  /// Requests with a connection each.
  var connections = 5204
  /// Connections that stay open after their request.
  var keptOpen = 130
  /// Short connections at the same time.
  var parallel = 64
  var closer = Closer.server
  /// Each connection has the port after its predecessor's, beginning here; `nil`: what the kernel
  /// chooses, which may be a port whose pair waits at the server. The SYN then ends that wait, and two
  /// connections leave one TIME_WAIT.
  var firstPort: UInt16?
  /// Then the rest is given up.
  var secondsAllowed = 60
  /// A connection that takes longer has failed.
  var secondsPerConnection = 20

  static let port: Port = 80
  /// The end of every answer: the body of /hello.
  static let answerEnd = Array("Hello, World!".utf8)

  /// The request of a connection that the server is to close, or not.
  static func request(closing: Bool) -> [UInt8] {
    Array("GET /hello HTTP/1.1\r\nHost: lab\r\n\(closing ? "Connection: close\r\n" : "")\r\n".utf8)
  }
}

/// What became of it.
struct WorkloadResult: Sendable {
  /// Connections that got their answer.
  var served = 0
  /// `errno` of those that did not, and how many.
  var failures: [Int32: Int] = [:]
  /// From the first connection to the end of the last short one.
  var seconds = 0.0
  /// The slowest connection, from its SYN to its answer.
  var slowest = 0.0
  /// Those that are still open; the owner closes them.
  var keptOpen: [KernelSocket] = []

  var failed: Int { failures.values.reduce(0, +) }

  func closeAll() {
    for socket in keptOpen { socket.close() }
  }
}
