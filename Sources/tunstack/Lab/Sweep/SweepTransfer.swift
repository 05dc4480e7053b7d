// One simulated transfer as the sweeps need it: flows from host 0 to host 1 over a link, checked octet by octet,
// run up to a time or to its end.

import UserTCPRuntime
import UserTCPSimulation

struct SweepTransfer {
  /// Steps at most; far more than any of the transfers takes.
  private static let largestNumberOfSteps = 20_000_000

  var network: Network
  private(set) var flows: [BulkFlow] = []
  private let start: Instant
  private var steps = 0

  init(
    flows count: Int = 1, octets: Int, over link: LinkSettings, seed: UInt64,
    offloads: OffloadCapabilities = .none, _ settings: StackSettings = StackSettings()
  ) throws(TCPError) {
    var settings = settings
    // No buffer decides.
    settings.maximumReceiveBuffer = 16 << 20
    settings.maximumSendBuffer = 16 << 20
    settings.receiveBuffer = 2 << 20
    settings.sendBuffer = 2 << 20
    network = Network(
      seed: seed, link: link, settings: settings, offloads: offloads, transcriptLimit: 0)
    start = network.now
    for index in 0..<count {
      flows.append(
        try BulkFlow(octets: octets, port: Port(UInt16(5001 + index)), on: network))
    }
  }

  var seconds: Double { (network.now - start).seconds }
  var sender: TCPCounters { network.hosts[BulkFlow.sender].stack.counters.tcp }

  /// Why it cannot go on; `nil` while all is well.
  var problem: String? {
    if let problem = network.problems.first { return problem }
    if steps >= Self.largestNumberOfSteps { return "\(steps) steps were not enough" }
    for flow in flows {
      if flow.isCorrupt { return "wrong octets have arrived" }
      if let failure = flow.failure { return "the connection broke: \(failure)" }
    }
    return nil
  }

  /// Until `time` since the start, until all octets have arrived, or as long as `goesOn`.
  mutating func run(until time: Interval, while goesOn: (Network) -> Bool = { _ in true }) {
    act()
    while !flows.allSatisfy(\.isOver), goesOn(network), problem == nil,
      network.step(until: start + time)
    {
      steps += 1
      act()
    }
  }

  /// Until the first flow has received so many octets, at most `time` since the start.
  mutating func run(untilReceived octets: Int, atMost time: Interval) {
    act()
    while flows[0].received < octets, !flows.allSatisfy(\.isOver), problem == nil,
      network.step(until: start + time)
    {
      steps += 1
      act()
    }
  }

  private mutating func act() {
    for index in flows.indices { flows[index].act(on: network) }
  }
}
