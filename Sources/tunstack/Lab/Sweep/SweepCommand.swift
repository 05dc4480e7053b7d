// `tunstack lab sweep`: thousands of simulated paths, and what must hold on each. Virtual time, no right, every
// core; the same cases give the same numbers on every machine.

import ArgumentParser
import Glibc
import UserTCPRuntime

struct SweepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Simulate thousands of paths and check what must hold on all of them.")

  @Option(help: "Paths drawn by chance, 1 to 1000000 (default: 20000, or 600 with --quick).")
  var seeds: String?

  @Option(help: "The first of them.")
  var firstSeed = "0"

  @Flag(help: "A part of the cases, in less than a minute.")
  var quick = false

  @Option(help: "Cases at the same time, 1 to 256 (default: one for each core).")
  var jobs: String?

  func run() async throws {
    let plan = try SweepPlan(self)
    try await Lab.run { try await plan.run() }
  }
}

struct SweepPlan: Sendable {
  var cases: [SweepCase]
  var jobs: Int

  init(_ command: SweepCommand) throws(Failure) {
    let count = try Lab.number(
      "--seeds", command.seeds ?? (command.quick ? "600" : "20000"), 1...1_000_000)
    let first = try Lab.number("--first-seed", command.firstSeed, 0...(.max - 1_000_000))
    cases = command.quick ? Self.quickCases : Self.allCases
    cases += (first..<first + count).map { .path(seed: UInt64($0)) }
    jobs =
      try command.jobs.map { text throws(Failure) in
        try Lab.number("--jobs", text, 1...256)
      } ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  // Long ones first, so that none is left over at the end.

  private static var quickCases: [SweepCase] {
    var cases: [SweepCase] = []
    for algorithm in CongestionAlgorithm.allCases {
      for period in [1000, 100] {
        cases.append(.response(algorithm, period: period, milliseconds: 100))
      }
      cases.append(.fairness(algorithm, kilobytes: 60, milliseconds: 40))
    }
    cases += [1, 2].map { .reordering(megabits: 10, milliseconds: 20, eighths: 8, seed: $0) }
    for segments in [1, 2, 5, 10, 23] {
      for milliseconds: Int64 in [1, 20, 200] {
        cases.append(.tail(segments: segments, milliseconds: milliseconds))
      }
    }
    return cases
  }

  private static var allCases: [SweepCase] {
    var cases: [SweepCase] = []
    for algorithm in CongestionAlgorithm.allCases {
      for period in [10_000, 3000, 1000, 300, 100] {
        for milliseconds: Int64 in [20, 100, 200] {
          cases.append(.response(algorithm, period: period, milliseconds: milliseconds))
        }
      }
      for kilobytes in [60, 120, 250, 500] {
        for milliseconds: Int64 in [10, 20, 40, 70, 100, 200] {
          cases.append(
            .fairness(algorithm, kilobytes: kilobytes, milliseconds: milliseconds))
        }
      }
    }
    for megabits in [10, 100] {
      for milliseconds: Int64 in [10, 20, 100] {
        for eighths in [1, 4, 8] {
          cases.append(
            .reordering(
              megabits: megabits, milliseconds: milliseconds, eighths: eighths,
              seed: UInt64(eighths)))
        }
      }
    }
    for segments in [1, 2, 3, 4, 5, 7, 9, 10, 11, 16, 23, 40, 80, 200] {
      for milliseconds: Int64 in [1, 2, 5, 10, 20, 50, 100, 200] {
        cases.append(.tail(segments: segments, milliseconds: milliseconds))
      }
    }
    return cases
  }

  fileprivate func run() async throws {
    Lab.explain("sweep", SweepReport.explanation)
    let clock = Stopwatch()
    let report = SweepReport(outcomes: await outcomes(), seconds: clock.seconds)
    for line in report.lines { Lab.say(line) }
    if report.hasViolation { throw Lab.disagreement }
  }

  /// In the order in which they end.
  private func outcomes() async -> [SweepCase.Outcome] {
    await withTaskGroup { group in
      var rest = cases[...]
      for _ in 0..<jobs {
        guard let next = rest.popFirst() else { break }
        // A thread of its own: a case computes for seconds and never waits.
        group.addTask { await BackgroundThread.run { next.run() } }
      }
      var outcomes: [SweepCase.Outcome] = []
      while let outcome = await group.next() {
        outcomes.append(outcome)
        guard let next = rest.popFirst() else { continue }
        group.addTask { await BackgroundThread.run { next.run() } }
      }
      return outcomes
    }
  }
}
