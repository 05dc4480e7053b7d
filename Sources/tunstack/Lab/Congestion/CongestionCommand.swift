// `tunstack lab congestion`: our congestion control and loss recovery beside the kernel's, over real TUN devices
// and a link with a seed.

import ArgumentParser
import UserTCPRuntime

struct CongestionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "congestion",
    abstract: "Compare goodput and timeouts with the kernel's over a link that loses packets.")

  @Option(help: "How often each is measured, 1 to 99; medians are shown.")
  var runs = "9"

  @Option(help: "How long each run lasts, 1 to 600 seconds.")
  var seconds = "20"

  @Option(help: "Percent of the data's packets lost, with commas between.")
  var losses = "0,0.1,1,3"

  @Option(help: "Rate of the link, 0.01 to 10000 Mbit/s.")
  var rate = "200"

  @Option(help: "Time that a packet takes each way, 0.01 to 10000 ms.")
  var delay = "10"

  @Option(help: "What waits for the rate: 1 to 100000 packets, or a share like 0.5bdp.")
  var queue = "1bdp"

  @Option(help: "Where all luck comes from.")
  var seed = "1"

  @Option(
    name: .customLong("set"),
    help: "A setting of our stack with Linux's name, like tcp_recovery=0. Repeatable.")
  var assignments: [String] = []

  @Option(help: "Write every run to this file, as comma-separated values.")
  var csv: String?

  func run() async throws {
    let plan = try CongestionPlan(self)
    for warning in plan.warnings { StandardError.write(line: "tunstack: \(warning)") }
    try await Lab.run { try await plan.run() }
  }
}

/// The command line, checked.
struct CongestionPlan: Sendable {
  var runs: Int
  var seconds: Int
  /// A link each, which differ in loss only.
  var links: [LinkPlan]
  var settings: StackSettings
  var warnings: [String]
  var csvPath: String?

  init(_ command: CongestionCommand) throws(Failure) {
    runs = try Lab.number("--runs", command.runs, 1...99)
    seconds = try Lab.number("--seconds", command.seconds, 1...600)
    links = []
    for loss in command.losses.split(separator: ",", omittingEmptySubsequences: false) {
      let words = [
        "--rate=\(command.rate)", "--delay=\(command.delay)", "--queue=\(command.queue)",
        "--loss=\(loss)", "--seed=\(command.seed)",
      ]
      guard let options = try? LinkOptions.parse(words) else {
        throw .usage("--losses: '\(command.losses)' does not fit; write it like 0,0.1,1")
      }
      links.append(try LinkPlan(options))
    }
    var values = SettingValues()
    // Linux's largest, so that no buffer decides.
    values.stack.maximumSendBuffer = 4 << 20
    values.stack.maximumReceiveBuffer = 6 << 20
    warnings = []
    do throws(SettingAssignment.Problem) {
      for text in command.assignments {
        let assignment = try SettingAssignment(text)
        assignment.apply(to: &values)
        warnings += assignment.warnings
      }
    } catch {
      throw .usage("--set: \(error.description)")
    }
    settings = values.stack
    csvPath = command.csv
  }

  fileprivate func run() async throws {
    Lab.explain("congestion", CongestionReport.explanation)
    let count = runs * links.count * CongestionPair.allCases.count
    Lab.say(
      "\(links[0].description); \(count) runs of \(seconds) s, "
        + "\((count * (seconds + 1) + 59) / 60) minutes")
    let samples = try await CongestionRun(plan: self).all { Lab.say($0.description) }
    let report = CongestionReport(plan: self, samples: samples)
    for line in report.lines { Lab.say(line) }
    if let csvPath { try TextFile.write(report.csv.text, to: csvPath) }
    if !report.verdict { throw Lab.disagreement }
  }
}
