// What the sweeps have found: a row for each rule, and every violation by the case that shows it. Pure.

import UserTCPRuntime

struct SweepReport {
  static let explanation = """
    Two stacks of this program over thousands of simulated links: round trips of 1 to 200 ms, 1 to
    1000 Mbit/s, queues of 0.1 to 4 bandwidth-delay products, up to 5 % of packets lost, in bursts
    or alone, or overtaken. Every octet must arrive, windows must be as the RFCs' formulas say,
    flows must share, reordering must cost little, and a lost tail must need no timeout.
    The exit code is 1 when a rule is broken; the case that shows it is named.
    """

  /// What is judged, in the order of the table.
  enum Rule: CaseIterable {
    case path, response, fairness, reordering, tail

    var text: String {
      switch self {
      case .path: "every octet arrives, in time"
      case .response: "window ÷ the RFC's formula, 0.85 to 1.15"
      case .fairness: "two flows, larger share ÷ smaller, below 1.5"
      case .reordering: "share of the link with 1 % overtaken, at least 0.9"
      case .tail: "a lost tail sent again, in round trips, no timeout"
      }
    }

    /// Of the values, what is told.
    var unit: String { self == .path ? " s" : "" }
  }

  var outcomes: [SweepCase.Outcome]
  /// That all of it took.
  var seconds: Double

  var hasViolation: Bool { outcomes.contains { $0.problem != nil } }

  var lines: [String] {
    var lines = [
      "| rule | cases | least | median | most | violations |", "|---|---|---|---|---|---|",
    ]
    for rule in Rule.allCases {
      let found = outcomes.filter { $0.case.rule == rule }
      let values = found.map(\.value).sorted()
      guard let least = values.first, let most = values.last else { continue }
      let row = [least, values[values.count / 2], most].map { $0.text(2) + rule.unit }
      lines.append(
        "| \(rule.text) | \(found.count) | \(row.joined(separator: " | ")) | "
          + "\(found.count { $0.problem != nil }) |")
    }
    for rule in Rule.allCases { lines += examples(of: rule) }
    let broken = outcomes.count { $0.problem != nil }
    lines += ["", "\(outcomes.count) cases in \(seconds.text(0)) s, \(broken) violations"]
    return lines
  }

  /// The first violations of a rule, and how many more there are.
  private func examples(of rule: Rule) -> [String] {
    let broken = outcomes.filter { $0.problem != nil && $0.case.rule == rule }
      .map { "  \($0.case.description): \($0.problem ?? "")" }.sorted()
    guard !broken.isEmpty else { return [] }
    let more = broken.count > 12 ? ["  and \(broken.count - 12) more"] : []
    return [""] + broken.prefix(12) + more
  }
}

extension SweepCase {
  var rule: SweepReport.Rule {
    switch self {
    case .path: .path
    case .response: .response
    case .fairness: .fairness
    case .reordering: .reordering
    case .tail: .tail
    }
  }

  var description: String {
    switch self {
    case .path(let seed): "path, seed \(seed)"
    case .response(let algorithm, let period, let milliseconds):
      "\(algorithm.rawValue), one of \(period) lost, \(milliseconds) ms"
    case .fairness(let algorithm, let kilobytes, let milliseconds):
      "two flows of \(algorithm.rawValue), \(kilobytes) kB/s, \(milliseconds) ms"
    case .reordering(let megabits, let milliseconds, let eighths, let seed):
      "overtaken by \(eighths)/64 of \(milliseconds) ms, \(megabits) Mbit/s, seed \(seed)"
    case .tail(let segments, let milliseconds):
      "the last of \(segments) segments, \(milliseconds) ms"
    }
  }
}
