// The options of `tunstack simulate`, checked: a link, the settings of both stacks, and how much is sent.
// Every mistake is a line and exit code 64, before anything runs.

import UserTCPRuntime
import UserTCPSimulation

struct SimulatePlan: Sendable {
  /// There go data, back acknowledgments.
  var path: LinkPlan
  var settings: StackSettings
  /// What to tell of settings that were made.
  var warnings: [String]
  var duration: Interval
  /// That each flow sends at most.
  var octets: Int
  var flows: Int
  var csvPath: String?
  var svgPath: String?
  var pcapPath: String?
  var trace: TracePlan?
  var withChart: Bool

  /// Of all flows together, so that a run ends.
  static let largestTransfer = 1 << 31

  init(_ command: SimulateCommand) throws(Failure) {
    path = try LinkPlan(command.link)
    if command.ecn, command.link.markAbove == nil {
      path.markAbove(packets: max(path.queuePackets / 4, 1))
    }
    flows = try Lab.number("--flows", command.flows, 1...16)
    (octets, duration) = try Self.extent(command, flows: flows)
    (settings, warnings) = try Self.settings(
      command, path: path.bandwidthDelayProduct + path.queuePackets * LinkPlan.packetSize)
    csvPath = command.csv
    svgPath = command.svg
    pcapPath = command.pcap
    trace = try TracePlan(path: command.trace, format: command.traceFormat)
    withChart = !command.noChart
  }

  var link: LinkSettings { path.there }
  var seed: UInt64 { path.seed }

  /// From one sample to the next: some hundred in a run, and 10 to 100 ms.
  var sampleInterval: Interval {
    let sending = Double(octets) * Double(flows) / Double(link.rate ?? 1)
    let seconds = min(Double(duration.nanoseconds) / 1e9, sending)
    return .milliseconds(Int64(min(max(seconds / 0.4, 10), 100)))
  }

  // MARK: Reading

  /// How much each flow sends, and for how long.
  private static func extent(
    _ command: SimulateCommand, flows: Int
  ) throws(Failure) -> (octets: Int, duration: Interval) {
    let standard = command.octets == nil ? "30" : "3600"
    let seconds = try OptionText.number("--seconds", command.seconds ?? standard, 0.1...3600, "s")
    let most = largestTransfer / flows
    let octets = try command.octets.map { text throws(Failure) in
      try Lab.number("--octets", text, 1...most)
    }
    return (octets ?? most, .nanoseconds(Int64(seconds * 1e9)))
  }

  /// Buffers twice as large as the path holds, so that it is congestion control that decides; then what
  /// the command line says.
  private static func settings(
    _ command: SimulateCommand, path: Int
  ) throws(Failure) -> (StackSettings, warnings: [String]) {
    var values = SettingValues()
    let buffer = min(max(values.stack.maximumSendBuffer, 2 * path), 16 << 20)
    values.stack.maximumSendBuffer = buffer
    values.stack.maximumReceiveBuffer = buffer
    if command.ecn { values.stack.ecn = .request }
    var assignments: [SettingAssignment] = []
    do throws(SettingAssignment.Problem) {
      for text in command.assignments { assignments.append(try SettingAssignment(text)) }
    } catch {
      throw .usage("--set: \(error.description)")
    }
    if let algorithm = command.algorithm {
      do throws(SettingAssignment.Problem) {
        assignments.append(
          try SettingAssignment(name: "tcp_congestion_control", value: algorithm))
      } catch {
        throw .usage("--algorithm: \(error.description)")
      }
    }
    for assignment in assignments { assignment.apply(to: &values) }
    return (values.stack, assignments.flatMap(\.warnings))
  }
}
