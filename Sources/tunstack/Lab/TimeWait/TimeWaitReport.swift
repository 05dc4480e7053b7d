// What the time-wait lab says in the end: the histogram an operator knows from netstat, a chart, the table of
// seconds, and for every knob a line on what it changed, what it risks, and whether the kernel
// agrees. Pure: from records to text.

import UserTCPRuntime

struct TimeWaitReport {
  static let explanation = """
    A server that closes first keeps each connection in TIME_WAIT for 60 s, twice the longest time a
    segment is thought to live: to answer the peer's FIN again if the last ACK was lost, and to catch
    old segments before they meet a new connection of the same addresses and ports.
    The lab makes such a server's minute, on this stack and on the kernel's TCP beside it, then
    again with every knob that is said to help. It makes its own network and leaves nothing behind.
    """

  var plan: TimeWaitPlan
  var comparisons: [TimeWaitComparison]

  private func agreement(_ comparison: TimeWaitComparison) -> TimeWaitAgreement? {
    comparison.kernel.map { TimeWaitAgreement(ours: comparison.ours, kernel: $0) }
  }

  var agrees: Bool {
    comparisons.allSatisfy { comparison in
      agreement(comparison)?.agrees
        ?? (comparison.scenario.turnsClientsAway || comparison.ours.workload.failed == 0)
    }
  }

  func lines(width: Int) -> [String] {
    var lines = histogram
    if let first = comparisons.first {
      lines += ["", "TIME_WAIT of this stack, \(title(first))"]
      lines += TerminalChart.rows(first.ours.timeWait, width: width, height: 6)
    }
    lines += [""] + table(width: width)
    for comparison in comparisons { lines += [""] + story(comparison, width: width) }
    lines += [""]
    if comparisons.contains(where: { $0.kernel != nil }) {
      lines.append(
        agrees
          ? "stack and kernel agree: counts within 20 or 2 %, the end from 2 s before to 6 s after ours"
          : "stack and kernel do not agree; see the lines that say so")
    }
    return lines
  }

  private func title(_ comparison: TimeWaitComparison) -> String {
    comparison.scenario.title(connections: plan.connections)
  }

  // MARK: The parts

  /// Second 0 of the first scenario, as `sort | uniq -c` leaves it.
  private var histogram: [String] {
    guard let first = comparisons.first, let ours = first.ours.samples.first else { return [] }
    let kernel = first.kernel?.samples.first
    var lines = [
      "",
      "netstat -an | awk '/tcp/ {print $6}' | sort | uniq -c, right after the last connection:",
      "",
      kernel == nil ? "  this stack" : "  this stack            the kernel",
    ]
    let states = TCPState.allCases.filter { ours.server[$0] > 0 || kernel?.server[$0] ?? 0 > 0 }
    for state in states.sorted(by: { ours.server[$0] > ours.server[$1] }) {
      let left = "\(padded(ours.server[state], 7)) \(filled(state, 12))"
      lines.append(kernel.map { "\(left)  \(padded($0.server[state], 7)) \(state)" } ?? left)
    }
    return lines
  }

  /// TIME_WAIT at chosen seconds: few of the long plateau, all around the end.
  private func table(width: Int) -> [String] {
    let nameWidth = 25
    // The most telling first, as many as there is room for.
    let wanted = [0, plan.seconds, 60, 61, 59, 62, 2, 63, 58, 1, 30, 64, 10, 57, 65, 50, 20, 40]
    let room = max(2, (width - nameWidth - 8) / 6)
    var seconds: [Int] = []
    for second in wanted
    where second <= plan.seconds && !seconds.contains(second) && seconds.count < room {
      seconds.append(second)
    }
    seconds.sort()
    var lines = [
      filled("TIME_WAIT at second", nameWidth + 8) + seconds.map { padded($0, 6) }.joined()
    ]
    for comparison in comparisons {
      for (side, record) in sides(comparison) {
        let counts = seconds.map { second in
          padded(record.timeWait.indices.contains(second) ? "\(record.timeWait[second])" : "-", 6)
        }
        let name = side == "stack" ? title(comparison) : ""
        lines.append(filled(name, nameWidth) + filled(side, 8) + counts.joined())
      }
    }
    return lines
  }

  private func sides(_ comparison: TimeWaitComparison) -> [(String, TimeWaitRecord)] {
    [("stack", comparison.ours)] + (comparison.kernel.map { [("kernel", $0)] } ?? [])
  }

  private func story(_ comparison: TimeWaitComparison, width: Int) -> [String] {
    let largest = comparisons.flatMap { sides($0).flatMap(\.1.timeWait) }.max() ?? 1
    var lines = [title(comparison)]
    for (side, record) in sides(comparison) {
      let row = TerminalChart.row(record.timeWait, width: max(20, width - 12), largest: largest)
      lines.append("  \(filled(side, 8))\(row)")
    }
    lines.append("  changes: \(comparison.scenario.changes)")
    lines.append("  risks:   \(comparison.scenario.risks)")
    if let client = comparison.ours.samples.first?.clientTimeWait, client > 0 {
      lines.append("  TIME_WAIT at the client: \(client)")
    }
    lines.append("  served:  \(served(comparison))")
    lines.append("  agrees:  \(verdict(comparison))")
    return lines
  }

  private func served(_ comparison: TimeWaitComparison) -> String {
    let workload = comparison.ours.workload
    let word = comparison.scenario.turnsClientsAway ? "turned away" : "FAILED"
    let failed = workload.failed == 0 ? "" : ", \(workload.failed) \(word)"
    let kernel = comparison.kernel.map { "; by the kernel in \(tenths($0.workload.seconds)) s" }
    return "\(workload.served) in \(tenths(workload.seconds)) s\(failed)\(kernel ?? "")"
  }

  private func verdict(_ comparison: TimeWaitComparison) -> String {
    guard let kernel = comparison.kernel, let agreement = agreement(comparison) else {
      return comparison.scenario.kernelHasIt
        ? "no kernel was asked" : "the kernel has no such knob any more"
    }
    guard agreement.agrees else {
      return "NO: " + agreement.problems.prefix(2).joined(separator: "; ")
    }
    let ends = [comparison.ours.gone, kernel.gone].compactMap { $0.map { "\($0) s" } }
    let end = ends.isEmpty ? "" : ", TIME_WAIT gone after \(ends.joined(separator: " and "))"
    return "counts differ by \(agreement.largestDifference) at most\(end)"
  }

  private func tenths(_ seconds: Double) -> String {
    let tenths = Int((seconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  // MARK: Files

  var csv: CSVTable {
    var table = CSVTable(
      header: ["scenario", "side", "second"] + TCPState.allCases.map(\.description)
        + ["client_TIME_WAIT"])
    for comparison in comparisons {
      for (side, record) in sides(comparison) {
        for (second, sample) in record.samples.enumerated() {
          table.rows.append(
            [title(comparison), side, "\(second)"]
              + TCPState.allCases.map { "\(sample.server[$0])" } + ["\(sample.clientTimeWait)"])
        }
      }
    }
    return table
  }

  var chart: SVGChart {
    SVGChart(
      title: "TIME_WAIT on a server after \(plan.connections) connections",
      subtitle: "sockets of the server in TIME_WAIT, seconds after the last connection",
      panels: comparisons.map { comparison in
        var series = [Series(name: "this stack", values: comparison.ours.timeWait)]
        if let kernel = comparison.kernel {
          series.append(
            Series(name: "the kernel's TCP", style: .behind, values: kernel.timeWait))
        }
        return Panel(title: title(comparison), series: series)
      })
  }
}
