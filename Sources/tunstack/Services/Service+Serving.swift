// Each service on a port: by a handler that the loop calls, or by a task per connection.

import UserTCPRuntime

extension Service {
  /// Nagle off where a request waits for an answer.
  private func options(keepsAlive: Bool) -> ConnectionOptions {
    var options = ConnectionOptions()
    options.followsKeepAliveSettings = keepsAlive
    options.noDelay = self == .echo || self == .http
    return options
  }

  /// Their answers do not mind a request that comes twice, so `tcp_fastopen` alone decides.
  private static let fastOpenBacklog = 256

  /// Serves with handlers; returns at once.
  func serve(on port: Port, of stack: TCPStack, keepsAlive: Bool = false) throws(TCPError) {
    let options = options(keepsAlive: keepsAlive)
    let early = Self.fastOpenBacklog
    switch self {
    case .echo:
      try stack.serve(port: port, fastOpenBacklog: early, options: options) { EchoHandler() }
    case .discard:
      try stack.serve(port: port, fastOpenBacklog: early, options: options) { DiscardHandler() }
    case .chargen:
      try stack.serve(port: port, fastOpenBacklog: early, options: options) { ChargenHandler() }
    case .http:
      try stack.serve(port: port, fastOpenBacklog: early, options: options) { HTTPHandler() }
    }
  }

  func listen(
    on port: Port, of stack: TCPStack, keepsAlive: Bool = false
  ) async throws(TCPError) -> TCPListener {
    try await stack.listen(
      port: port, fastOpenBacklog: Self.fastOpenBacklog, options: options(keepsAlive: keepsAlive))
  }

  /// Serves with a task per connection, until the stack shuts down.
  func serve(_ listener: TCPListener, of stack: TCPStack) async throws(TCPError) {
    try await listener.serve { stream in
      switch self {
      case .echo: try await serveEcho(stream)
      case .discard: try await serveDiscard(stream)
      case .chargen: try await serveChargen(stream)
      case .http: try await serveHTTP(stream, of: stack)
      }
    }
  }
}
