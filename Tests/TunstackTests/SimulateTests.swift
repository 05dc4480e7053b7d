// `tunstack simulate`: its options, that a seed decides all, and that the numbers it prints fit each other.
// Runs of a few virtual seconds; none takes a second of ours.

import Foundation
import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct SimulateTests {
  private static func plan(_ words: [String]) throws -> SimulatePlan {
    try SimulatePlan(try SimulateCommand.parse(words))
  }

  private static func report(_ words: [String]) throws -> SimulateReport {
    let plan = try plan(words)
    var run = try SimulateRun(plan)
    try run.toEnd()
    return SimulateReport(plan: plan, outcome: run.outcome)
  }

  // MARK: Options

  @Test func `without options there are 10 Mbit per second, 20 ms and a queue of one BDP`() throws {
    let plan = try Self.plan([])
    #expect(plan.link.rate == 1_250_000)
    #expect(plan.link.delay == .milliseconds(20))
    #expect(plan.path.bandwidthDelayProduct == 50_000)
    #expect(plan.path.queuePackets == 33)
    #expect(plan.duration == .seconds(30))
    #expect(plan.octets == 1 << 31)
    #expect(plan.settings.congestionAlgorithm == .cubic)
  }

  @Test func `bad luck is the data's alone unless both ways are asked for`() throws {
    let one = try Self.plan(["--loss", "2%", "--queue", "5"])
    #expect(one.link.loss == 0.02)
    #expect(one.path.back.loss == 0)
    #expect(one.path.back.rate == one.link.rate)
    #expect(one.path.back.queueLimit == one.link.queueLimit)
    #expect(try Self.plan(["--loss", "2", "--both-ways"]).path.back.loss == 0.02)
  }

  @Test func `octets are for each flow and leave the time open`() throws {
    let plan = try Self.plan(["--octets", "1000000", "--flows", "4"])
    #expect(plan.octets == 1_000_000)
    #expect(plan.duration == .seconds(3600))
    #expect(try Self.plan(["--flows", "4"]).octets == 1 << 29)
  }

  @Test func `settings have Linux's names, and buffers hold more than the path does`() throws {
    let plan = try Self.plan([
      "--set", "tcp_recovery=0", "--algorithm", "reno", "--rate", "1000", "--queue", "2bdp",
    ])
    #expect(!plan.settings.usesRACK)
    #expect(plan.settings.congestionAlgorithm == .reno)
    #expect(plan.settings.maximumReceiveBuffer >= 3 * plan.path.bandwidthDelayProduct)
    let small = try Self.plan(["--set", "tcp_rmem=4096 131072 131072"])
    #expect(small.settings.maximumReceiveBuffer == 65_536, "the command line has the last word")
  }

  @Test(arguments: [
    (["--rate", "fast"], "--rate: 'fast' does not fit; take 0.01 to 10000 Mbit/s"),
    (["--rate", "nan"], "--rate: 'nan' does not fit"),
    (["--rate", "inf"], "--rate: 'inf' does not fit"),
    (["--delay", "0"], "--delay: '0' does not fit; take 0.01 to 10000 ms"),
    (["--jitter=-1"], "--jitter: '-1' does not fit; take 0 to 10000 ms"),
    (["--queue", "0"], "take 1 to 100000 packets, or 0.01bdp to 100bdp"),
    (["--queue", "xbdp"], "take 1 to 100000 packets, or 0.01bdp to 100bdp"),
    (["--loss", "101"], "--loss: '101' does not fit; take 0 to 100 percent"),
    (["--corruption", "%"], "--corruption: '' does not fit"),
    (["--seed", "-"], "--seed: '-' does not fit"),
    (["--seconds", "3601"], "--seconds: '3601' does not fit; take 0.1 to 3600 s"),
    (["--flows", "17"], "--flows: '17' does not fit; take 1 to 16"),
    (["--octets", "2147483649"], "take 1 to 2147483648"),
    (["--octets", "2147483648", "--flows", "2"], "take 1 to 1073741824"),
    (["--algorithm", "bbr"], "--algorithm: 'bbr' is out of range; tcp_congestion_control is"),
    (["--set", "tcp_sack"], "--set: 'tcp_sack' is not a setting; write it like"),
  ])
  func `a mistake in an option is one line and exit code 64`(
    _ words: [String], _ text: String
  ) throws {
    let failure = try #require(throws: Failure.self) { _ = try Self.plan(words) }
    #expect(failure.status == .usage)
    #expect(failure.description.contains(text), "\(failure)")
    #expect(!failure.description.contains("\n"))
  }

  // MARK: Runs

  private static let lossy = [
    "--seconds", "2", "--rate", "5", "--loss", "2", "--reordering", "1", "--corruption", "1",
    "--duplication", "1",
  ]

  @Test func `a seed gives the same run to the last octet, and another seed another`() throws {
    let (first, second) = (try Self.report(Self.lossy), try Self.report(Self.lossy))
    #expect(first.lines == second.lines)
    #expect(first.csv == second.csv)
    #expect(first.chart.text == second.chart.text)
    #expect(try Self.report(Self.lossy + ["--seed", "2"]).csv != first.csv)
  }

  @Test func `what is lost, damaged or dropped is sent again, and little else`() throws {
    let outcome = try Self.report(Self.lossy).outcome
    let (link, sender) = (outcome.link, outcome.sender)
    #expect(link.lost > 0 && link.corrupted > 0 && link.duplicated > 0 && link.reordered > 0)
    let gone = UInt64(link.lost + link.corrupted + link.overflowed)
    // Of what was lost last the sender does not know yet.
    #expect(sender.retransmissions <= gone + sender.duplicatesReported + sender.lossProbes)
    #expect(sender.retransmissions + 10 >= gone)
    #expect(UInt64(link.offered) == sender.segmentsOut + sender.retransmissions)
    #expect(sender.sackRecoveries > 0)
    #expect(outcome.receiver.checksumErrors <= UInt64(link.corrupted))
    #expect(outcome.failures == [nil])
  }

  @Test func `a good path is used whole, and its queue never holds more than it may`() throws {
    let report = try Self.report(["--seconds", "2", "--queue", "20"])
    // Headers take 52 of 1500 octets.
    #expect(report.goodput > 9 && report.goodput < 9.66, "\(report.goodput)")
    let queues = report.outcome.samples.map(\.queue)
    #expect(queues.max()! > 10 * 1500 && queues.max()! <= 20 * 1500)
    // With an empty queue the round trip is the path's, with a full one half as much again.
    let last = try #require(report.outcome.samples.last?.flows.first?.smoothedRoundTrip)
    #expect(last >= .milliseconds(40) && last <= .milliseconds(70))
  }

  @Test func `octets end a run as soon as each flow's have arrived`() throws {
    let report = try Self.report(["--octets", "300000", "--flows", "3"])
    #expect(report.outcome.received == [300_000, 300_000, 300_000])
    #expect(report.outcome.duration < .seconds(3))
    #expect(report.lines.contains { $0.contains("fairness") && $0.contains("1.000 of 1") })
  }

  @Test func `a path that loses all ends as the settings say, and it is told`() throws {
    let report = try Self.report([
      "--loss", "100", "--seconds", "60", "--set", "tcp_syn_retries=2",
    ])
    #expect(report.outcome.failures == [.timedOut])
    #expect(report.goodput == 0)
    #expect(report.lines.contains { $0.contains("flow 1 broke") })
    #expect(report.outcome.duration < .seconds(60))
  }

  // MARK: Files

  @Test func `the table has a column for each number of each flow and a row for each sample`()
    throws
  {
    let one = try Self.report(["--seconds", "1"]).csv
    #expect(
      one.header == [
        "seconds", "queue_octets", "lost", "overflowed", "cwnd", "ssthresh", "srtt_us",
        "retransmissions", "received",
      ])
    // Every 10 ms and at both ends.
    #expect(one.rows.count == 101)
    #expect(one.rows[1][0] == "0.010")
    let two = try Self.report(["--seconds", "1", "--flows", "2", "--rate", "1"]).csv
    #expect(two.header.suffix(2) == ["retransmissions_2", "received_2"])
    #expect(two.rows.allSatisfy { $0.count == two.header.count })
  }

  @Test func `charts end with the run`() throws {
    let report = try Self.report(["--seconds", "2.5", "--rate", "1"])
    let lines = report.terminalCharts(width: 60)
    #expect(lines.allSatisfy { $0.count <= 60 })
    #expect(lines.filter { $0.hasSuffix(" 2.5 s") }.count == 3)
    let text = report.chart.text
    #expect(text.contains("congestion window, segments") && text.contains("goodput, kbit/s"))
    #expect(text.utf8.count < 40_000)
  }

  @Test func `a capture has what the sender sent and what came back`() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "simulate-\(UUID().uuidString).pcap").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let report = try Self.report(["--seconds", "1", "--pcap", path])
    let octets = Array(try Data(contentsOf: URL(filePath: path)))
    #expect(Array(octets.prefix(4)) == [0x4D, 0x3C, 0xB2, 0xA1])
    func field(at place: Int) -> Int {
      octets[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    var (place, packets, times) = (24, 0, [Int]())
    while place + 16 <= octets.count {
      times.append(field(at: place) * 1_000_000_000 + field(at: place + 4))
      #expect(octets[place + 16] == 0x45)
      place += 16 + field(at: place + 8)
      packets += 1
    }
    #expect(place == octets.count, "the last packet is whole")
    #expect(packets > report.outcome.link.offered, "acknowledgments are there, too")
    #expect(times == times.sorted())
    #expect(times.first == 0 && times.last! <= 1_000_000_000)
  }

  @Test func `a capture that cannot be written is exit code 73`() throws {
    let plan = try Self.plan(["--pcap", "/nowhere/x.pcap"])
    #expect {
      _ = try SimulateRun(plan)
    } throws: {
      ($0 as? Failure)?.status == .cannotCreate
    }
  }
}
