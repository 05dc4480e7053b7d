// Level 3: two stacks over a link with bad luck from a seed. What arrives is what was sent, both
// ways, and both ends reach CLOSED. A failure names its seed and shows the transcript; the seed
// alone reproduces the run.

import Testing
import UserTCPSimulation

@testable import UserTCP

/// One run; everything about it follows from the seed.
struct NetworkRun {
  var network: Network
  var talk: Conversation
  let seed: UInt64

  init(seed: UInt64, link: LinkSettings, settings: StackSettings, largest: Int) throws {
    self.seed = seed
    var random = SeededRandom(seed: seed ^ 0x5EED)
    network = Network(
      seed: seed, link: link, settings: settings,
      offloads: random.happens(0.5) ? .all : .none)
    // Small transfers as often as large ones: handshakes and ends are where it breaks.
    func size() -> Int { Int(random.fraction() * random.fraction() * Double(largest)) }
    talk = try Conversation(
      on: network, clientSends: random.bytes(size()), serverSends: random.bytes(size()))
    if random.happens(0.3) { talk.readLimit = Int.random(in: 1...3000, using: &random) }
    if random.happens(0.3) { talk.writeSize = Int.random(in: 50...3000, using: &random) }
  }

  /// What went wrong; `nil` when all octets arrived and nothing is left.
  mutating func failure() -> String? {
    let limit = network.now + .seconds(4000)
    talk.act(on: network)
    var steps = 0
    var hasRead = true
    while !talk.isOver, talk.failure == nil, network.problems.isEmpty {
      let before = (talk.client.received, talk.server.received)
      let isQuiet = network.nextEvent > limit
      // A slow reader reads on while it waits for the next probe of its shut window.
      let readsOn = hasRead && network.nextEvent > network.now + .seconds(1)
      if !isQuiet, !readsOn { network.step() }
      steps += 1
      if steps % 64 == 0 { for host in network.hosts { host.stack.debugCheckInvariants() } }
      talk.act(on: network)
      hasRead = before != (talk.client.received, talk.server.received)
      // All may be quiet while a slow reader still has octets to read.
      if isQuiet, !hasRead, !talk.isOver {
        return report("silence before the end")
      }
    }
    if let failure = talk.failure { return report(failure) }
    if let problem = network.problems.first { return report(problem) }
    // Everybody has what was sent. Whatever retransmissions remain, then 2MSL, then nothing.
    network.run(until: network.now + .seconds(2000))
    for (index, host) in network.hosts.enumerated() {
      if host.stack.connectionCount != 0 { return report("host \(index) keeps a connection") }
      if host.stack.timeWaitCount != 0 { return report("host \(index) keeps TIME-WAIT") }
      if host.stack.bufferedBytes != 0 { return report("host \(index) keeps buffers") }
    }
    return network.problems.first.map(report)
  }

  private func report(_ text: String) -> String {
    "seed \(seed): \(text); client \(talk.client.received)/\(talk.client.expected.count), server "
      + "\(talk.server.received)/\(talk.server.expected.count)\n\(network.transcript)"
  }
}

@Suite struct RandomNetworkTests {
  /// Seeds 0 to 4,999 in blocks, so that they run side by side.
  @Test(arguments: 0..<20)
  func `all octets arrive in order over any bad link and both ends close`(_ block: Int) throws {
    for seed in UInt64(block * 250)..<UInt64(block * 250 + 250) {
      var random = SeededRandom(seed: seed)
      var link = LinkSettings()
      link.delay = .microseconds(Int64.random(in: 100...50_000, using: &random))
      link.jitter = .microseconds(
        random.happens(0.5) ? Int64.random(in: 0...20_000, using: &random) : 0)
      link.loss = random.happens(0.7) ? random.fraction() * 0.15 : 0
      link.duplication = random.happens(0.5) ? random.fraction() * 0.1 : 0
      link.reordering = random.happens(0.5) ? random.fraction() * 0.2 : 0
      link.corruption = random.happens(0.5) ? random.fraction() * 0.05 : 0
      if random.happens(0.3) {
        link.rate = Int.random(in: 20_000...2_000_000, using: &random)
        link.queueLimit = Int.random(in: 5_000...100_000, using: &random)
      }
      var settings = StackSettings(profile: random.happens(0.5) ? .linux : .rfc)
      settings.timestamps = random.happens(0.7) ? .randomOffset : .off
      settings.windowScaling = random.happens(0.7)
      settings.mtu = random.happens(0.3) ? Int.random(in: 300...9000, using: &random) : 1500
      if random.happens(0.3) {
        settings.receiveBuffer = Int.random(in: 1500...20_000, using: &random)
        settings.maximumReceiveBuffer = settings.receiveBuffer
      }
      var run = try NetworkRun(seed: seed, link: link, settings: settings, largest: 60_000)
      if let failure = run.failure() {
        Issue.record("\(failure)")
        return
      }
    }
  }

  @Test func `a good link carries a megabyte each way`() throws {
    for seed: UInt64 in 0..<4 {
      var link = LinkSettings()
      link.delay = .milliseconds(5)
      var network = Network(
        seed: seed, link: link, offloads: seed % 2 == 0 ? .all : .none)
      var random = SeededRandom(seed: seed)
      var talk = try Conversation(
        on: network, clientSends: random.bytes(1 << 20), serverSends: random.bytes(1 << 20))
      talk.act(on: network)
      let start = network.now
      while !talk.isOver, talk.failure == nil, network.step(until: start + .seconds(300)) {
        talk.act(on: network)
      }
      #expect(talk.failure == nil)
      #expect(talk.isOver, "\(network.transcript)")
      #expect(network.problems == [])
      #expect(network.now - start < .seconds(10), "no timeouts on a good link")
    }
  }

  @Test func `the same seed gives the same run`() throws {
    func transcript() throws -> String {
      var link = LinkSettings()
      link.loss = 0.1
      var run = try NetworkRun(seed: 42, link: link, settings: StackSettings(), largest: 50_000)
      #expect(run.failure() == nil)
      return run.network.transcript.description
    }
    #expect(try transcript() == transcript())
  }

  @Test func `three hosts talk to each other at once`() throws {
    var link = LinkSettings()
    link.loss = 0.02
    var network = Network(hosts: 3, seed: 9, link: link)
    var random = SeededRandom(seed: 9)
    var talks = try [(0, 1), (1, 2), (2, 0)].map { client, server in
      try Conversation(
        client: client, server: server, on: network, clientSends: random.bytes(30_000),
        serverSends: random.bytes(30_000))
    }
    let limit = network.now + .seconds(1000)
    repeat {
      for index in talks.indices { talks[index].act(on: network) }
    } while talks.contains { !$0.isOver && $0.failure == nil } && network.step(until: limit)
    #expect(talks.allSatisfy { $0.isOver && $0.failure == nil })
    #expect(network.problems == [])
  }
}
