// A transfer between the two hosts of a simulated network: one program writes as fast as it may, the other
// reads at once and compares. The octets are a pattern that is never held as a whole, so that gigabytes
// cost nothing. `act` is called between the steps of the network.

import UserTCPRuntime
import UserTCPSimulation

struct BulkFlow {
  static let (sender, receiver) = (0, 1)

  /// To be sent.
  let octets: Int
  private let listener: ListenerID
  private let port: Port
  /// The sender's handle, once it has opened.
  private(set) var id: ConnectionID?
  private var accepted: ConnectionID?
  private var written = 0
  private var hasFinished = false
  private(set) var received = 0
  /// How the connection ended before all had arrived.
  private(set) var failure: TCPError?
  /// What arrived was not what was sent: TCP has failed.
  private(set) var isCorrupt = false

  /// The receiver listens at once; the sender opens when `act` is first called.
  init(octets: Int, port: Port, on network: Network) throws(TCPError) {
    self.octets = octets
    self.port = port
    listener = try network.hosts[Self.receiver].stack.listen(on: port, backlog: 1)
  }

  var isOver: Bool { received == octets || failure != nil || isCorrupt }

  /// Lets both programs do what they can do now.
  mutating func act(on network: Network) {
    guard !isOver else { return }
    do throws(TCPError) {
      let (sender, receiver) = (network.hosts[Self.sender], network.hosts[Self.receiver])
      if id == nil { id = try sender.stack.connect(to: Endpoint(receiver.address, port)) }
      if accepted == nil { accepted = receiver.stack.accept(listener) }
      if let id { try write(id, sender) }
      if let accepted { try read(accepted, receiver) }
    } catch {
      failure = error
    }
  }

  private mutating func write(_ id: ConnectionID, _ host: SimulatedHost) throws(TCPError) {
    if let outcome = host.stack.outcome(id) { throw outcome }
    guard !hasFinished, host.stack.snapshot(id)?.state != .synSent else { return }
    while written < octets {
      let count = min(Self.piece, octets - written)
      let start = written % Self.period
      let taken = try unsafe host.stack.write(
        id, Self.pattern.span.extracting(start..<start + count).bytes)
      written += taken
      if taken < count { return }
    }
    try host.stack.finish(id)
    hasFinished = true
  }

  private mutating func read(_ id: ConnectionID, _ host: SimulatedHost) throws(TCPError) {
    while case .bytes = try host.stack.readable(id) {
      let bytes = try host.read(id, atMost: Self.piece)
      let start = received % Self.period
      guard bytes[...] == Self.pattern[start..<start + bytes.count] else {
        isCorrupt = true
        return
      }
      received += bytes.count
    }
  }

  // MARK: The pattern

  private static let piece = 1 << 16
  /// A prime, so that octets in a wrong place differ.
  private static let period = 65_521
  /// A period and as much of the next as a piece needs.
  private static let pattern: [UInt8] = (0..<period + piece).map {
    UInt8(truncatingIfNeeded: ($0 % period) &* 2_654_435_761 >> 16)
  }
}
