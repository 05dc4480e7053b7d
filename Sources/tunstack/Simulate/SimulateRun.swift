// A simulation from its first SYN to its end: lets the network step, the programs act, and takes a sample at
// equal distances of virtual time. Bounded by time, octets and steps.

import UserTCPRuntime
import UserTCPSimulation

struct SimulateRun: ~Copyable {
  /// One flow at a time.
  struct FlowSample: Sendable, Equatable {
    /// In octets.
    var congestionWindow = 0
    var slowStartThreshold: Int?
    /// Zero before the first measurement.
    var smoothedRoundTrip = Interval.zero
    var retransmissions = 0
    var received = 0
  }

  struct Sample: Sendable, Equatable {
    /// Since the start.
    var time: Interval
    var flows: [FlowSample]
    /// In octets, on the way of the data.
    var queue: Int
    /// Packets lost, and dropped by the full queue, so far.
    var lost: Int
    var overflowed: Int
  }

  /// What the run came to.
  struct Outcome {
    var duration = Interval.zero
    var samples: [Sample] = []
    /// Octets that the program of each flow has read, and how it ended if not well.
    var received: [Int] = []
    var failures: [TCPError?] = []
    /// Of the sending stack, and of the receiving one.
    var sender = TCPCounters()
    var receiver = TCPCounters()
    var link = Link.Statistics()
  }

  /// Far more than the largest transfer in the smallest packets needs.
  private static let largestNumberOfSteps = 100_000_000

  private let plan: SimulatePlan
  private let start: Instant
  private var network: Network
  private var flows: [BulkFlow] = []
  private var capture: PcapFile?
  private var trace: TraceFile?
  private(set) var outcome = Outcome()

  init(_ plan: SimulatePlan) throws(Failure) {
    self.plan = plan
    network = Network(
      seed: plan.seed, link: plan.link, settings: plan.settings, transcriptLimit: 0)
    network.changeLink(from: BulkFlow.receiver, to: BulkFlow.sender) { $0 = plan.path.back }
    start = network.now
    do throws(TCPError) {
      for index in 0..<plan.flows {
        flows.append(
          try BulkFlow(octets: plan.octets, port: Port(UInt16(5001 + index)), on: network))
      }
    } catch {
      throw Self.mistake("listening failed: \(error)")
    }
    try openCapture()
    try openTrace()
  }

  mutating func toEnd() throws(Failure) {
    let end = start + plan.duration
    var nextSample = start
    var steps = 0
    act()
    while network.now < end, !flows.allSatisfy(\.isOver) {
      if network.step(until: min(nextSample, end)) {
        act()
      } else if network.now >= nextSample {
        takeSample()
        nextSample = nextSample + plan.sampleInterval
      }
      if let problem = network.problems.first { throw Self.mistake(problem) }
      steps += 1
      guard steps < Self.largestNumberOfSteps else {
        throw Self.mistake("\(steps) steps were not enough")
      }
      try writeCapture()
      writeTrace()
    }
    if outcome.samples.last?.time != network.now - start { takeSample() }
    conclude()
    if flows.contains(where: \.isCorrupt) { throw Self.mistake("wrong octets have arrived") }
  }

  private mutating func act() {
    for index in flows.indices { flows[index].act(on: network) }
  }

  private mutating func takeSample() {
    let link = network.link(from: BulkFlow.sender, to: BulkFlow.receiver)
    let stack = network.hosts[BulkFlow.sender]
    outcome.samples.append(
      Sample(
        time: network.now - start,
        flows: flows.map { flow in
          var sample = FlowSample(received: flow.received)
          guard let row = flow.id.flatMap({ stack.stack.snapshot($0) }) else { return sample }
          sample.congestionWindow = row.congestionWindow
          sample.slowStartThreshold = row.slowStartThreshold
          sample.smoothedRoundTrip = row.smoothedRoundTripTime
          sample.retransmissions = row.retransmissions
          return sample
        },
        queue: link.octetsWaiting(at: network.now), lost: link.statistics.lost,
        overflowed: link.statistics.overflowed))
  }

  private mutating func conclude() {
    outcome.duration = network.now - start
    outcome.received = flows.map(\.received)
    outcome.failures = flows.map(\.failure)
    outcome.sender = network.hosts[BulkFlow.sender].stack.counters.tcp
    outcome.receiver = network.hosts[BulkFlow.receiver].stack.counters.tcp
    outcome.link = network.link(from: BulkFlow.sender, to: BulkFlow.receiver).statistics
  }

  private static func mistake(_ text: String) -> Failure {
    Failure(.system, "the simulation broke off: \(text); this is a mistake in tunstack")
  }

  // MARK: Capturing

  private mutating func openCapture() throws(Failure) {
    guard let path = plan.pcapPath else { return }
    network.capturingHost = BulkFlow.sender
    do throws(DeviceError) {
      var file = try PcapFile(path: path)
      try file.start()
      capture = consume file
    } catch {
      throw Failure(error)
    }
  }

  /// Times count from the start, as in the charts.
  private mutating func writeCapture() throws(Failure) {
    guard capture != nil else { return }
    for (time, frame) in network.takeCapture() {
      capture?.add(frame.bytes.span, frame.offload, at: (time - start).nanoseconds)
    }
    do throws(DeviceError) { try capture?.flush() } catch { throw Failure(error) }
  }

  // MARK: Tracing

  /// Times count from the start here, too.
  private mutating func openTrace() throws(Failure) {
    guard let plan = plan.trace else { return }
    trace = try plan.open(title: "tunstack simulate", from: start)
    network.hosts[BulkFlow.sender].stack.startTracing()
  }

  private func writeTrace() {
    guard let trace else { return }
    var events: [TraceEvent] = []
    let host = network.hosts[BulkFlow.sender]
    while let event = host.stack.nextTraceEvent() { events.append(event) }
    if !events.isEmpty { trace.write(events) }
  }
}
