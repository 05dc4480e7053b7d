// One connection of the kernel's TCP that carries as much as it can, and counts: the receiving server, and
// clients that send or receive for a time. Blocks, so each runs on a thread of its namespace.

import Glibc
import Synchronization
import UserTCPRuntime

/// Octets that a program has read, from whatever thread.
final class OctetCount: Sendable {
  private let count = Atomic<Int>(0)

  var value: Int { count.load(ordering: .relaxed) }
  func add(_ octets: Int) { count.add(octets, ordering: .relaxed) }
}

/// Takes one connection after the other and reads what it brings. Ends when the value goes.
final class KernelSink: Sendable {
  static let port: Port = 9
  let received: OctetCount
  private let leash: Leash

  private init(_ received: OctetCount, _ leash: consuming Leash) {
    self.received = received
    self.leash = leash
  }

  static func start(in namespace: NetworkNamespace) async throws(Failure) -> KernelSink {
    try await namespace.run { () throws(Failure) in
      let listener = try KernelSocket.listening(on: port)
      let leash = try Leash()
      let (held, received) = (leash.heldEnd, OctetCount())
      BackgroundThread.start { serve(listener, leash: held, received) }
      return KernelSink(received, leash)
    }
  }

  private static func serve(_ listener: KernelSocket, leash: Int32, _ received: OctetCount) {
    var buffer = [UInt8](repeating: 0, count: BulkClient.pieceLength)
    var client: KernelSocket?
    while true {
      let descriptor = client?.descriptor ?? listener.descriptor
      var entries = [pollfd(leash, waitingFor: POLLIN), pollfd(descriptor, waitingFor: POLLIN)]
      Poll.wait(for: &entries, milliseconds: -1)
      if entries[0].isReady { break }
      guard let socket = client else {
        client = listener.accept()
        continue
      }
      let count = socket.receive(over: &buffer)
      if count > 0 { received.add(count) }
      if count == 0 || (count < 0 && count != -Int(EAGAIN)) {
        socket.close()
        client = nil
      }
    }
    client?.close()
    listener.close()
    close(leash)
  }
}

enum BulkClient {
  static let pieceLength = 256 << 10

  /// Sends for so long, from the SYN on. Returns 0 or an error number.
  static func send(to server: Endpoint, seconds: Double) -> Int32 {
    let piece = [UInt8](repeating: 42, count: pieceLength)
    return run(against: server, seconds: seconds, waitingFor: POLLOUT) { $0.send(piece) }
  }

  /// Receives for so long, from the SYN on.
  static func receive(from server: Endpoint, seconds: Double, _ received: OctetCount) -> Int32 {
    var buffer = [UInt8](repeating: 0, count: pieceLength)
    return run(against: server, seconds: seconds, waitingFor: POLLIN) { socket in
      let count = socket.receive(over: &buffer)
      if count > 0 { received.add(count) }
      return count == 0 ? -Int(ECONNRESET) : count
    }
  }

  private static func run(
    against server: Endpoint, seconds: Double, waitingFor events: Int32,
    _ step: (KernelSocket) -> Int
  ) -> Int32 {
    guard let socket = KernelSocket() else { return errno }
    defer { socket.close() }
    let clock = Stopwatch()
    let code = socket.connect(to: server)
    guard code == 0 || code == -Int(EINPROGRESS) else { return Int32(-code) }
    var entries = [pollfd(socket.descriptor, waitingFor: events)]
    while true {
      let left = seconds - clock.seconds
      guard left > 0 else { return 0 }
      Poll.wait(for: &entries, milliseconds: Int32(min(left * 1000, 100)) + 1)
      guard entries[0].isReady else { continue }
      let count = step(socket)
      if count < 0, count != -Int(EAGAIN) { return Int32(-count) }
    }
  }
}
