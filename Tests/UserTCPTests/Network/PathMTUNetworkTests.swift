// Transfers between two stacks whose path has a narrow place: with a router that says so, as a black hole,
// narrow from the start and narrowed on the way; every octet arrives, and none twice too often
// (RFC 1191, RFC 4821, REQUIREMENTS PMTU-2, PMTU-8, FRAG-1).

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct PathMTUNetworkTests {
  private func path(mtu: Int?, reports: Bool = true) -> LinkSettings {
    var link = LinkSettings()
    link.delay = .milliseconds(10)
    link.rate = 12_500_000
    link.queueLimit = 250_000
    link.mtu = mtu
    link.reportsTooBig = reports
    return link
  }

  private static let octets = 1_000_000

  /// Runs to the end, and says how many seconds that took.
  private func finish(_ transfer: inout Transfer, within limit: Interval) -> Double {
    transfer.run(until: limit)
    transfer.check()
    #expect(transfer.received() == Self.octets)
    return transfer.seconds
  }

  /// What the sender knows of the path now; 0: nothing.
  private func learnt(_ transfer: Transfer) -> Int {
    let hosts = transfer.network.hosts
    return Int(hosts[0].stack.context.paths.path(to: hosts[1].address)?.mtu ?? 0)
  }

  // PMTU-2, OFF-2
  @Test(arguments: [OffloadCapabilities.none, .all], [true, false])
  func `a path that is narrow from the start costs no timeout`(
    _ offloads: OffloadCapabilities, _ usesSACK: Bool
  ) throws {
    for seed: UInt64 in 0..<3 {
      var transfer = try Transfer(
        octets: Self.octets, over: path(mtu: 1000), seed: seed, offloads: offloads
      ) { $0.usesSACK = usesSACK }
      let seconds = finish(&transfer, within: .seconds(30))
      #expect(seconds < 2, "seed \(seed): \(seconds) s")
      #expect(transfer.sender.timeouts == 0, "seed \(seed)")
      #expect(transfer.network.hosts[0].stack.counters.icmp.unreachablesIn > 0)
    }
  }

  // PMTU-2, SEC-26
  @Test(arguments: [OffloadCapabilities.none, .all])
  func `a path that shrinks in the middle of a transfer is followed`(
    _ offloads: OffloadCapabilities
  ) throws {
    for seed: UInt64 in 0..<3 {
      var transfer = try Transfer(
        octets: Self.octets, over: path(mtu: nil), seed: seed, offloads: offloads)
      transfer.run(until: .milliseconds(100))
      #expect(transfer.received() > 0 && transfer.received() < Self.octets)
      transfer.network.changeLink(from: 0, to: 1) { $0.mtu = 1200 }
      let seconds = finish(&transfer, within: .seconds(30))
      // Larger ones had arrived, so one timeout has to prove the router right.
      #expect(transfer.sender.timeouts <= 2, "seed \(seed)")
      #expect(seconds < 5, "seed \(seed): \(seconds) s")
    }
  }

  // PMTU-8
  @Test(arguments: [OffloadCapabilities.none, .all], [true, false])
  func `a black hole is found and the transfer completes`(
    _ offloads: OffloadCapabilities, _ usesSACK: Bool
  ) throws {
    for seed: UInt64 in 0..<3 {
      var transfer = try Transfer(
        octets: Self.octets, over: path(mtu: 1300, reports: false), seed: seed,
        offloads: offloads
      ) {
        $0.usesSACK = usesSACK
        $0.pathProbing = .onBlackHole
      }
      let seconds = finish(&transfer, within: .seconds(60))
      #expect(seconds < 10, "seed \(seed): \(seconds) s")
      guard usesSACK else { continue }
      // The search has come close to the truth, and never sends in vain for long.
      let mtu = learnt(transfer)
      #expect((1285...1300).contains(mtu), "seed \(seed): \(mtu)")
      #expect(transfer.sender.pathProbesLost <= 6)
    }
  }

  // PMTU-8
  @Test func `without probing a black hole swallows everything`() throws {
    var transfer = try Transfer(
      octets: Self.octets, over: path(mtu: 1300, reports: false), seed: 1)
    transfer.run(until: .seconds(60))
    #expect(transfer.received() == 0)
  }

  // PMTU-8
  @Test(arguments: 0..<3 as Range<UInt64>)
  func `a path that becomes a black hole is found as well`(_ seed: UInt64) throws {
    var transfer = try Transfer(
      octets: Self.octets, over: path(mtu: nil), seed: seed, offloads: .all
    ) { $0.pathProbing = .onBlackHole }
    transfer.run(until: .milliseconds(100))
    transfer.network.changeLink(from: 0, to: 1) {
      $0.mtu = 1100
      $0.reportsTooBig = false
    }
    let seconds = finish(&transfer, within: .seconds(60))
    #expect(seconds < 10, "\(seconds) s")
  }

  // PMTU-8
  @Test(arguments: 0..<3 as Range<UInt64>)
  func `a search that always runs finds a wide path and costs nothing on it`(
    _ seed: UInt64
  ) throws {
    var transfer = try Transfer(
      octets: Self.octets, over: path(mtu: nil), seed: seed, offloads: .all
    ) { $0.pathProbing = .always }
    _ = finish(&transfer, within: .seconds(60))
    #expect(learnt(transfer) > 1492)
    #expect(transfer.sender.pathProbesArrived == 6)
    #expect(transfer.sender.timeouts == 0)
  }

  // PMTU-8
  @Test(arguments: 0..<6 as Range<UInt64>)
  func `loss beside a narrow path does not stop a transfer`(_ seed: UInt64) throws {
    var link = path(mtu: 1300, reports: seed % 2 == 0)
    link.loss = 0.02
    link.reordering = 0.02
    var transfer = try Transfer(
      octets: Self.octets, over: link, seed: seed, offloads: seed % 3 == 0 ? .none : .all
    ) { $0.pathProbing = seed < 3 ? .always : .onBlackHole }
    let seconds = finish(&transfer, within: .seconds(300))
    #expect(seconds < 60, "\(seconds) s")
  }

  // FRAG-1, SYS-32
  @Test(arguments: 0..<3 as Range<UInt64>)
  func `without discovery a router's fragments are put together`(_ seed: UInt64) throws {
    var link = path(mtu: 700)
    link.reordering = 0.02
    link.loss = 0.002
    var transfer = try Transfer(octets: 300_000, over: link, seed: seed) {
      $0.pathMTUDiscovery = .off
    }
    transfer.run(until: .seconds(60))
    transfer.check()
    #expect(transfer.received() == 300_000)
    let receiver = transfer.network.hosts[1].stack.counters.ip
    #expect(receiver.datagramsReassembled > 100)
    #expect(receiver.fragmentsReceived >= 3 * receiver.datagramsReassembled)
    // What has lost a fragment is gone after its time.
    transfer.network.run(until: transfer.network.now + .seconds(40))
    #expect(transfer.network.hosts[1].stack.fragmentBytes == 0)
  }
}
