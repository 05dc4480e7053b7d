// The time-wait lab without a network: its scenarios, its rule of agreement, its reading of /proc, its words.

import ArgumentParser
import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct LabTimeWaitTests {
  /// A record in which TIME_WAIT stands at `count` until second `end`.
  private func record(_ count: Int, until end: Int, seconds: Int = 68) -> TimeWaitRecord {
    var record = TimeWaitRecord(workload: WorkloadResult())
    for second in 0...seconds {
      var states = StateCounts()
      states[.established] = 130
      states[.listen] = 1
      states[.timeWait] = second < end ? count : 0
      record.samples.append(TimeWaitRecord.Sample(server: states, clientTimeWait: 0))
    }
    return record
  }

  // MARK: Agreement

  @Test func `the same minute agrees`() {
    let agreement = TimeWaitAgreement(
      ours: record(5204, until: 60), kernel: record(5204, until: 60))
    #expect(agreement.agrees)
    #expect(agreement.largestDifference == 0)
  }

  @Test func `two percent are allowed and more is not`() {
    #expect(
      TimeWaitAgreement(ours: record(5104, until: 60), kernel: record(5204, until: 60)).agrees)
    let far = TimeWaitAgreement(ours: record(5004, until: 60), kernel: record(5204, until: 60))
    #expect(!far.agrees)
    #expect(far.problems.first == "second 0: TIME_WAIT 5004 here, 5204 there")
  }

  @Test func `twenty are allowed where two percent are less`() {
    #expect(TimeWaitAgreement(ours: record(20, until: 60), kernel: record(40, until: 60)).agrees)
    #expect(!TimeWaitAgreement(ours: record(19, until: 60), kernel: record(40, until: 60)).agrees)
  }

  @Test(arguments: [(58, true), (66, true), (57, false), (67, false)])
  func `the kernel's end may be two seconds earlier and six later`(_ end: Int, _ agrees: Bool) {
    let ours = record(500, until: 60, seconds: 80)
    let kernel = record(500, until: end, seconds: 80)
    #expect(TimeWaitAgreement(ours: ours, kernel: kernel).agrees == agrees)
  }

  @Test func `one end that never comes does not agree, two unwatched do`() {
    let endless = record(500, until: 100)
    #expect(!TimeWaitAgreement(ours: record(500, until: 60), kernel: endless).agrees)
    #expect(TimeWaitAgreement(ours: endless, kernel: endless).agrees)
  }

  @Test func `a connection that failed is no agreement`() {
    var failed = record(500, until: 60)
    failed.workload.failures[110] = 1
    #expect(!TimeWaitAgreement(ours: failed, kernel: record(500, until: 60)).agrees)
  }

  // MARK: Scenarios

  @Test(arguments: TimeWaitScenario.allCases)
  func `a scenario changes what its title says and tells the price`(_ scenario: TimeWaitScenario)
    throws
  {
    let settings = try scenario.settings(connections: 5204)
    let standard = StackSettings()
    #expect(settings.recyclesTimeWait == (scenario == .recycle || scenario == .recycleToday))
    #expect(settings.ignoresResetInTimeWait == (scenario == .rfc1337))
    #expect((settings.maximumTimeWait == 1000) == (scenario == .buckets))
    #expect((settings.finTimeout == .seconds(15)) == (scenario == .finTimeout))
    #expect((settings.timeWaitReuse == .always) == (scenario == .reuse))
    #expect(settings.timeWaitInterval == standard.timeWaitInterval, "no knob changes 2MSL")
    for text in [scenario.changes, scenario.risks] { #expect(text.count <= 88, "one line") }
  }

  @Test func `a small workload gets a limit that it exceeds`() {
    #expect(TimeWaitScenario.buckets.knob(connections: 200)?.value == "40")
    #expect(TimeWaitScenario.buckets.knob(connections: 5204)?.value == "1000")
  }

  @Test(arguments: [
    ["--connections", "0"], ["--connections", "many"], ["--seconds", "601"], ["--open", "1001"],
    ["--only", "nonsense"],
  ])
  func `a bad option is refused in one line that says what would do`(_ words: [String]) throws {
    let command = try #require(
      LabCommand.parseAsRoot(["time-wait"] + words) as? TimeWaitCommand)
    let failure = #expect(throws: Failure.self) { _ = try TimeWaitPlan(command) }
    #expect(failure?.status == .usage)
    #expect(failure?.description.contains(words[0]) == true)
    #expect(failure?.description.contains("\n") == false)
  }

  // MARK: The report

  @Test func `the report has the histogram of netstat, a verdict and every sample as a row`() throws
  {
    let command = try #require(
      LabCommand.parseAsRoot(["time-wait", "--only", "default"]) as? TimeWaitCommand)
    let comparison = TimeWaitComparison(
      scenario: .standard, ours: record(5204, until: 60), kernel: record(5204, until: 62))
    let report = TimeWaitReport(plan: try TimeWaitPlan(command), comparisons: [comparison])
    let lines = report.lines(width: 80)
    #expect(lines.contains("   5204 TIME_WAIT        5204 TIME_WAIT"))
    #expect(lines.contains { $0.contains("agrees:  counts differ by 0 at most") })
    #expect(lines.allSatisfy { $0.count <= 110 })
    #expect(report.agrees)
    #expect(report.csv.rows.count == 2 * 69)
    #expect(report.csv.rows[0].prefix(3) == ["default", "stack", "0"])
  }

  // MARK: /proc

  private static let table = """
      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1
       1: 020002C0:0050 010002C0:0400 06 00000000:00000000 03:000014D5 00000000     0        0 0 3
       2: 020002C0:0050 010002C0:0401 06 00000000:00000000 03:000014D5 00000000     0        0 0 3
     100: 020002C0:0050 010002C0:0402 01 00000000:00000000 00:00000000 00000000     0        0 7 1
    """

  @Test func `states are counted as the kernel's table gives them`() {
    let counts = ProcNet.states(Self.table.utf8)
    #expect(counts[.timeWait] == 2)
    #expect(counts[.established] == 1)
    #expect(counts[.listen] == 1)
    #expect(counts.total == 4)
  }

  @Test(arguments: ["", "one line", "head\nshort", "head\n 0: a b zz c", "head\n 0: a b FF c"])
  func `what is no table counts nothing`(_ text: String) {
    #expect(ProcNet.states(text.utf8).total == 0)
  }

  @Test func `the drops of a device are the fourth number of its output`() {
    let table = """
      Inter-|   Receive                                                |  Transmit
       face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
          lo:      1       2    3    4    5     6          7         8       9      10   11   12    13
        tun0:    100      20    0    0    0     0          0         0    5000      40    0  977     0
      """
    #expect(ProcNet.droppedOutput(of: "tun0", in: table) == 977)
    #expect(ProcNet.droppedOutput(of: "lo", in: table) == 12)
    #expect(ProcNet.droppedOutput(of: "tun1", in: table) == nil)
  }
}
