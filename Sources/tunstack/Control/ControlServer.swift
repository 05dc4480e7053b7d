// The control socket of a running stack: a Unix socket that only its user may open, HTTP and JSON
// on it. It runs on Swift's shared threads, never on the stack's loop; what it is asked it asks the
// stack (ControlRoutes). FlyingFox speaks the HTTP.

import FlyingFox
import FlyingSocks
import Glibc
import UserTCPRuntime

struct ControlServer: Sendable {
  let path: String
  /// Somebody asked for this path: without it the program ends.
  let isRequired: Bool
  let identity: ControlRoutes.Identity
  let kept: KeptSettings

  /// Serves until cancelled, and takes the socket away then.
  func run(
    _ stack: TCPStack, _ log: ToolLog, listening: @escaping @Sendable () -> Void
  ) async throws(Failure) {
    let routes = ControlRoutes(stack: stack, identity: identity, kept: kept)
    let server = HTTPServer(
      config: .init(
        address: sockaddr_un.unix(path: path), sharedRequestReplaySize: 4_096,
        pool: ClientPatience(HTTPServer.defaultPool()), logger: .disabled), handler: routes)
    // Nobody else may open it, from its first moment on.
    let mask = umask(0o177)
    do {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        var isOurs = false
        defer { if isOurs { unsafe unlink(path) } }
        group.addTask {
          try await server.run()
          return false
        }
        group.addTask {
          try await server.waitUntilListening()
          return true
        }
        while let listens = try await group.next() {
          guard listens else { continue }
          isOurs = true
          umask(mask)
          log.debug("control socket: \(path)")
          listening()
        }
      }
    } catch {
      umask(mask)
      guard !Task.isCancelled else { return }
      let failure = Failure(
        .cannotCreate,
        "the control socket '\(path)' fails: \(error); take another path with "
          + "--control, or use --no-control")
      guard !isRequired else { throw failure }
      log.warning("\(failure)")
    }
  }
}
