// What must hold on all paths, as cases that are run one by one: each is a few numbers, so that a case that fails
// is repeated by its name.

import UserTCPRuntime
import UserTCPSimulation

enum SweepCase: Sendable, Hashable {
  /// Every octet arrives over a path drawn from the seed, with mechanisms switched off by chance.
  case path(seed: UInt64)
  /// Every `period`-th segment is lost: the window is what the RFC's formula says, within 15 %.
  case response(CongestionAlgorithm, period: Int, milliseconds: Int64)
  /// Two flows of equal round trip share within a factor of 1.5 over 60 s after the first 20; the median of
  /// five seeds.
  case fairness(CongestionAlgorithm, kilobytes: Int, milliseconds: Int64)
  /// 1 % of packets late by a part of the round trip, none lost: at least 90 % of the link.
  case reordering(megabits: Int, milliseconds: Int64, eighths: Int, seed: UInt64)
  /// The last segment is lost: sent again within 2 SRTT + 2 ms, and no timeout.
  case tail(segments: Int, milliseconds: Int64)

  struct Outcome: Sendable {
    var `case`: SweepCase
    /// What its group is judged by: seconds, or a ratio.
    var value: Double
    /// Why it is a violation.
    var problem: String?
  }

  func run() -> Outcome {
    do throws(TCPError) {
      switch self {
      case .path(let seed): return try path(seed)
      case .response(let algorithm, let period, let milliseconds):
        return try response(algorithm, period, .milliseconds(milliseconds))
      case .fairness(let algorithm, let kilobytes, let milliseconds):
        return try fairness(algorithm, kilobytes * 1000, .milliseconds(milliseconds))
      case .reordering(let megabits, let milliseconds, let eighths, let seed):
        return try reordering(
          megabits, .milliseconds(milliseconds), .milliseconds(milliseconds) / 64 * Int64(eighths),
          seed)
      case .tail(let segments, let milliseconds):
        return try tail(segments, .milliseconds(milliseconds))
      }
    } catch {
      return Outcome(case: self, value: 0, problem: "listening failed: \(error)")
    }
  }

  private func outcome(_ value: Double, _ problems: String?...) -> Outcome {
    Outcome(case: self, value: value, problem: problems.compactMap(\.self).first)
  }

  // MARK: Paths

  /// Round trips of 1 to 200 ms, 1 to 1000 Mbit/s, queues of 0.1 to 4 bandwidth-delay products, up to 5 %
  /// of random or burst loss and of reordering.
  static func link(_ random: inout SeededRandom) -> LinkSettings {
    var link = LinkSettings()
    // Uniform in the logarithm: as many short paths as long ones.
    var roundTrip = 1.0
    for _ in 0..<Int(random.fraction() * 76) { roundTrip *= 1.0723 }
    link.delay = .microseconds(Int64(roundTrip * 500))
    let rates = [1, 2, 5, 10, 30, 100, 300, 1000]
    let megabits = rates[Int(random.next() % UInt64(rates.count))]
    link.rate = megabits * 125_000
    let product = Double(megabits) * 125 * roundTrip
    link.queueLimit = max(1600, Int(product * (0.1 + 3.9 * random.fraction())))
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

  private func path(_ seed: UInt64) throws(TCPError) -> Outcome {
    var random = SeededRandom(seed: seed ^ 0xACED)
    let link = Self.link(&random)
    var settings = StackSettings()
    let isOff = Self.switchOff(&settings, &random)
    // One in eight is long enough to fill the path.
    let octets = seed % 8 == 0 ? 2_000_000 : 150_000
    var transfer = try SweepTransfer(
      octets: octets, over: link, seed: seed, offloads: random.happens(0.7) ? .all : .none,
      settings)
    transfer.run(until: .seconds(6000))
    let received = transfer.flows[0].received
    // Orders of magnitude more than the path needs would be a stall. With neither SACK nor timestamps Karn's
    // rule keeps a timeout backed off until something is sent only once: minutes on the worst paths.
    let patience = settings.usesSACK || settings.timestamps != .off ? 300.0 : 3000
    return outcome(
      transfer.seconds, transfer.problem,
      received == octets ? nil : "\(received) of \(octets) octets in \(transfer.seconds.text(0)) s",
      transfer.seconds < patience * Double(octets) / 150_000
        ? nil
        : "it took \(transfer.seconds.text(0)) s with \(transfer.sender.timeouts) timeouts, off: "
          + isOff.joined(separator: " "))
  }

  /// Each mechanism by chance; returns the names of what is off.
  private static func switchOff(
    _ settings: inout StackSettings, _ random: inout SeededRandom
  ) -> [String] {
    let switches: [(String, (inout StackSettings) -> Void)] = [
      ("tcp_sack", { $0.usesSACK = false }), ("tcp_dsack", { $0.reportsDuplicates = false }),
      ("tcp_recovery", { $0.usesRACK = false }),
      ("tcp_early_retrans", { $0.usesTailLossProbe = false }),
      ("tcp_frto", { $0.usesForwardRTO = false }), ("hystart", { $0.usesHyStart = false }),
      ("tcp_timestamps", { $0.timestamps = .off }), ("cubic", { $0.congestionAlgorithm = .reno }),
      ("tcp_slow_start_after_idle", { $0.restartsAfterIdle = false }),
    ]
    return switches.compactMap { name, off in
      guard !random.happens(0.75) else { return nil }
      off(&settings)
      return name
    }
  }

  // MARK: Response functions

  private static let smallSegment = 248  // MTU 300, with timestamps

  private func response(
    _ algorithm: CongestionAlgorithm, _ period: Int, _ roundTrip: Interval
  ) throws(TCPError) -> Outcome {
    var link = LinkSettings()
    link.delay = roundTrip / 2
    link.lossPeriod = period
    // The first slow start ends with the first loss, at hundreds of times the window that will be: it takes
    // some twenty losses until that is forgotten.
    let cycle = period * Self.smallSegment
    let measured = max(10, 4000 / period) * cycle
    let warm = measured + 20 * cycle
    var transfer = try SweepTransfer(
      octets: warm + measured + 2 * cycle, over: link, seed: 1, .small(algorithm))
    transfer.run(untilReceived: warm, atMost: .seconds(20_000))
    let (from, before) = (transfer.seconds, transfer.flows[0].received)
    transfer.run(untilReceived: warm + measured, atMost: .seconds(40_000))
    let received = transfer.flows[0].received - before
    let window =
      Double(received) / Double(Self.smallSegment) / (transfer.seconds - from) * roundTrip.seconds
    let expected = Self.expectedWindow(algorithm, period, roundTrip)
    let ratio = window / expected
    return outcome(
      ratio, transfer.problem,
      abs(ratio - 1) < 0.15
        ? nil : "a window of \(window.text(1)) segments instead of \(expected.text(1))")
  }

  /// RFC 5348 §3.1 for Reno, in segments, with b = 1 because octets are counted and t_RTO four round
  /// trips; RFC 9438 §5.1 for CUBIC with C = 0.4, or Reno's where that is more.
  private static func expectedWindow(
    _ algorithm: CongestionAlgorithm, _ period: Int, _ roundTrip: Interval
  ) -> Double {
    let p = 1 / Double(period)
    let reno =
      1 / ((2 * p / 3).squareRoot() + 12 * (3 * p / 8).squareRoot() * p * (1 + 32 * p * p))
    guard algorithm == .cubic else { return reno }
    let product = roundTrip.seconds * Double(period)
    return max(1.054 * product.squareRoot() * product.squareRoot().squareRoot(), reno)
  }

  // MARK: Fairness

  private func fairness(
    _ algorithm: CongestionAlgorithm, _ rate: Int, _ roundTrip: Interval
  ) throws(TCPError) -> Outcome {
    var link = LinkSettings()
    link.delay = roundTrip / 2
    link.rate = rate
    link.queueLimit = max(2 * Int(Double(rate) * roundTrip.seconds), 3000)
    // Without chance it is always the same flow that finds the queue full (Floyd and Jacobson, "On traffic
    // phase effects in packet-switched gateways", 1992): up to the time that a packet takes is their remedy.
    link.jitter = .nanoseconds(Int64(300e9 / Double(rate)))
    var runs: [(ratio: Double, shares: [Int])] = []
    for seed in 1...5 as ClosedRange<UInt64> {
      var transfer = try SweepTransfer(
        flows: 2, octets: rate * 100, over: link, seed: seed, .small(algorithm))
      transfer.run(until: .seconds(20))
      let before = transfer.flows.map(\.received)
      transfer.run(until: .seconds(80))
      if let problem = transfer.problem { return outcome(0, problem) }
      let shares = zip(transfer.flows, before).map { $0.received - $1 }
      runs.append((Double(shares.max()!) / Double(max(shares.min()!, 1)), shares))
    }
    runs.sort { $0.ratio < $1.ratio }
    let median = runs[runs.count / 2]
    return outcome(
      median.ratio,
      median.ratio < 1.5 ? nil : "\(median.shares[0]) and \(median.shares[1]) octets in 60 s")
  }

  // MARK: Reordering

  private func reordering(
    _ megabits: Int, _ roundTrip: Interval, _ lateness: Interval, _ seed: UInt64
  ) throws(TCPError) -> Outcome {
    var link = LinkSettings()
    link.delay = roundTrip / 2
    link.rate = megabits * 125_000
    let product = Int(Double(megabits * 125_000) * roundTrip.seconds)
    link.queueLimit = max(product, 6000)
    link.reordering = 0.01
    link.reorderingDelay = lateness
    // Slow start ends with the queue's overflow, reordering or not: neither that nor the transfer's end, where
    // nothing is left to fill the link with, is what is measured.
    let warm = max(12 * product, 4_000_000)
    let measured = max(40 * product, 8_000_000)
    var transfer = try SweepTransfer(
      octets: warm + measured + 8 * product, over: link, seed: seed, offloads: .all)
    transfer.run(untilReceived: warm, atMost: .seconds(600))
    let (from, before) = (transfer.seconds, transfer.flows[0].received)
    transfer.run(untilReceived: warm + measured, atMost: .seconds(1200))
    let received = transfer.flows[0].received - before
    let share = Double(received) / (transfer.seconds - from) / Double(megabits * 125_000)
    return outcome(
      share, transfer.problem,
      share >= 0.9
        ? nil : "\((100 * share).text(1)) % of the link, \(transfer.sender.timeouts) timeouts")
  }

  // MARK: The tail

  private func tail(_ segments: Int, _ roundTrip: Interval) throws(TCPError) -> Outcome {
    var link = LinkSettings()
    link.delay = roundTrip / 2
    link.lossPeriod = segments
    let octets = segments * SimulatePlan.segmentSize
    var transfer = try SweepTransfer(octets: octets, over: link, seed: 1)
    let host = transfer.network.hosts[BulkFlow.sender]
    host.stack.startTracing(limit: 1 << 16)
    transfer.run(until: .seconds(60)) { $0.link(from: 0, to: 1).statistics.lost == 0 }
    transfer.network.changeLink(from: 0, to: 1) { $0.lossPeriod = nil }
    transfer.run(until: .seconds(60))
    var events: [TraceEvent] = []
    while let event = host.stack.nextTraceEvent() { events.append(event) }
    let tail = LostTail(events)
    let isWhole = transfer.flows[0].received == octets
    let allowed = tail.smoothed * 2 + .milliseconds(tail.isAlone ? 202 : 2)
    let waited = tail.waited ?? .forever
    return outcome(
      waited == .forever ? 0 : waited.milliseconds / max(tail.smoothed.milliseconds, 0.001),
      transfer.problem, isWhole ? nil : "\(transfer.flows[0].received) of \(octets) octets",
      transfer.sender.timeouts == 0 ? nil : "\(transfer.sender.timeouts) timeouts",
      waited <= allowed
        ? nil
        : "sent again after \(waited.milliseconds.text(1)) ms, allowed are "
          + "\(allowed.milliseconds.text(1)) ms")
  }
}

extension StackSettings {
  /// Small segments cost a simulation as much as large ones.
  fileprivate static func small(_ algorithm: CongestionAlgorithm) -> StackSettings {
    var settings = StackSettings()
    settings.mtu = 300
    settings.congestionAlgorithm = algorithm
    return settings
  }
}

/// How a lost tail was repaired, of a sender's trace.
private struct LostTail {
  /// From the last event that starts the probe's timer to the retransmission; `nil`: there was none.
  private(set) var waited: Interval?
  private(set) var smoothed = Interval.zero
  /// Nothing else was in flight.
  private(set) var isAlone = false

  init(_ events: [TraceEvent]) {
    var start = Instant.zero
    var (sent, acknowledged) = (UInt32(0), UInt32(0))
    for event in events {
      switch event.what {
      case .roundTripMeasured(let measured): smoothed = measured.smoothed
      case .segmentReceived(let segment) where segment.acknowledgment != acknowledged:
        acknowledged = segment.acknowledgment
        start = event.time
      case .segmentSent(let segment) where segment.length > 0:
        if segment.isRetransmission {
          waited = event.time - start
          isAlone = sent &- acknowledged <= UInt32(SimulatePlan.segmentSize)
          return
        }
        sent = segment.sequence &+ segment.length
        start = event.time
      default: break
      }
    }
  }
}
