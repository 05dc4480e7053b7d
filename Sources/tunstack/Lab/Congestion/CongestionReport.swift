// What the congestion lab has found: medians of goodput, timeouts for every thousand losses, and whether our
// stack keeps up with the kernel. Pure: from samples to text.

import UserTCPRuntime

struct CongestionReport {
  static let explanation = """
    One connection at a time over a link with a rate, a delay, a queue that drops what does not
    fit, and losses from a seed: the kernel's TCP to itself, to this stack, and from this stack.
    All runs with a loss have the same luck. Packets are of MTU size on the link, as on a wire.
    The kernel's congestion control is CUBIC, as ours is unless --set says otherwise.
    The exit code is 1 when our stack does not keep up (docs/congestion.md).
    """

  var plan: CongestionPlan
  var samples: [CongestionSample]

  struct Cell {
    var goodput: Double
    /// For every 1,000 packets that the link has not delivered; 0 when it has delivered all.
    var timeouts: Double
  }

  /// The median of the goodputs; timeouts of all runs together, for they are few.
  func cell(_ pair: CongestionPair, _ link: Int) -> Cell {
    let chosen = samples.filter { $0.pair == pair && $0.link == link }
    let goodputs = chosen.map(\.goodput).sorted()
    guard !goodputs.isEmpty else { return Cell(goodput: 0, timeouts: 0) }
    let middle = goodputs.count / 2
    let median =
      goodputs.count % 2 == 1 ? goodputs[middle] : (goodputs[middle - 1] + goodputs[middle]) / 2
    let losses = chosen.reduce(0) { $0 + $1.losses }
    let timeouts = chosen.reduce(0) { $0 + $1.timeouts }
    return Cell(
      goodput: median, timeouts: losses == 0 ? 0 : 1000 * Double(timeouts) / Double(losses))
  }

  // MARK: The verdict

  /// Goodput at least 0.9 of the kernel's up to 1 % loss, 0.75 beyond; there at most 1.2 times its
  /// timeouts for a thousand losses.
  func keepsUp(_ pair: CongestionPair, _ link: Int) -> Bool {
    let (own, kernel) = (cell(pair, link), cell(.kernelToKernel, link))
    let isHard = plan.links[link].there.loss > 0.01
    guard own.goodput >= (isHard ? 0.75 : 0.9) * kernel.goodput else { return false }
    return !isHard || own.timeouts <= 1.2 * kernel.timeouts
  }

  var verdict: Bool {
    plan.links.indices.allSatisfy { link in
      CongestionPair.allCases.allSatisfy { keepsUp($0, link) }
    }
  }

  // MARK: Text

  /// A table as docs/congestion.md has it.
  var lines: [String] {
    var lines = [
      "", "| loss | " + CongestionPair.allCases.map(\.rawValue).joined(separator: " | ") + " |",
      "|---" + String(repeating: "|---", count: CongestionPair.allCases.count) + "|",
    ]
    for link in plan.links.indices {
      let cells = CongestionPair.allCases.map { text($0, link) }
      lines.append(
        "| \((100 * plan.links[link].there.loss).shortText) % | \(cells.joined(separator: " | ")) |"
      )
    }
    lines += [
      "",
      "Goodput, in brackets divided by the kernel's own; timeouts of the sender for 1,000 packets lost "
        + "or dropped.",
    ]
    let late = samples.reduce(0) { $0 + $1.tally.late }
    let offered = max(samples.reduce(0) { $0 + $1.tally.link.offered }, 1)
    lines.append(
      "Medians of \(plan.runs) runs of \(plan.seconds) s; the link delivered "
        + "\((100 * Double(late) / Double(offered)).text(2)) % of the packets more than 1 ms late.")
    lines.append(
      verdict
        ? "Our stack keeps up with the kernel." : "Our stack does not keep up with the kernel.")
    return lines
  }

  private func text(_ pair: CongestionPair, _ link: Int) -> String {
    let (own, kernel) = (cell(pair, link), cell(.kernelToKernel, link))
    var text = "\(own.goodput.text(1)) Mbit/s"
    if pair != .kernelToKernel, kernel.goodput > 0 {
      text += " (\((own.goodput / kernel.goodput).text(2)))"
    }
    text += ", \(own.timeouts.text(1)) timeouts"
    return keepsUp(pair, link) ? text : "**\(text)**"
  }

  var csv: CSVTable {
    var table = CSVTable(header: [
      "run", "loss_percent", "pair", "seconds", "goodput_mbit", "offered", "lost", "dropped",
      "queue_peak_octets", "retransmissions", "timeouts", "late",
    ])
    for sample in samples {
      let tally = sample.tally
      table.rows.append([
        "\(sample.run)", (100 * plan.links[sample.link].there.loss).shortText, sample.pair.rawValue,
        "\(sample.seconds)", sample.goodput.text(3), "\(tally.link.offered)",
        "\(tally.link.lost)", "\(tally.link.overflowed)", "\(tally.queuePeak)",
        "\(sample.retransmissions)", "\(sample.timeouts)", "\(tally.late)",
      ])
    }
    return table
  }
}

extension CongestionSample {
  /// While the lab runs.
  var description: String {
    "  run \(run)  \(filled(pair.rawValue, 17))\(goodput.text(1)) Mbit/s, \(tally.link.lost) lost, "
      + "\(tally.link.overflowed) dropped, \(retransmissions) sent again, \(timeouts) timeouts"
  }
}
