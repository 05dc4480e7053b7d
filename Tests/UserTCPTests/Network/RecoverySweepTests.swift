// Loss recovery over paths of all kinds: round trips 1 to 200 ms, 1 to 1000 Mbit/s, queues of 0.1 to 4
// bandwidth-delay products, random and burst loss, reordering, and every mechanism on or off by chance.
// Judged by octets: each arrives, and in order. A seed is a path.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct RecoverySweepTests {
  private func link(_ random: inout SeededRandom) -> LinkSettings {
    var link = LinkSettings()
    let milliseconds = Double.random(in: 0...1, using: &random)
    // Uniform in the logarithm: as many short paths as long ones.
    var roundTrip = 1.0
    for _ in 0..<Int(milliseconds * 76) { roundTrip *= 1.0723 }
    link.delay = .microseconds(Int64(roundTrip * 500))
    let megabits = [1, 2, 5, 10, 30, 100, 300, 1000].randomElement(using: &random)!
    link.rate = megabits * 125_000
    let product = Double(megabits) * 125 * roundTrip
    link.queueLimit = max(1600, Int(product * Double.random(in: 0.1...4, using: &random)))
    if random.happens(0.6) { link.loss = random.fraction() * 0.05 }
    if random.happens(0.3) {
      // Up to two round trips in which nothing gets through.
      link.lossBurst = .microseconds(Int64(roundTrip * 2000 * random.fraction()))
      link.loss /= 10
    }
    if random.happens(0.4) {
      link.reordering = random.fraction() * 0.05
      link.reorderingDelay = .microseconds(Int64(roundTrip * 1000 * random.fraction()))
    }
    return link
  }

  /// On two paths of five routers mark, from half the queue on or by chance. Drawn apart, so that the
  /// paths stay what they were.
  private func ecn(of link: LinkSettings, seed: UInt64) -> LinkECN? {
    var random = SeededRandom(seed: seed ^ 0xECEC)
    guard random.happens(0.4) else { return nil }
    var ecn = LinkECN()
    ecn.markThreshold = link.queueLimit / 2
    if random.happens(0.3) { ecn.marking = random.fraction() * 0.05 }
    return ecn
  }

  @Test(arguments: 0..<12)
  func `whatever is switched off and whatever the path, all octets arrive`(_ block: Int) throws {
    for seed in UInt64(block * 12)..<UInt64(block * 12 + 12) {
      var random = SeededRandom(seed: seed ^ 0xACED)
      var link = link(&random)
      let ecn = ecn(of: link, seed: seed)
      if let ecn { link.ecn = ecn }
      var switches: [Bool] = []
      for _ in 0..<9 { switches.append(random.happens(0.75)) }
      var transfer = try Transfer(
        octets: 150_000, over: link, seed: seed, offloads: random.happens(0.7) ? .all : .none
      ) {
        $0.usesSACK = switches[0]
        $0.reportsDuplicates = switches[1]
        $0.usesRACK = switches[2]
        $0.usesTailLossProbe = switches[3]
        $0.usesForwardRTO = switches[4]
        $0.usesHyStart = switches[5]
        $0.timestamps = switches[6] ? .randomOffset : .off
        $0.congestionAlgorithm = switches[7] ? .cubic : .reno
        $0.restartsAfterIdle = switches[8]
        $0.ecn = ecn == nil ? .off : .request
      }
      transfer.run(until: .seconds(3000))
      transfer.check()
      #expect(
        transfer.received() == 150_000, "seed \(seed) \(link)\n\(transfer.network.transcript)")
      // Two orders of magnitude more time than the path itself needs would be a stall.
      #expect(transfer.seconds < 300, "seed \(seed): \(transfer.seconds) s, \(link)")
      if transfer.seconds >= 300 || transfer.received() != 150_000 { return }
    }
  }
}
