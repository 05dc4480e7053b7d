// Two stacks in one process, joined by a cable in memory: what a client of the one does to a server of
// the other goes through everything but a kernel.

import Testing

@testable import UserTCP
@testable import UserTCPRuntime

enum Two {
  static let server: InterfaceAddress = "192.0.2.2/24"
  static let client: InterfaceAddress = "192.0.2.1/24"

  static func endpoint(_ port: Port) -> Endpoint { Endpoint(server.address, port) }

  /// Runs `body` on the client's loop while both stacks run; then it ends the server's.
  static func run<Result: Sendable>(
    settings: StackSettings = StackSettings(), offloads: OffloadCapabilities = .all,
    mtu: Int = 1500, log: @escaping RuntimeLog = { _ in },
    server serve: @escaping @Sendable (TCPStack, TaskGroup<Void>.Starter) async throws -> Void,
    _ body: @escaping @Sendable (TCPStack) async throws -> Result
  ) async throws -> Result {
    let (near, far) = try MemoryDevice.pair(mtu: mtu, offloads: offloads)
    return try await TCPStack.run(
      device: .device(far), address: server, settings: settings, log: log
    ) { stack in
      try await withThrowingTaskGroup { group in
        let start = TaskGroup<Void>.Starter()
        try await serve(stack, start)
        for task in start.tasks.all {
          group.addTask(executorPreference: stack.loop) {
            do { try await task() } catch TCPError.cancelled {}
          }
        }
        let result = try await TCPStack.run(
          device: .device(near), address: client, settings: settings, log: log, body)
        group.cancelAll()
        try await group.waitForAll()
        return result
      }
    }
  }
}

extension TaskGroup<Void> {
  /// Collects what the server does for as long as the client runs.
  struct Starter: Sendable {
    let tasks = Log<@Sendable () async throws -> Void>()
    func callAsFunction(_ task: @escaping @Sendable () async throws -> Void) { tasks.note(task) }
  }
}

/// Octets that are different everywhere, cheap to make again.
func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
  (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// Answers with what it receives.
struct Echo: ConnectionHandler {
  mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
    connection.write(bytes)
  }
}

/// Reads to the end.
func readAll(_ stream: TCPStream) async throws(TCPError) -> [UInt8] {
  var all: [UInt8] = []
  for try await bytes in stream.inbound { all += bytes.array }
  return all
}
