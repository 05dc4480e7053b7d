// The options of `tunstack simulate`, checked: a link, the settings of both stacks, and how much is sent.
// Every mistake is a line and exit code 64, before anything runs.

import UserTCPRuntime
import UserTCPSimulation

struct SimulatePlan: Sendable {
  /// The way of the data.
  var link = LinkSettings()
  /// The way of the acknowledgments.
  var wayBack = LinkSettings()
  var settings: StackSettings
  /// What to tell of settings that were made.
  var warnings: [String]
  var seed: UInt64
  var duration: Interval
  /// That each flow sends at most.
  var octets: Int
  var flows: Int
  var csvPath: String?
  var svgPath: String?
  var pcapPath: String?
  var withChart: Bool

  /// Of all flows together, so that a run ends.
  static let largestTransfer = 1 << 31
  /// Of an Ethernet, in which queues are counted.
  static let packetSize = 1500

  init(_ command: SimulateCommand) throws(Failure) {
    link.rate = Int(try Self.number("--rate", command.rate, 0.01...10_000, "Mbit/s") * 125_000)
    link.delay = try Self.milliseconds("--delay", command.delay, from: 0.01)
    wayBack = link
    link.loss = try Self.percent("--loss", command.loss)
    link.reordering = try Self.percent("--reordering", command.reordering)
    link.reorderingDelay = try Self.milliseconds("--reordering-delay", command.reorderingDelay)
    link.duplication = try Self.percent("--duplication", command.duplication)
    link.corruption = try Self.percent("--corruption", command.corruption)
    link.jitter = try Self.milliseconds("--jitter", command.jitter)
    if command.isBothWays { wayBack = link }
    let product = Self.bandwidthDelayProduct(link)
    let queue = try Self.queue(command.queue, product: product)
    // A link looks before it adds: the last packet stands beyond the limit.
    link.queueLimit = (queue - 1) * Self.packetSize
    wayBack.queueLimit = link.queueLimit

    flows = try Lab.number("--flows", command.flows, 1...16)
    (octets, duration) = try Self.extent(command, flows: flows)
    seed = try Self.seed(command.seed)
    (settings, warnings) = try Self.settings(
      command, path: product + queue * Self.packetSize)
    csvPath = command.csv
    svgPath = command.svg
    pcapPath = command.pcap
    withChart = !command.noChart
  }

  /// Rate times round trip, in octets: what fills the path without a queue.
  var bandwidthDelayProduct: Int { Self.bandwidthDelayProduct(link) }
  /// Packets of full size that may wait.
  var queuePackets: Int { link.queueLimit / Self.packetSize + 1 }

  private static func bandwidthDelayProduct(_ link: LinkSettings) -> Int {
    Int(Double(link.rate ?? 0) * Double(link.delay.nanoseconds) * 2 / 1e9)
  }

  /// From one sample to the next: some hundred in a run, and 10 to 100 ms.
  var sampleInterval: Interval {
    let sending = Double(octets) * Double(flows) / Double(link.rate ?? 1)
    let seconds = min(Double(duration.nanoseconds) / 1e9, sending)
    return .milliseconds(Int64(min(max(seconds / 0.4, 10), 100)))
  }

  // MARK: Reading

  private static func number(
    _ option: String, _ text: String, _ range: ClosedRange<Double>, _ unit: String
  ) throws(Failure) -> Double {
    guard let number = Double(text), range.contains(number) else {
      let (least, most) = (shortest(range.lowerBound), shortest(range.upperBound))
      throw .usage("\(option): '\(text)' does not fit; take \(least) to \(most) \(unit)")
    }
    return number
  }

  /// Without ".0".
  private static func shortest(_ number: Double) -> String {
    number == number.rounded() ? "\(Int(number))" : "\(number)"
  }

  private static func percent(_ option: String, _ text: String) throws(Failure) -> Double {
    let bare = text.hasSuffix("%") ? String(text.dropLast()) : text
    return try number(option, bare, 0...100, "percent") / 100
  }

  private static func milliseconds(
    _ option: String, _ text: String, from least: Double = 0
  ) throws(Failure) -> Interval {
    .nanoseconds(Int64(try number(option, text, least...10_000, "ms") * 1e6))
  }

  /// In packets.
  private static func queue(_ text: String, product: Int) throws(Failure) -> Int {
    if let packets = Int(text), (1...100_000).contains(packets) { return packets }
    if text.hasSuffix("bdp"), let share = Double(text.dropLast(3)), (0.01...100).contains(share) {
      return min(max(Int(share * Double(product) / Double(packetSize)), 1), 100_000)
    }
    throw .usage(
      "--queue: '\(text)' does not fit; take 1 to 100000 packets, or 0.01bdp to 100bdp")
  }

  private static func seed(_ text: String) throws(Failure) -> UInt64 {
    guard let seed = UInt64(text) else {
      throw .usage("--seed: '\(text)' does not fit; take 0 to \(UInt64.max)")
    }
    return seed
  }

  /// How much each flow sends, and for how long.
  private static func extent(
    _ command: SimulateCommand, flows: Int
  ) throws(Failure) -> (octets: Int, duration: Interval) {
    let standard = command.octets == nil ? "30" : "3600"
    let seconds = try number("--seconds", command.seconds ?? standard, 0.1...3600, "s")
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
