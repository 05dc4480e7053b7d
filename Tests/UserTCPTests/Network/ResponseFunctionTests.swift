// How large a window grows when every 1/p-th segment is lost, against the formulas of the RFCs; and what two
// flows make of one link. In small segments, which cost the simulation as much as large ones.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct ResponseFunctionTests {
  private static let size = 248  // MTU 300, timestamps

  /// The mean window in segments over `cycles` losses; as many pass before, until the end of the first
  /// slow start is forgotten.
  private func window(
    _ algorithm: CongestionAlgorithm, period: Int, roundTrip: Interval, cycles: Int
  ) throws -> Double {
    var link = LinkSettings()
    link.delay = roundTrip / 2
    link.lossPeriod = period
    let total = (2 * cycles + 2) * period * Self.size
    var transfer = try Transfer(octets: total, over: link, seed: 1) {
      $0.mtu = 300
      $0.congestionAlgorithm = algorithm
    }
    var time = Interval.zero
    while transfer.received() < cycles * period * Self.size, time < .seconds(1000) {
      time = time + roundTrip
      transfer.run(until: time)
    }
    let (from, before) = (transfer.seconds, transfer.received())
    while transfer.received() < 2 * cycles * period * Self.size, time < .seconds(2000) {
      time = time + roundTrip
      transfer.run(until: time)
    }
    transfer.check()
    let rate = Double(transfer.received() - before) / Double(Self.size) / (transfer.seconds - from)
    return rate * Double(roundTrip.nanoseconds) / 1e9
  }

  /// RFC 5348 §3.1 in segments a round trip, b = 1 because octets are counted, t_RTO four round trips.
  private func reno(_ period: Int) -> Double {
    let p = 1 / Double(period)
    return 1 / ((2 * p / 3).squareRoot() + 12 * (3 * p / 8).squareRoot() * p * (1 + 32 * p * p))
  }

  // CC-5, CC-9
  @Test(arguments: [(100, 40), (1000, 10)])
  func `Reno's window is as its response function says`(_ period: Int, _ cycles: Int) throws {
    let window = try window(
      .reno, period: period, roundTrip: .milliseconds(100), cycles: cycles)
    #expect(abs(window / reno(period) - 1) < 0.15, "\(window) instead of \(reno(period))")
  }

  // CUB-1, CUB-2
  @Test(arguments: [(100, 100, 40), (1000, 100, 10), (1000, 200, 10)])
  func `CUBIC's window is as its response function says, and no less than Reno's`(
    _ period: Int, _ milliseconds: Int64, _ cycles: Int
  ) throws {
    let window = try window(
      .cubic, period: period, roundTrip: .milliseconds(milliseconds), cycles: cycles)
    // RFC 9438 §5.1, C = 0.4: 1.054 (RTT / p)^(3/4), or the Reno-friendly region's.
    let product = Double(milliseconds) / 1000 * Double(period)
    let expected = max(
      1.054 * product.squareRoot() * product.squareRoot().squareRoot(), reno(period))
    #expect(abs(window / expected - 1) < 0.15, "\(window) instead of \(expected)")
  }

  // CUB-1, CUB-4
  @Test(arguments: CongestionAlgorithm.allCases)
  func `two flows of equal round trip share a link`(_ algorithm: CongestionAlgorithm) throws {
    var link = LinkSettings()
    link.delay = .milliseconds(20)
    link.rate = 60_000
    link.queueLimit = 2400 * 2
    var transfer = try Transfer(flows: 2, octets: 4_000_000, over: link, seed: 3) {
      $0.mtu = 300
      $0.congestionAlgorithm = algorithm
    }
    transfer.run(until: .seconds(20))
    let before = [transfer.received(0), transfer.received(1)]
    transfer.run(until: .seconds(60))
    transfer.check()
    let shares = [0, 1].map { Double(transfer.received($0) - before[$0]) }
    #expect(shares.max()! / shares.min()! < 1.5, "\(shares)")
    #expect(shares.reduce(0, +) / 40 > 0.7 * 60_000, "\(shares)")
  }
}
