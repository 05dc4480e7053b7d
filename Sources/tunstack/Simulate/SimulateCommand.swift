// `tunstack simulate`: two stacks and a seeded link in virtual time, to see what congestion control and
// loss recovery do on a path of one's choice. Needs no right, no device and no waiting.

import ArgumentParser

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "See what congestion control and loss recovery make of a path, in virtual time.")

  @OptionGroup var link: LinkOptions

  @Flag(
    help:
      "Have both stacks use congestion notification, and the queue mark (--mark-above, default: a quarter of the queue)."
  )
  var ecn = false

  @Option(help: "Congestion control: cubic or reno (default: cubic).")
  var algorithm: String?

  @Option(
    name: .customLong("set"),
    help: "A setting of both stacks with Linux's name, like tcp_recovery=0. Repeatable.")
  var assignments: [String] = []

  @Option(help: "How long the flows send, 0.1 to 3600 s (default: 30, or 3600 with --octets).")
  var seconds: String?

  @Option(help: "What each flow sends; ends the run when all have (default: as much as it can).")
  var octets: String?

  @Option(help: "Flows beside each other on the link, 1 to 16.")
  var flows = "1"

  @Option(help: "Write every sample to this file, as comma-separated values.")
  var csv: String?

  @Option(help: "Write charts to this file, as SVG.")
  var svg: String?

  @Option(help: "Write what the sending host sends and receives to this file (pcap).")
  var pcap: String?

  @Option(help: "Write what happens to the sending host's connections to this file.")
  var trace: String?

  @Option(help: "Form of the trace: text, or json in the shape of qlog.")
  var traceFormat = "text"

  @Flag(name: .customLong("no-chart"), help: "Draw no charts in the terminal.")
  var noChart = false

  func run() async throws {
    let plan = try SimulatePlan(self)
    for warning in plan.warnings { StandardError.write(line: "tunstack: \(warning)") }
    // A long run is computing only: it goes on beside the wait for a signal.
    try await Lab.run { try plan.run() }
  }
}

extension SimulatePlan {
  fileprivate func run() throws {
    Lab.say("tunstack simulate\n")
    for line in SimulateReport.explanation.split(separator: "\n") { Lab.say("  \(line)") }
    Lab.say("")
    var run = try SimulateRun(self)
    try run.toEnd()
    let report = SimulateReport(plan: self, outcome: run.outcome)
    for line in report.lines { Lab.say(line) }
    if withChart {
      for line in report.terminalCharts(width: TerminalChart.terminalWidth) { Lab.say(line) }
    }
    if let csvPath { try TextFile.write(report.csv.text, to: csvPath) }
    if let svgPath { try TextFile.write(report.chart.text, to: svgPath) }
  }
}
