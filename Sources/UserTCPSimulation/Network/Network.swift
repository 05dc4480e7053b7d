// Stacks and seeded links in a struct: `step()` does what happens next, and virtual time jumps to
// it. The same seed gives the same run. Programs above the stacks act between steps. Checks every
// frame that any stack sends (`FrameChecks`).

import UserTCP

public struct Network {
  public private(set) var now: Instant
  public let seed: UInt64
  public let hosts: [SimulatedHost]
  public private(set) var transcript: Transcript
  /// What broke a rule that holds for every frame; a test expects none.
  public private(set) var problems: [String] = []
  private var links: [Link]
  private var stepsWithoutTime = 0
  /// Whose frames are kept until `takeCapture`; `nil`: nobody's.
  public var capturingHost: Int?
  private var captured: [(time: Instant, frame: Frame)] = []

  /// Hosts 192.0.2.1, 192.0.2.2 and so on, a link each way between any two.
  public init(
    hosts count: Int = 2, seed: UInt64, link: LinkSettings = LinkSettings(),
    settings: StackSettings = StackSettings(), offloads: OffloadCapabilities = .none,
    startingAt start: Instant = .zero + .seconds(1_000), transcriptLimit: Int = 200
  ) {
    precondition((2...200).contains(count), "a network has 2 to 200 hosts")
    self.seed = seed
    now = start
    transcript = Transcript(limit: transcriptLimit)
    var random = SeededRandom(seed: seed)
    hosts = (0..<count).map { index in
      SimulatedHost(
        interface: InterfaceAddress(
          IPv4Address(192, 0, 2, UInt8(index + 1)), prefixLength: 24),
        settings: settings,
        secret: StackSecret(random.next(), random.next(), random.next(), random.next()),
        offloads: offloads)
    }
    links = (0..<count * count).map { _ in Link(settings: link, seed: random.next()) }
    for host in hosts { host.stack.advance(to: start) }
  }

  /// The link from one host to another, by index.
  public func link(from source: Int, to destination: Int) -> Link {
    links[source * hosts.count + destination]
  }
  public mutating func changeLink(
    from source: Int, to destination: Int, _ change: (inout LinkSettings) -> Void
  ) {
    change(&links[source * hosts.count + destination].settings)
  }

  /// When something happens next; `.never` when all is quiet.
  public var nextEvent: Instant {
    var next = Instant.never
    for link in links { next = min(next, link.nextArrival) }
    for host in hosts { next = min(next, host.stack.hasOutput ? now : host.stack.nextDeadline) }
    return max(next, now)
  }

  /// Lets the next event happen if it is not after `limit`; false when there was none.
  @discardableResult public mutating func step(until limit: Instant = .never) -> Bool {
    let next = nextEvent
    guard next <= limit, next != .never else {
      if limit != .never { advance(to: limit) }
      return false
    }
    stepsWithoutTime = next == now ? stepsWithoutTime + 1 : 0
    if stepsWithoutTime > 100_000 {
      problems.append("time stands still at \(now.transcriptText)")
      return false
    }
    now = next
    for index in hosts.indices { deliver(to: index) }
    for index in hosts.indices { takeOutput(of: index) }
    return true
  }

  public mutating func run(until limit: Instant) {
    while step(until: limit) && problems.isEmpty {}
  }

  /// What `capturingHost` has sent and received since the last call, as a capture on it would have it.
  public mutating func takeCapture() -> [(time: Instant, frame: Frame)] {
    defer { captured.removeAll(keepingCapacity: true) }
    return captured
  }

  private mutating func advance(to time: Instant) {
    now = max(now, time)
    for host in hosts { host.stack.advance(to: now) }
  }

  private mutating func deliver(to destination: Int) {
    let host = hosts[destination]
    host.incoming.removeAll()
    for source in hosts.indices where source != destination {
      let link = source * hosts.count + destination
      while !host.incoming.isFull, let frame = links[link].receive(at: now) {
        if capturingHost == destination { captured.append((now, frame)) }
        unsafe host.incoming.append(frame.bytes.span.bytes, offload: frame.offload)
      }
    }
    // Called without packets too: it tells the stack the time before its program acts, and brings
    // back what the stack sends to itself.
    host.stack.receive(host.incoming, at: now)
    host.drainNotifications()
  }

  /// One batch a step; what is left over is the next event.
  private mutating func takeOutput(of source: Int) {
    let host = hosts[source]
    host.outgoing.removeAll()
    host.stack.poll(at: now, into: &host.outgoing)
    host.drainNotifications()
    for index in 0..<host.outgoing.count {
      let frame = Frame(host.outgoing.copy(at: index), offload: host.outgoing.offload(at: index))
      if capturingHost == source { captured.append((now, frame)) }
      let (packet, problems) = host.checks.inspect(frame, at: now)
      for text in problems {
        self.problems.append("host \(source) at \(now.transcriptText): \(text)")
      }
      guard let packet else { continue }
      transcript.note("host \(source):", packet, at: now)
      let last = Int(packet.ip.destination.bits & 0xFF) - 1
      guard hosts.indices.contains(last), last != source else { continue }
      let link = source * hosts.count + last
      links[link].send(frame, at: now)
      for error in links[link].takeErrors() {
        links[last * hosts.count + source].send(error, at: now)
      }
    }
  }
}
