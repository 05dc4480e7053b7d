// Two programs on a network that send each other known octets and check what arrives: the one
// connects, the other accepts, both write, finish and close. It judges by octets and by CLOSED at
// both ends, not by packets. A loop calls `act` between the steps of a `Network`.

import UserTCP

public struct Conversation: Sendable {
  /// One end's plan and progress.
  public struct End: Sendable {
    public let host: Int
    public let outgoing: [UInt8]
    public let expected: [UInt8]
    public fileprivate(set) var id: ConnectionID?
    public fileprivate(set) var written = 0
    public fileprivate(set) var received = 0
    public fileprivate(set) var hasFinished = false
    public fileprivate(set) var sawEnd = false
    public fileprivate(set) var isClosed = false
  }

  public private(set) var client: End
  public private(set) var server: End
  /// What went wrong, the first time.
  public private(set) var failure: String?
  /// Octets that a program reads at most before the next step: a slow reader closes its window.
  public var readLimit = Int.max
  /// Octets of one write.
  public var writeSize = 8192
  private let listener: ListenerID
  private let port: Port
  /// Both programs ask for Fast Open; the settings of the stacks decide (RFC 7413).
  private let asksFastOpen: Bool

  /// `server` listens at once; the client connects when `act` is first called.
  public init(
    client: Int = 0, server: Int = 1, on network: Network, port: Port = 7,
    clientSends: [UInt8], serverSends: [UInt8], asksFastOpen: Bool = false,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) {
    self.client = End(host: client, outgoing: clientSends, expected: serverSends)
    self.server = End(host: server, outgoing: serverSends, expected: clientSends)
    self.port = port
    self.asksFastOpen = asksFastOpen
    listener = try network.hosts[server].stack.listen(
      on: port, backlog: 16, fastOpenBacklog: asksFastOpen ? 8 : 0, options: options)
  }

  /// Both ends have given their handles back without an error.
  public var isOver: Bool { client.isClosed && server.isClosed }

  /// Lets both programs do what they can do now.
  public mutating func act(on network: Network) {
    guard failure == nil else { return }
    do throws(TCPError) {
      if client.id == nil { try open(on: network) }
      if server.id == nil { server.id = network.hosts[server.host].stack.accept(listener) }
    } catch {
      failure = "opening: \(error)"
    }
    act(\.client, on: network)
    act(\.server, on: network)
  }

  private mutating func open(on network: Network) throws(TCPError) {
    let server = Endpoint(network.hosts[server.host].address, port)
    let host = network.hosts[client.host]
    guard asksFastOpen else {
      client.id = try host.stack.connect(to: server)
      return
    }
    let first = Array(client.outgoing.prefix(writeSize))
    let (id, count) = try unsafe host.stack.connect(to: server, sending: first.span.bytes)
    client.id = id
    client.written = count
  }

  private mutating func act(_ path: WritableKeyPath<Conversation, End>, on network: Network) {
    var end = self[keyPath: path]
    defer { self[keyPath: path] = end }
    guard let id = end.id, !end.isClosed, failure == nil else { return }
    let host = network.hosts[end.host]
    do throws(TCPError) {
      if let outcome = host.stack.outcome(id), outcome != .closed { throw outcome }
      // RFC 9293 §3.10.4: a close in SYN-SENT would end the attempt.
      if host.stack.snapshot(id)?.state == .synSent { return }
      try write(&end, id, host)
      if let mismatch = try read(&end, id, host) { failure = mismatch }
      if end.hasFinished, end.sawEnd {
        host.stack.close(id)
        end.isClosed = true
      }
    } catch .notConnected {
      // SYN-SENT: later.
    } catch {
      failure = "host \(end.host), \(end.written) written, \(end.received) received: \(error)"
    }
  }

  private func write(
    _ end: inout End, _ id: ConnectionID, _ host: SimulatedHost
  ) throws(TCPError) {
    while end.written < end.outgoing.count {
      let chunk = Array(
        end.outgoing[end.written..<min(end.written + writeSize, end.outgoing.count)])
      let count = try host.write(id, chunk)
      end.written += count
      if count < chunk.count { return }
    }
    if !end.hasFinished {
      try host.stack.finish(id)
      end.hasFinished = true
    }
  }

  private func read(
    _ end: inout End, _ id: ConnectionID, _ host: SimulatedHost
  ) throws(TCPError) -> String? {
    var left = readLimit
    while left > 0 {
      let bytes = try host.read(id, atMost: min(left, 1 << 16))
      if bytes.isEmpty { break }
      left -= bytes.count
      let stop = end.received + bytes.count
      guard stop <= end.expected.count, end.expected[end.received..<stop].elementsEqual(bytes)
      else { return "host \(end.host): wrong octets from \(end.received) to \(stop)" }
      end.received = stop
    }
    if try host.seesEnd(id) {
      if end.received != end.expected.count {
        return "host \(end.host): end after \(end.received) of \(end.expected.count) octets"
      }
      end.sawEnd = true
    }
    return nil
  }
}
