// `tunstack lab time-wait`: where TIME_WAIT comes from, how long it stays, and what each knob that is
// said to help does to it, on our stack and on the kernel's TCP.

import ArgumentParser

struct TimeWaitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "time-wait",
    abstract: "See TIME_WAIT come and go, with each knob that is said to help.")

  @Option(help: "Short connections, 1 to 60000.")
  var connections = "5204"

  @Option(help: "Connections that stay open beside them, 0 to 1000.")
  var open = "130"

  @Option(help: "How long to watch after the last connection, 1 to 600 seconds.")
  var seconds = "68"

  @Option(help: "One scenario (\(TimeWaitPlan.scenarioNames)). Repeatable.")
  var only: [String] = []

  @Flag(name: .customLong("no-kernel"), help: "Do not run the kernel's TCP beside it.")
  var noKernel = false

  @Option(help: "Write every sample to this file, as comma-separated values.")
  var csv: String?

  @Option(help: "Write a chart to this file, as SVG.")
  var svg: String?

  func run() async throws {
    let plan = try TimeWaitPlan(self)
    try await Lab.run { try await plan.run() }
  }
}

/// The command line, checked.
struct TimeWaitPlan: Sendable {
  var connections: Int
  var keptOpen: Int
  var seconds: Int
  var scenarios: [TimeWaitScenario]
  var withKernel: Bool
  var csvPath: String?
  var svgPath: String?

  static var scenarioNames: String {
    TimeWaitScenario.allCases.map(\.rawValue).joined(separator: ", ")
  }

  init(_ command: TimeWaitCommand) throws(Failure) {
    connections = try Lab.number("--connections", command.connections, 1...60_000)
    keptOpen = try Lab.number("--open", command.open, 0...1000)
    seconds = try Lab.number("--seconds", command.seconds, 1...600)
    for name in command.only where TimeWaitScenario(rawValue: name) == nil {
      throw .usage("--only: '\(name)' is no scenario; there are \(Self.scenarioNames)")
    }
    scenarios = TimeWaitScenario.allCases.filter {
      command.only.isEmpty || command.only.contains($0.rawValue)
    }
    withKernel = !command.noKernel
    csvPath = command.csv
    svgPath = command.svg
  }

  fileprivate func run() async throws {
    Lab.explain("time-wait", TimeWaitReport.explanation)
    // Each scenario: the clients' ends on both sides, and the kernel server's.
    try Lab.allowDescriptors(scenarios.count * 3 * (keptOpen + 100))
    Lab.say(
      "\(connections) connections and \(keptOpen) that stay, \(scenarios.count) times; "
        + "then \(seconds) s of watching")
    let comparisons = try await TimeWaitRun(self).all()
    let report = TimeWaitReport(plan: self, comparisons: comparisons)
    for line in report.lines(width: TerminalChart.terminalWidth) { Lab.say(line) }
    if let csvPath { try TextFile.write(report.csv.text, to: csvPath) }
    if let svgPath { try TextFile.write(report.chart.text, to: svgPath) }
    if !report.agrees { throw Lab.disagreement }
  }
}
