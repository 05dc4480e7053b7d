// The server that stands beside ours: the kernel's TCP, one thread, poll(2), and the answer of /hello.
// It reads a request's end and its wish to close, nothing else, for `WorkloadClients` is its only
// client. Ends when `stop` is called or the value goes.

import Glibc
import UserTCPRuntime

final class KernelServer: Sendable {
  private let leash: Leash

  private init(_ leash: consuming Leash) { self.leash = leash }

  /// Listens on `port` in `namespace` and serves on a thread of its own.
  static func start(
    in namespace: NetworkNamespace, port: Port = Workload.port
  ) async throws(Failure) -> KernelServer {
    try await namespace.run { () throws(Failure) in
      let listener = try KernelSocket.listening(on: port)
      let leash = try Leash()
      let held = leash.heldEnd
      BackgroundThread.start {
        var loop = KernelServerLoop(listener: listener, leash: held)
        loop.run()
      }
      return KernelServer(leash)
    }
  }
}

private struct KernelServerLoop: ~Copyable {
  private static let acceptsAtOnce = 64
  private static let headers =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(Workload.answerEnd.count)\r\n\r\n"
  private static let answer = Array(headers.utf8) + Workload.answerEnd

  private let listener: KernelSocket
  private let leash: Int32
  private var clients: [Client] = []
  /// The leash, the listener, then a client each.
  private var entries: [pollfd]

  private struct Client {
    let socket: KernelSocket
    var request: [UInt8] = []
  }

  init(listener: KernelSocket, leash: Int32) {
    self.listener = listener
    self.leash = leash
    entries = [
      pollfd(leash, waitingFor: POLLIN), pollfd(listener.descriptor, waitingFor: POLLIN),
    ]
  }

  mutating func run() {
    while true {
      Poll.wait(for: &entries, milliseconds: -1)
      if entries[0].isReady { break }
      let hasNew = entries[1].isReady
      for index in clients.indices.reversed() where entries[index + 2].isReady {
        if !serve(index) { remove(index) }
      }
      if hasNew { accept() }
    }
    for client in clients { client.socket.close() }
    listener.close()
    close(leash)
  }

  private mutating func accept() {
    for _ in 0..<Self.acceptsAtOnce {
      guard let socket = listener.accept() else { return }
      clients.append(Client(socket: socket))
      entries.append(pollfd(socket.descriptor, waitingFor: POLLIN))
    }
  }

  /// Answers a request that is whole. `false`: this client is done with.
  private mutating func serve(_ index: Int) -> Bool {
    let count = clients[index].socket.receive(into: &clients[index].request)
    if count == -Int(EAGAIN) { return true }
    guard count > 0 else { return false }
    let request = clients[index].request
    guard request.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return request.count < 4096 }
    clients[index].request = []
    // The answer is far smaller than the send buffer of a fresh connection.
    guard clients[index].socket.send(Self.answer) == Self.answer.count else { return false }
    return request != Workload.request(closing: true)
  }

  private mutating func remove(_ index: Int) {
    clients[index].socket.close()
    clients.swapAt(index, clients.count - 1)
    clients.removeLast()
    entries.swapAt(index + 2, entries.count - 1)
    entries.removeLast()
  }
}
