// Loss recovery between two stacks over links with one kind of bad luck each: how fast the octets get
// through, and that no timeout was needed where RACK-TLP and PRR do without.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct RecoveryNetworkTests {
  /// One way, `count` octets; how long it took and what the sender counted.
  private func transfer(
    _ count: Int, over link: LinkSettings, seed: UInt64,
    _ change: (inout StackSettings) -> Void = { _ in }
  ) throws -> (seconds: Double, sender: TCPCounters, transcript: Transcript) {
    var settings = StackSettings()
    settings.maximumReceiveBuffer = 8 << 20
    settings.maximumSendBuffer = 8 << 20
    change(&settings)
    var network = Network(seed: seed, link: link, settings: settings, offloads: .all)
    var random = SeededRandom(seed: seed)
    var talk = try Conversation(
      on: network, clientSends: random.bytes(count), serverSends: [])
    talk.act(on: network)
    let start = network.now
    while talk.server.received < count, talk.failure == nil,
      network.step(until: start + .seconds(2000))
    {
      talk.act(on: network)
    }
    #expect(talk.failure == nil)
    #expect(network.problems == [])
    #expect(talk.server.received == count)
    let time = Double((network.now - start).nanoseconds) / 1e9
    return (time, network.hosts[0].stack.counters.tcp, network.transcript)
  }

  /// 20 ms RTT, 12.5 MB/s, a queue of one bandwidth-delay product.
  private var path: LinkSettings {
    var link = LinkSettings()
    link.delay = .milliseconds(10)
    link.rate = 12_500_000
    link.queueLimit = 250_000
    return link
  }

  @Test(arguments: 0..<2 as Range<UInt64>)
  func `a clean path is filled`(seed: UInt64) throws {
    let (seconds, sender, _) = try transfer(20_000_000, over: path, seed: seed)
    #expect(20_000_000 / seconds > 0.85 * 12_500_000, "\(20_000_000 / seconds) octets/s")
    #expect(sender.timeouts == 0)
  }

  // RACK-4
  @Test(arguments: 0..<4 as Range<UInt64>)
  func `reordering by an eighth of a round trip costs less than a tenth of the link`(
    seed: UInt64
  ) throws {
    var link = path
    link.reordering = 0.01
    link.reorderingDelay = .microseconds(2500)
    var transfer = try Transfer(octets: 14_000_000, over: link, seed: seed, offloads: .all)
    // Slow start ends with the queue's overflow, reordering or not: it is not what is measured.
    var time = Interval.zero
    while transfer.received() < 4_000_000, time < .seconds(10) {
      time = time + .milliseconds(20)
      transfer.run(until: time)
    }
    let (from, before) = (transfer.seconds, transfer.received())
    transfer.run(until: .seconds(20))
    transfer.check()
    let goodput = Double(transfer.received() - before) / (transfer.seconds - from)
    #expect(goodput > 0.9 * 12_500_000, "\(goodput) octets/s")
    #expect(transfer.sender.timeouts == 0)
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `one in a hundred lost is repaired almost without timeouts`(seed: UInt64) throws {
    var link = path
    link.loss = 0.01
    let (seconds, sender, transcript) = try transfer(3_000_000, over: link, seed: seed)
    #expect(sender.timeouts <= 2, "\(sender.timeouts) timeouts\n\(transcript)")
    #expect(seconds < 20, "\(seconds) s")
  }
}
