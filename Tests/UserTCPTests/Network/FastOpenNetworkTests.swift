// Fast Open between two stacks over bad links: whatever is lost, doubled or late, the octets that arrive are
// those that were sent, and nothing stays pending.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct FastOpenNetworkTests {
  private static let modes: [FastOpenMode] = [
    [.client, .server], [.client, .server, .allListeners],
    [.client, .clientWithoutCookie, .server, .serverWithoutCookie],
    [.client, .clientWithoutCookie],
  ]

  // TFO-2
  @Test(arguments: 0..<10)
  func `all octets arrive over any bad link, on the SYN or later`(_ block: Int) throws {
    var opened: UInt64 = 0
    for seed in UInt64(block * 20)..<UInt64(block * 20 + 20) {
      var random = SeededRandom(seed: seed ^ 0xFA57)
      var link = LinkSettings()
      link.delay = .microseconds(Int64.random(in: 100...30_000, using: &random))
      link.loss = random.happens(0.7) ? random.fraction() * 0.2 : 0
      link.reordering = random.happens(0.3) ? random.fraction() * 0.2 : 0
      var settings = StackSettings()
      settings.fastOpen = Self.modes.randomElement(using: &random)!
      settings.timestamps = random.happens(0.5) ? .randomOffset : .off
      settings.usesSACK = random.happens(0.5)
      settings.userTimeoutLimit = random.happens(0.5) ? .seconds(4000) : .zero
      if random.happens(0.3) {
        settings.receiveBuffer = Int.random(in: 300...3000, using: &random)
        settings.maximumReceiveBuffer = settings.receiveBuffer
      }
      var network = Network(
        seed: seed, link: link, settings: settings, offloads: random.happens(0.5) ? .all : .none)
      for port: UInt16 in 7...12 {
        if let failure = try talk(on: &network, port, &random) {
          Issue.record("seed \(seed), port \(port): \(failure)\n\(network.transcript)")
          return
        }
        for host in network.hosts { host.stack.debugCheckInvariants() }
      }
      let server = network.hosts[1]
      opened += server.stack.counters.tcp.fastOpenPassive
      for slot in server.stack.listeners.pool.slots
      where server.stack.listeners.pool.id(at: slot) != nil {
        #expect(server.stack.listeners.pool[slot].fastOpen.pending == 0, "seed \(seed)")
      }
    }
    // Otherwise this would test nothing.
    #expect(opened > 20)
  }

  private func talk(
    on network: inout Network, _ port: UInt16, _ random: inout SeededRandom
  ) throws -> String? {
    func size() -> Int { Int(random.fraction() * random.fraction() * 20_000) }
    var talk = try Conversation(
      on: network, port: Port(port), clientSends: random.bytes(size()),
      serverSends: random.bytes(size()), asksFastOpen: true)
    let limit = network.now + .seconds(4000)
    repeat {
      talk.act(on: network)
    } while !talk.isOver && talk.failure == nil && network.problems.isEmpty
      && network.step(until: limit)
    if let failure = talk.failure ?? network.problems.first { return failure }
    return talk.isOver ? nil : "silence before the end"
  }
}
