// What loss costs the processor: octets pass from one stack to another with a window of SEGMENTS segments
// of MTU size outstanding, clean and with one in a hundred lost, and the time that each stack takes for
// an octet is compared. The peer's window is the only limit, so that as much is outstanding whatever
// is lost; the congestion window is set aside. A round trip is 20 ms of virtual time.
//
//   swift run -c release -Xswiftc -enable-testing engine-recovery [SEGMENTS] [MEGABYTES]

import Glibc

@testable import UserTCP

/// Of this thread alone: other programs of the machine do not count.
func processorNanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// A stack, the time it has taken, and the frames it has sent.
struct Host: ~Copyable {
  var stack: ProtocolStack
  var id: ConnectionID?
  var spent: Int64 = 0
  var sent: [[UInt8]] = []
  private var outgoing = OutgoingBatch(capacity: 64)
  private var incoming = IncomingBatch(packetLimit: 64)

  init(_ last: UInt8, _ settings: StackSettings) {
    stack = ProtocolStack(
      settings: settings,
      interface: InterfaceAddress(IPv4Address(192, 0, 2, last), prefixLength: 24),
      secret: StackSecret(1, 2, 3, UInt64(last)))
  }

  /// The program writes as much as there is room for.
  mutating func write(_ chunk: [UInt8]) {
    guard let id else { return }
    let start = processorNanoseconds()
    while stack.writableBytes(id) >= chunk.count {
      guard (try? unsafe stack.write(id, chunk.span.bytes)) != nil else { break }
    }
    spent += processorNanoseconds() - start
  }

  /// The program reads all there is; returns how much.
  mutating func read() -> Int {
    guard let id, case .bytes(let count)? = try? stack.readable(id) else { return 0 }
    let start = processorNanoseconds()
    stack.consume(id, count)
    spent += processorNanoseconds() - start
    return count
  }

  mutating func receive(_ frames: ArraySlice<[UInt8]>, at now: Instant) {
    incoming.removeAll()
    for frame in frames { unsafe incoming.append(frame.span.bytes, offload: .none) }
    let start = processorNanoseconds()
    stack.receive(incoming, at: now)
    spent += processorNanoseconds() - start
    while stack.nextNotification() != nil {}
  }

  mutating func poll(at now: Instant) {
    repeat {
      let start = processorNanoseconds()
      stack.poll(at: now, into: &outgoing)
      spent += processorNanoseconds() - start
      for index in 0..<outgoing.count { sent.append(outgoing.copy(at: index)) }
      outgoing.removeAll()
    } while stack.hasOutput
  }

  mutating func takeSent() -> [[UInt8]] {
    defer { sent.removeAll(keepingCapacity: true) }
    return sent
  }
}

struct Path: ~Copyable {
  static let port: Port = 7
  static let delay = Interval.milliseconds(10)
  static let segmentSize = 1448

  var sender: Host
  var receiver: Host
  var now = Instant.zero + .seconds(1)
  var random = SeededRandom(seed: 1)
  var received = 0
  private let chunk = [UInt8](repeating: 42, count: 64 << 10)

  init(segments: Int) throws {
    var settings = StackSettings()
    settings.sendBuffer = 16 << 20
    settings.maximumSendBuffer = 16 << 20
    settings.receiveBuffer = segments * Self.segmentSize
    settings.maximumReceiveBuffer = segments * Self.segmentSize
    sender = Host(1, settings)
    receiver = Host(2, settings)
    let listener = try receiver.stack.listen(on: Self.port)
    sender.id = try sender.stack.connect(
      to: Endpoint(IPv4Address(192, 0, 2, 2), Self.port))
    for _ in 0..<3 { roundTrip(loss: 0) }
    receiver.id = receiver.stack.accept(listener)
  }

  /// All that is on its way arrives, and its acknowledgments after it.
  mutating func roundTrip(loss: Double) {
    fill()
    now = now + Self.delay
    let data = sender.takeSent()
    for index in data.indices {
      if Double(random.next() >> 11) / Double(1 << 53) < loss { continue }
      // One by one, so that as many acknowledgments go back as on a wire.
      receiver.receive(data[index...index], at: now)
      received += receiver.read()
      receiver.poll(at: now)
    }
    now = now + Self.delay
    let answers = receiver.takeSent()
    for start in stride(from: 0, to: answers.count, by: 64) {
      now = now + .microseconds(1)  // a turn of the loop has a moment of its own
      sender.receive(answers[start..<min(start + 64, answers.count)], at: now)
      fill()
    }
    if answers.isEmpty {
      now = max(now, sender.stack.nextDeadline)
      sender.poll(at: now)
    }
  }

  /// The program has always something to write, and the congestion window always room.
  private mutating func fill() {
    if let id = sender.id {
      sender.stack.connections[id.slot].congestion.setWindow(64 << 20)
      sender.write(chunk)
    }
    sender.poll(at: now)
  }
}

struct Cost {
  var sender: Double
  var receiver: Double
}

func measure(segments: Int, loss: Double, megabytes: Int) throws -> Cost {
  var path = try Path(segments: segments)
  while path.received < 3 * segments * Path.segmentSize { path.roundTrip(loss: loss) }
  let before = path.received
  let counters = path.sender.stack.counters.tcp
  (path.sender.spent, path.receiver.spent) = (0, 0)
  var rounds = 0
  while path.received - before < megabytes * 1_000_000 {
    path.roundTrip(loss: loss)
    rounds += 1
    guard rounds < 100_000 else { fatalError("nothing arrives any more") }
  }
  let octets = Double(path.received - before)
  let after = path.sender.stack.counters.tcp
  let cost = Cost(
    sender: Double(path.sender.spent) / octets, receiver: Double(path.receiver.spent) / octets)
  print(
    "\(segments) segments, \(loss * 100) % lost: sender \(cost.sender) ns, receiver "
      + "\(cost.receiver) ns an octet; \(rounds) round trips, "
      + "\(after.retransmissions - counters.retransmissions) retransmissions, "
      + "\(after.duplicatesReported - counters.duplicatesReported) in vain, "
      + "\(after.timeouts - counters.timeouts) timeouts")
  return cost
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let segments = arguments.first ?? 10_000
let megabytes = arguments.dropFirst().first ?? 300
for _ in 1...3 {
  let clean = try measure(segments: segments, loss: 0, megabytes: megabytes)
  let lossy = try measure(segments: segments, loss: 0.01, megabytes: megabytes)
  let both = (clean.sender + clean.receiver, lossy.sender + lossy.receiver)
  print(
    "with loss ÷ clean: sender \(lossy.sender / clean.sender), receiver "
      + "\(lossy.receiver / clean.receiver), both \(both.1 / both.0)")
}
