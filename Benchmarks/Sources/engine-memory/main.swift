// What the engine keeps per idle connection and per TIME-WAIT, in resident memory of this process: two
// stacks talk to each other through batches, nothing else runs.
//
//   swift run -c release engine-memory [CONNECTIONS] [TIME-WAITS]

import Glibc
import UserTCP

func residentBytes() -> Int {
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  guard unsafe fgets(&line, 256, file) != nil else { return 0 }
  let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split(
    separator: " ")
  return (Int(words[1]) ?? 0) * Int(getpagesize())
}

/// A server and a client in one process, and a clock that stands unless it is moved.
struct Pair: ~Copyable {
  var server: ProtocolStack
  var client: ProtocolStack
  var now = Instant.zero
  private var endpointsUsed = 0
  private var outgoing = OutgoingBatch(capacity: 512)
  private var incoming = IncomingBatch(packetLimit: 512)

  static let clientHosts = 64
  static let port: Port = 7

  init() {
    var settings = StackSettings()
    settings.maximumConnections = 1 << 20
    settings.maximumTimeWait = 16 << 20
    settings.localPorts = 1024...65535
    settings.maximumHalfOpen = 4096
    server = ProtocolStack(
      settings: settings, interface: InterfaceAddress(IPv4Address(192, 0, 2, 2), prefixLength: 24),
      secret: StackSecret(1, 2, 3, 4), offloads: .all)
    client = ProtocolStack(
      settings: settings,
      interface: InterfaceAddress(IPv4Address(198, 51, 100, 1), prefixLength: 24),
      secret: StackSecret(5, 6, 7, 8), offloads: .all)
    for host in 2...Self.clientHosts {
      client.addAddress(
        InterfaceAddress(IPv4Address(198, 51, 100, UInt8(host)), prefixLength: 24))
    }
  }

  /// Carries packets both ways until there are none.
  mutating func exchange() {
    repeat {
      client.poll(at: now, into: &outgoing)
      carry()
      server.receive(incoming, at: now)
      server.poll(at: now, into: &outgoing)
      carry()
      client.receive(incoming, at: now)
    } while client.hasOutput || server.hasOutput
    while client.nextNotification() != nil {}
    while server.nextNotification() != nil {}
  }

  private mutating func carry() {
    incoming.removeAll()
    for index in 0..<outgoing.count {
      let frame = outgoing.copy(at: index)
      unsafe incoming.append(frame.span.bytes, offload: outgoing.offload(at: index))
    }
    outgoing.removeAll()
  }

  /// Opens `count` connections, `each` with both handles.
  mutating func open(
    _ count: Int, listener: ListenerID,
    each: (inout Pair, _ server: ConnectionID, _ client: ConnectionID) throws -> Void
  ) throws {
    var opened = 0
    while opened < count {
      var handles: [ConnectionID] = []
      for _ in 0..<min(256, count - opened) {
        // Every pair of endpoints once, or a SYN would take over a TIME-WAIT.
        let host = UInt8(endpointsUsed % Self.clientHosts + 1)
        let port = Port(UInt16(1024 + endpointsUsed / Self.clientHosts % 64_000))
        let local = Endpoint(IPv4Address(198, 51, 100, host), port)
        endpointsUsed += 1
        let remote = Endpoint(IPv4Address(192, 0, 2, 2), Self.port)
        handles.append(try client.connect(to: remote, from: local))
        opened += 1
      }
      exchange()
      for handle in handles {
        guard let accepted = server.accept(listener) else { fatalError("a handshake failed") }
        try each(&self, accepted, handle)
      }
      exchange()
      now = now + .milliseconds(1)
    }
  }
}

/// One octet each way, so that every buffer has been used once, then nothing.
func measureIdle(_ count: Int) throws {
  var pair = Pair()
  let listener = try pair.server.listen(on: Pair.port)
  let byte: [UInt8] = [42]
  let before = residentBytes()
  try pair.open(count, listener: listener) { pair, server, client in
    _ = try unsafe pair.client.write(client, byte.span.bytes)
    pair.exchange()
    _ = try unsafe pair.server.write(server, byte.span.bytes)
    pair.server.consume(server, 1)
    pair.exchange()
    pair.client.consume(client, 1)
    pair.exchange()
  }
  let each = Double(residentBytes() - before) / Double(2 * count)
  print("idle connections: \(count) on each of two stacks, \(each) bytes each")
  guard pair.server.connectionCount == count else { fatalError("connections are missing") }
}

/// The server closes first, so TIME-WAIT is all that stays of a connection.
func measureTimeWait(_ count: Int) throws {
  var pair = Pair()
  let listener = try pair.server.listen(on: Pair.port)
  // The pools and tables that any traffic needs, before counting.
  func short(_ count: Int) throws {
    try pair.open(count, listener: listener) { pair, server, client in
      pair.server.close(server)
      pair.exchange()
      pair.client.close(client)
      pair.exchange()
    }
  }
  try short(2000)
  let waiting = pair.server.timeWaitCount
  let before = residentBytes()
  // Time hardly moves: all of them are in TIME-WAIT together.
  try short(count)
  let added = pair.server.timeWaitCount - waiting
  let each = Double(residentBytes() - before) / Double(added)
  print("TIME-WAIT: \(added) more, \(each) bytes each")
  guard added == count else { fatalError("some TIME-WAITs are missing") }
  pair.now = pair.now + .seconds(120)
  for _ in 0..<(count / 2000 + 10) { pair.exchange() }
  print("after 2MSL: \(pair.server.timeWaitCount) left")
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
try measureIdle(arguments.first ?? 100_000)
try measureTimeWait(arguments.dropFirst().first ?? 1_000_000)
