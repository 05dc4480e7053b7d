// `tunstack link` and the congestion lab without a network: options, what the kernel's tables say, the verdict.

import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct LinkTests {
  // MARK: Options

  @Test func `a link has both ways, and bad luck one of them`() throws {
    let plan = try LinkPlan(
      try LinkOptions.parse(["--rate", "200", "--delay", "10", "--loss", "3", "--loss-burst", "5"]))
    #expect(plan.bandwidthDelayProduct == 500_000)
    #expect(plan.queuePackets == 333)
    #expect(plan.there.loss == 0.03 && plan.there.lossBurst == .milliseconds(5))
    #expect(plan.back.loss == 0 && plan.back.delay == .milliseconds(10))
    #expect(
      plan.description
        == "200 Mbit/s, 10 ms each way, queue of 333 packets (1.00 BDP), 3 % lost, bursts of 5 ms")
  }

  @Test(arguments: [
    (["--loss-burst=-1"], "--loss-burst: '-1' does not fit; take 0 to 10000 ms"),
    (["--seed", "x"], "--seed: 'x' does not fit"),
  ])
  func `a mistake in a link's options is one line`(_ words: [String], _ text: String) throws {
    let options = try LinkOptions.parse(words)
    let failure = #expect(throws: Failure.self) { _ = try LinkPlan(options) }
    #expect(failure?.status == .usage)
    #expect(failure?.description.contains(text) == true)
  }

  @Test(arguments: [
    (["--losses", "0,,1"], "--loss: '' does not fit; take 0 to 100 percent"),
    (["--runs", "0"], "--runs: '0' does not fit; take 1 to 99"),
    (["--seconds", "601"], "--seconds: '601' does not fit; take 1 to 600"),
    (["--set", "tcp_sack"], "--set: 'tcp_sack' is not a setting"),
  ])
  func `a mistake in the lab's options is one line`(_ words: [String], _ text: String) throws {
    let command = try CongestionCommand.parse(words)
    let failure = #expect(throws: Failure.self) { _ = try CongestionPlan(command) }
    #expect(failure?.status == .usage)
    #expect(failure?.description.contains(text) == true, "\(failure?.description ?? "none")")
  }

  @Test func `the lab's links differ in loss only, and no buffer decides`() throws {
    let plan = try CongestionPlan(try CongestionCommand.parse(["--losses", "0,0.1,3"]))
    #expect(plan.links.map(\.there.loss) == [0, 0.001, 0.03])
    #expect(plan.links.allSatisfy { $0.bandwidthDelayProduct == 500_000 && $0.seed == 1 })
    #expect(plan.settings.maximumSendBuffer >= 4 << 20)
    #expect(plan.runs == 9 && plan.seconds == 20)
  }

  // MARK: The kernel's tables

  @Test func `a counter stands under its name in the second line of its group`() {
    let table = """
      TcpExt: SyncookiesSent TCPTimeouts Other
      TcpExt: 0 17 3
      IpExt: InNoRoutes TCPTimeouts
      IpExt: 1 2
      Half: TCPTimeouts
      """
    #expect(ProcNet.counter("TCPTimeouts", of: "TcpExt", in: table) == 17)
    #expect(ProcNet.counter("TCPTimeouts", of: "IpExt", in: table) == 2)
    #expect(ProcNet.counter("Missing", of: "TcpExt", in: table) == nil)
    #expect(ProcNet.counter("TCPTimeouts", of: "Half", in: table) == nil)
    #expect(ProcNet.counter("TCPTimeouts", of: "TcpExt", in: "") == nil)
  }

  // MARK: The verdict

  /// `goodputs` in Mbit/s and timeouts of each run; 1,000 packets are lost in each.
  private func report(
    loss: String, _ runs: [CongestionPair: [(goodput: Double, timeouts: Int)]]
  ) throws -> CongestionReport {
    let words = ["--losses", loss, "--seconds", "10"]
    let plan = try CongestionPlan(try CongestionCommand.parse(words))
    var samples: [CongestionSample] = []
    for (pair, runs) in runs {
      for (index, run) in runs.enumerated() {
        var tally = LinkTally()
        (tally.link.offered, tally.link.lost, tally.link.overflowed) = (100_000, 900, 100)
        samples.append(
          CongestionSample(
            pair: pair, link: 0, run: index + 1, seconds: 10,
            octets: Int(run.goodput * 1e6 / 8 * 10), timeouts: run.timeouts, retransmissions: 1000,
            tally: tally))
      }
    }
    return CongestionReport(plan: plan, samples: samples)
  }

  @Test func `goodputs are medians, timeouts for a thousand losses of all runs`() throws {
    let report = try report(
      loss: "1",
      [.kernelToKernel: [(100, 0), (10, 2), (20, 1)], .oursToKernel: [(30, 0), (10, 0)]])
    #expect(report.cell(.kernelToKernel, 0).goodput == 20)
    #expect(report.cell(.kernelToKernel, 0).timeouts == 1)
    #expect(report.cell(.oursToKernel, 0).goodput == 20)
    #expect(report.cell(.kernelToOurs, 0).goodput == 0)
  }

  @Test(arguments: [
    ("1", 90.0, 0, true), ("1", 89.0, 0, false), ("1", 90.0, 50, true), ("3", 75.0, 12, true),
    ("3", 74.0, 12, false), ("3", 75.0, 13, false),
  ])
  func `the verdict asks for 0.9 of the kernel's goodput, at 3 % for 0.75 and few timeouts`(
    _ loss: String, _ goodput: Double, _ timeouts: Int, _ keepsUp: Bool
  ) throws {
    let own = [(goodput: goodput, timeouts: timeouts)]
    let report = try report(
      loss: loss, [.kernelToKernel: [(100, 10)], .oursToKernel: own, .kernelToOurs: [(100, 10)]])
    #expect(report.verdict == keepsUp)
    #expect(report.keepsUp(.oursToKernel, 0) == keepsUp)
    #expect(report.lines.contains { $0.contains("**") } == !keepsUp, "what fails stands out")
  }

  @Test func `the table is one of Markdown and the CSV has a row for each run`() throws {
    let report = try report(
      loss: "0.1",
      [.kernelToKernel: [(100, 1)], .kernelToOurs: [(99, 0)], .oursToKernel: [(110.04, 0)]])
    #expect(report.lines.contains("| loss | kernel to kernel | kernel to ours | ours to kernel |"))
    #expect(
      report.lines.contains(
        "| 0.1 % | 100.0 Mbit/s, 1.0 timeouts | 99.0 Mbit/s (0.99), 0.0 timeouts | "
          + "110.0 Mbit/s (1.10), 0.0 timeouts |"))
    #expect(report.csv.rows.count == 3)
    #expect(report.csv.rows.allSatisfy { $0.count == report.csv.header.count })
  }
}
