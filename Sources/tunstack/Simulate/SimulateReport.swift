// What a simulation has shown: numbers, and charts of the congestion window, the round trip, the queue and
// the goodput. Pure: from an outcome to text.

import UserTCPRuntime

struct SimulateReport {
  static let explanation = """
    Two stacks of this program with a link between them, in virtual time: no network, no right and
    no waiting. One host sends as fast as its congestion control lets it, the other reads at once
    and compares every octet. The link has a rate, a delay, a queue that drops what does not fit,
    and bad luck from a seed: the same options give the same run to the last octet.
    docs/congestion.md says what the stack does about it, and which setting turns what off.
    """

  var plan: SimulatePlan
  var outcome: SimulateRun.Outcome

  private var seconds: Double { max(Double(outcome.duration.nanoseconds) / 1e9, 1e-9) }
  private var received: Int { outcome.received.reduce(0, +) }

  /// Of the programs, in Mbit/s.
  var goodput: Double { Double(received) * 8 / seconds / 1e6 }
  private var rate: Double { Double(plan.link.rate ?? 0) * 8 / 1e6 }

  // MARK: Numbers

  var lines: [String] {
    let (sender, link) = (outcome.sender, outcome.link)
    var lines = [
      row("link", plan.path.description), row("run", runInWords), "",
      row(
        "goodput",
        "\(goodput.text(2)) Mbit/s, \((100 * goodput / rate).text(1)) % of the link's rate; "
          + "\(received) octets"),
    ]
    lines += flowLines
    lines += [
      row(
        "link",
        "\(link.offered) packets offered, \(link.lost) lost, \(link.overflowed) dropped by the queue"
      ),
      row(
        "",
        "\(link.marked) marked, \(link.reordered) held back, \(link.duplicated) doubled, "
          + "\(link.corrupted) damaged (\(outcome.receiver.checksumErrors) found by TCP's checksum)"
      ),
      row(
        "retransmissions",
        "\(sender.retransmissions) of \(sender.segmentsOut + sender.retransmissions) segments; "
          + "\(sender.duplicatesReported) in vain, says the receiver (D-SACK)"),
      row("timeouts", "\(sender.timeouts)"),
      row(
        "recoveries",
        "\(sender.sackRecoveries + sender.fastRecoveries), \(sender.sackRecoveries) with SACK; "
          + "\(sender.lostRetransmissions) retransmissions lost again"),
      row(
        "marks",
        "\(sender.windowsCutByECN) windows cut for \(sender.deliveredMarked) segments whose ACK told "
          + "of marks (ECN)"),
      row(
        "spurious",
        "\(sender.spuriousTimeouts) timeouts found (F-RTO), \(sender.undoneRecoveries) windows "
          + "taken back"),
      row(
        "probes",
        "\(sender.lossProbes) for a lost tail, \(sender.lossProbeRecoveries) repaired a loss"),
    ]
    return lines
  }

  private func row(_ name: String, _ text: String) -> String { "  " + filled(name, 17) + text }

  private var runInWords: String {
    let flows = plan.flows == 1 ? "one flow" : "\(plan.flows) flows"
    return "\(plan.settings.congestionAlgorithm.rawValue), \(flows), \(seconds.text(2)) s, "
      + "seed \(plan.seed)"
  }

  private var flowLines: [String] {
    var lines: [String] = []
    for (index, octets) in outcome.received.enumerated() where plan.flows > 1 {
      let resent = outcome.samples.last?.flows[index].retransmissions ?? 0
      lines.append(
        row(
          "  flow \(index + 1)",
          "\((Double(octets) * 8 / seconds / 1e6).text(2)) Mbit/s, \(resent) retransmissions"))
    }
    if plan.flows > 1 {
      // Jain's index: 1 when all have the same, 1/n when one has all.
      let shares = outcome.received.map(Double.init)
      let (sum, squares) = (shares.reduce(0, +), shares.reduce(0) { $0 + $1 * $1 })
      let index = squares > 0 ? sum * sum / (Double(shares.count) * squares) : 1
      lines.append(row("  fairness", "\(index.text(3)) of 1 (Jain's index)"))
    }
    for (index, failure) in outcome.failures.enumerated() {
      if let failure { lines.append(row("flow \(index + 1) broke", "\(failure)")) }
    }
    return lines
  }

  // MARK: Charts

  /// The longest line that a chart needs; a sample stands for those it follows.
  private static let largestSeries = 300

  private var panels: [Panel] {
    let stride = max(1, (outcome.samples.count + Self.largestSeries - 1) / Self.largestSeries)
    // Without the last, which stands where the run ended and not at its turn.
    let samples = outcome.samples.indices.filter {
      $0 % stride == 0 && outcome.samples[$0].time == plan.sampleInterval * Int64($0)
    }.map { outcome.samples[$0] }
    let step = Double(stride) * Double(plan.sampleInterval.nanoseconds) / 1e9
    let inMicroseconds = samples.allSatisfy { $0.flows[0].smoothedRoundTrip < .milliseconds(10) }
    // More than two lines would not be told apart; the CSV has all.
    func eachFlow(_ value: (SimulateRun.FlowSample) -> Int?) -> [Series] {
      (0..<min(plan.flows, 2)).map { index in
        Series(
          name: "flow \(index + 1)", style: index == 0 ? .front : .behind,
          values: samples.map { value($0.flows[index]) })
      }
    }
    var goodput = zip(samples, samples.dropFirst()).map { before, after -> Int? in
      let octets = zip(after.flows, before.flows).reduce(0) { $0 + $1.0.received - $1.1.received }
      return Int(Double(octets) * 8 / 1e3 / max((after.time - before.time).seconds, 1e-9))
    }
    goodput.insert(0, at: 0)
    return [
      Panel(
        title: "congestion window, segments",
        series: eachFlow { $0.congestionWindow / SimulatePlan.segmentSize }, step: step),
      Panel(
        title: "smoothed round trip, \(inMicroseconds ? "µs" : "ms")",
        series: eachFlow {
          let time = $0.smoothedRoundTrip.nanoseconds
          return time == 0 ? nil : Int(time / (inMicroseconds ? 1_000 : 1_000_000))
        }, step: step),
      Panel(
        title: "queue, packets",
        series: [
          Series(
            name: "queue",
            values: samples.map {
              ($0.queue + LinkPlan.packetSize - 1) / LinkPlan.packetSize
            })
        ], step: step),
      Panel(
        title: "goodput, kbit/s", series: [Series(name: "goodput", values: goodput)], step: step),
    ]
  }

  func terminalCharts(width: Int) -> [String] {
    panels.prefix(3).flatMap { panel in
      let name = plan.flows > 1 && panel.series.count > 1 ? ", flow 1" : ""
      return ["", panel.title + name]
        + TerminalChart.rows(
          panel.series[0].values, width: width, height: 5, seconds: seconds.shortText)
    }
  }

  var chart: SVGChart {
    SVGChart(
      title: "\(plan.settings.congestionAlgorithm.rawValue): \(goodput.text(2)) Mbit/s",
      subtitle: plan.path.description, panels: panels, sharesHeight: false)
  }

  var csv: CSVTable {
    var table = CSVTable(header: ["seconds", "queue_octets", "lost", "overflowed"])
    for flow in 1...plan.flows {
      table.header += ["cwnd", "ssthresh", "srtt_us", "retransmissions", "received"].map {
        plan.flows == 1 ? $0 : "\($0)_\(flow)"
      }
    }
    for sample in outcome.samples {
      var fields = [
        sample.time.seconds.text(3), "\(sample.queue)", "\(sample.lost)", "\(sample.overflowed)",
      ]
      for flow in sample.flows {
        fields += [
          "\(flow.congestionWindow)", flow.slowStartThreshold.map { "\($0)" } ?? "",
          "\(flow.smoothedRoundTrip.nanoseconds / 1_000)", "\(flow.retransmissions)",
          "\(flow.received)",
        ]
      }
      table.rows.append(fields)
    }
    return table
  }
}

extension SimulatePlan {
  /// Text of a packet of full size with timestamps, in which the window is drawn.
  static var segmentSize: Int { LinkPlan.packetSize - 52 }
}
