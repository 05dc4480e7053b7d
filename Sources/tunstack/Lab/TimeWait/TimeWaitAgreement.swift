// When our stack and the kernel are said to agree. Until the first TIME_WAIT can expire, each second's
// counts may differ by 20 or by 2 %, whichever is more. Then the counts follow the pace of the two
// workloads, which is not TCP's; only the end counts again. The kernel may be late there: its timer
// wheel rounds a minute up, by 2 s at 250 ticks a second and by 5 s at 100.

import UserTCPRuntime

struct TimeWaitAgreement: Sendable, Equatable {
  static let absolute = 20
  static let percent = 2
  /// How much earlier, and how much later than ours the kernel's last TIME_WAIT may go.
  static let (secondsEarlier, secondsLater) = (2, 6)
  /// How long TIME_WAIT lasts with both.
  static let timeWaitSeconds = 60

  /// The largest difference of a count that was compared.
  var largestDifference = 0
  /// What is past the tolerance, a line each.
  var problems: [String] = []

  var agrees: Bool { problems.isEmpty }

  init(ours: TimeWaitRecord, kernel: TimeWaitRecord) {
    if ours.workload.failed != 0 || kernel.workload.failed != 0 {
      problems.append(
        "connections failed: \(ours.workload.failed) here, \(kernel.workload.failed) there")
    }
    let longest = max(ours.workload.seconds, kernel.workload.seconds)
    let settled = Self.timeWaitSeconds - Int(longest.rounded(.up)) - Self.secondsEarlier
    for (second, pair) in zip(ours.samples, kernel.samples).enumerated() where second < settled {
      compare("TIME_WAIT", pair.0.server[.timeWait], pair.1.server[.timeWait], second)
      compare("ESTABLISHED", pair.0.server[.established], pair.1.server[.established], second)
      compare("the client's TIME_WAIT", pair.0.clientTimeWait, pair.1.clientTimeWait, second)
    }
    compareEnds(ours.gone, kernel.gone)
  }

  private mutating func compare(_ what: String, _ ours: Int, _ kernel: Int, _ second: Int) {
    let difference = abs(ours - kernel)
    largestDifference = max(largestDifference, difference)
    if difference > max(Self.absolute, max(ours, kernel) * Self.percent / 100) {
      problems.append("second \(second): \(what) \(ours) here, \(kernel) there")
    }
  }

  private mutating func compareEnds(_ ours: Int?, _ kernel: Int?) {
    switch (ours, kernel) {
    case (nil, nil): break
    case (let ours?, let kernel?)
    where (-Self.secondsEarlier...Self.secondsLater).contains(kernel - ours): break
    default:
      let words = [ours, kernel].map { $0.map { "in second \($0)" } ?? "not" }
      problems.append("TIME_WAIT is gone \(words[0]) here, \(words[1]) there")
    }
  }
}
