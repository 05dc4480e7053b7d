// One way and back: a transfer between two simulated stacks with everything that tests of throughput ask
// of it. A sender that never runs dry, a receiver that reads at once.

import Testing
import UserTCPSimulation

@testable import UserTCP

/// Large segments cost as much to simulate as small ones, so octets are few and segments many.
struct Transfer {
  var network: Network
  var talks: [Conversation]
  let start: Instant

  init(
    flows: Int = 1, octets: Int, over link: LinkSettings, seed: UInt64,
    offloads: OffloadCapabilities = .none, _ change: (inout StackSettings) -> Void = { _ in }
  ) throws {
    var settings = StackSettings()
    settings.receiveBuffer = 2 << 20
    settings.maximumReceiveBuffer = 8 << 20
    settings.sendBuffer = 2 << 20
    settings.maximumSendBuffer = 8 << 20
    change(&settings)
    network = Network(seed: seed, link: link, settings: settings, offloads: offloads)
    var random = SeededRandom(seed: seed)
    let bytes = random.bytes(octets)
    talks = []
    for flow in 0..<flows {
      talks.append(
        try Conversation(
          on: network, port: Port(UInt16(7 + flow)), clientSends: bytes, serverSends: []))
    }
    start = network.now
  }

  var sender: TCPCounters { network.hosts[0].stack.counters.tcp }
  var seconds: Double { Double((network.now - start).nanoseconds) / 1e9 }
  func received(_ flow: Int = 0) -> Int { talks[flow].server.received }

  /// Runs until `time` after the start, or until all has arrived.
  mutating func run(until time: Interval) {
    for index in talks.indices { talks[index].act(on: network) }
    while talks.contains(where: { $0.server.received < $0.server.expected.count }),
      !talks.contains(where: { $0.failure != nil }), network.problems.isEmpty,
      network.step(until: start + time)
    {
      for index in talks.indices { talks[index].act(on: network) }
    }
  }

  /// Nothing has gone wrong; for the end of a test.
  func check(sourceLocation: SourceLocation = #_sourceLocation) {
    for talk in talks { #expect(talk.failure == nil, sourceLocation: sourceLocation) }
    #expect(network.problems == [], sourceLocation: sourceLocation)
    for host in network.hosts { host.stack.debugCheckInvariants() }
  }
}
