// What a scenario left behind on one side, ours or the kernel's: the server's states once a second, and
// the TIME_WAIT that lies with the client.

import UserTCPRuntime

struct TimeWaitRecord: Sendable {
  struct Sample: Sendable, Equatable {
    var server: StateCounts
    var clientTimeWait: Int
  }

  var workload: WorkloadResult
  /// The first at the end of the workload, then one a second.
  var samples: [Sample] = []

  var timeWait: [Int] { samples.map { $0.server[.timeWait] } }

  /// The second at which the server's last TIME_WAIT was seen to be gone; `nil`: there was none, or
  /// the lab did not watch long enough.
  var gone: Int? {
    guard let last = timeWait.lastIndex(where: { $0 > 0 }), last + 1 < samples.count else {
      return nil
    }
    return last + 1
  }
}

/// The two sides of a scenario.
struct TimeWaitComparison: Sendable {
  var scenario: TimeWaitScenario
  var ours: TimeWaitRecord
  /// `nil` without a kernel beside it.
  var kernel: TimeWaitRecord?
}
