// The other end of a connection as a script in virtual time: a test tells what the peer sends and
// what it expects to receive, the stack under test is real. It reads what the stack sends with
// its own parser and checks every packet (`FrameChecks`, `ConversationChecks`), whatever the test is
// about. Nothing here waits: time moves when the script says so. A class, though nothing is shared,
// because the stack inside cannot be copied and test macros need a value that can.

import UserTCP

/// An expectation that was not met; the description holds the transcript.
public struct ScriptFailure: Error, CustomStringConvertible {
  public var description: String
}

public final class ScriptedPeer {
  /// The stack under test. Calls that may send or end something are better made through `app…`.
  public var stack: ProtocolStack
  public private(set) var now: Instant
  public let address: IPv4Address
  public let stackAddress: IPv4Address
  /// The peer's port in segments that name none.
  public var port: UInt16 = 40_000
  /// The stack's port in segments that name none.
  public var stackPort: UInt16 = 80
  /// Sent and not yet looked at by the script.
  public internal(set) var output: [CapturedPacket] = []
  /// The packet that the last expectation met.
  public internal(set) var last: CapturedPacket?
  public private(set) var transcript = Transcript()
  /// When set, segments without timestamps get one: value from the virtual clock in milliseconds,
  /// echo of the last received.
  public var stampsSegments = false

  var listener: ListenerID?
  var events: [ConnectionID: ConnectionEvents] = [:]
  var acceptable = false
  var latestTimestamp: UInt32 = 0
  private var incoming = IncomingBatch(packetLimit: 4096, byteLimit: 4 << 20)
  private var outgoing = OutgoingBatch(capacity: 64)
  private let frameChecks: FrameChecks
  private var conversationChecks = ConversationChecks()
  private var problems: [String] = []

  public init(
    settings: StackSettings = StackSettings(), interface: InterfaceAddress? = nil,
    peer: IPv4Address = IPv4Address(192, 0, 2, 1),
    secret: StackSecret = StackSecret(0x0123, 0x4567, 0x89AB, 0xCDEF),
    offloads: OffloadCapabilities = .none, startingAt start: Instant = .zero + .seconds(1_000)
  ) {
    let interface = interface ?? InterfaceAddress(IPv4Address(192, 0, 2, 2), prefixLength: 24)
    stack = ProtocolStack(
      settings: settings, interface: interface, secret: secret, offloads: offloads)
    now = start
    address = peer
    stackAddress = interface.address
    frameChecks = FrameChecks(
      address: interface.address, mtu: settings.mtu, offloads: offloads,
      forbidsFragments: settings.pathMTUDiscovery == .on)
    conversationChecks.allowsShrinkingWindows = settings.shrinksWindow
    stack.advance(to: start)
  }

  // MARK: Packets to the stack

  public func sends(_ segment: Segment) { deliver([frame(of: segment)]) }

  /// Several segments that one turn of the loop reads together.
  public func sendsBatch(_ segments: [Segment]) { deliver(segments.map { frame(of: $0) }) }

  public func sends(_ packet: IPv4Packet, offload: OffloadInfo = .none) {
    deliver([Frame(packet.encoded(), offload: offload)])
  }

  public func sends(_ message: ICMPPacket) {
    sends(message.packet(from: address, to: stackAddress))
  }

  public func sendsRaw(_ bytes: [UInt8], offload: OffloadInfo = .none) {
    deliver([Frame(bytes, offload: offload)])
  }

  public func sendsBatch(frames: [Frame]) { deliver(frames) }

  /// The packet that `sends` would send, for scripts that change it first.
  public func packet(of segment: Segment) -> IPv4Packet {
    var segment = segment
    if segment.sourcePort == nil { segment.sourcePort = port }
    if segment.destinationPort == nil { segment.destinationPort = stackPort }
    if stampsSegments, segment.timestamps == nil {
      let clock = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
      segment.options.append(
        .timestamps(clock, segment.flags.contains(.ack) ? latestTimestamp : 0))
    }
    return segment.packet(from: address, to: stackAddress)
  }

  private func frame(of segment: Segment) -> Frame { Frame(packet(of: segment).encoded()) }

  private func deliver(_ frames: [Frame]) {
    incoming.removeAll()
    for frame in frames {
      if let packet = try? CapturedPacket(reading: frame, at: now) {
        transcript.note("<", packet, at: now)
        if let segment = packet.segment {
          conversationChecks.note(fromPeer: segment, at: packet.ip.source)
        }
      } else {
        transcript.note("< \(frame.bytes.count) octets \(frame.bytes.prefix(60))", at: now)
      }
      unsafe incoming.append(frame.bytes.span.bytes, offload: frame.offload)
    }
    stack.receive(incoming, at: now)
    drain()
  }

  // MARK: Packets from the stack

  /// Takes what the stack has to say now: notifications and frames.
  func drain() {
    drainNotifications()
    var rounds = 0
    repeat {
      // What the stack sends to itself comes back with the next input (IP4-5).
      if rounds > 0 {
        incoming.removeAll()
        stack.receive(incoming, at: now)
        drainNotifications()
      }
      outgoing.removeAll()
      stack.poll(at: now, into: &outgoing)
      for index in 0..<outgoing.count {
        record(Frame(outgoing.copy(at: index), offload: outgoing.offload(at: index)))
      }
      rounds += 1
      if rounds > 10_000 {
        problem("poll never finishes")
        break
      }
    } while !outgoing.isEmpty || stack.hasOutput
    drainNotifications()
  }

  private func record(_ frame: Frame) {
    let (packet, problems) = frameChecks.inspect(frame, at: now)
    guard let packet else {
      for text in problems { problem(text) }
      return
    }
    transcript.note(">", packet, at: now)
    for text in problems { problem(text) }
    if let segment = packet.segment {
      if let value = segment.timestamps?.value { latestTimestamp = value }
      for text in conversationChecks.problems(fromStack: segment, to: packet.ip.destination) {
        problem(text)
      }
    }
    output.append(packet)
  }

  private func drainNotifications() {
    while let notification = stack.nextNotification() {
      transcript.note("* \(notification)", at: now)
      switch notification {
      case .acceptable: acceptable = true
      case .connection(let id, let events): self.events[id, default: []].formUnion(events)
      }
    }
  }

  // MARK: Time

  /// Moves time on; what the stack sends meanwhile waits in `output`.
  public func advances(by length: Interval) throws {
    try run(until: now + length, stopAtOutput: false)
  }

  /// Lets time pass until `limit`, or until the stack has sent something.
  func run(until limit: Instant, stopAtOutput: Bool) throws {
    drain()
    var turnsWithoutTime = 0
    while !(stopAtOutput && !output.isEmpty) {
      let next = stack.nextDeadline
      guard next <= limit else {
        now = max(now, limit)
        stack.advance(to: now)
        break
      }
      turnsWithoutTime = next <= now ? turnsWithoutTime + 1 : 0
      if turnsWithoutTime > 1_000 { throw failure("the deadline \(next) never passes") }
      now = max(now, next)
      drain()
    }
    try throwProblems()
  }

  // MARK: Failures

  func note(_ line: String) { transcript.note(line, at: now) }

  func problem(_ text: String) {
    transcript.note("! \(text)", at: now)
    problems.append("\(now.transcriptText) \(text)")
  }

  /// Fails when any packet so far broke a rule that holds for all packets.
  func throwProblems(_ file: StaticString = #fileID, _ line: UInt = #line) throws {
    guard !problems.isEmpty else { return }
    let text = problems.prefix(10).joined(separator: "\n")
    problems.removeAll()
    throw failure("rules for every packet were broken:\n\(text)", file, line)
  }

  public func failure(
    _ text: String, _ file: StaticString = #fileID, _ line: UInt = #line
  ) -> ScriptFailure {
    ScriptFailure(description: "\(file):\(line): \(text)\n--- transcript\n\(transcript)\n---")
  }
}
