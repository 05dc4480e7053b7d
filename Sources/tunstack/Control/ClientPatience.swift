// How long the control server waits for its clients, and for how many. The HTTP library has no such
// limits of its own; it asks a pool to wait for a socket, and this pool stands around the
// library's. A client that sends nothing, or does not read its answer, is dropped; so is one more
// than may wait.

import FlyingFox
import FlyingSocks
import Glibc
import Synchronization

final class ClientPatience: AsyncSocketPool {
  private static let longestWait = Duration.seconds(10)
  private static let mostWaiting = 64

  private let pool: any AsyncSocketPool
  private let waiting = Mutex(0)

  init(_ pool: any AsyncSocketPool) { self.pool = pool }

  func prepare() async throws { try await pool.prepare() }
  func run() async throws { try await pool.run() }

  func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
    if Self.isListening(socket) {
      return try await pool.suspendSocket(socket, untilReadyFor: events)
    }
    let count = waiting.withLock { count in
      count += 1
      return count
    }
    defer { waiting.withLock { $0 -= 1 } }
    guard count <= Self.mostWaiting else { throw SocketError.disconnected }
    try await withThrowingTaskGroup { [pool] group in
      group.addTask { try await pool.suspendSocket(socket, untilReadyFor: events) }
      group.addTask {
        try await Task.sleep(for: Self.longestWait)
        throw SocketError.disconnected
      }
      try await group.next()
      group.cancelAll()
    }
  }

  private static func isListening(_ socket: Socket) -> Bool {
    (try? socket.getValue(for: Int32SocketOption(name: SO_ACCEPTCONN))) == 1
  }
}
