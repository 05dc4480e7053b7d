// `tunstack nstat`: the stack's counters in the words of iproute2's nstat; without `-a` what is new
// since it was last run, which a file in the folder for temporary files remembers.

import ArgumentParser
import Foundation

struct NstatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nstat",
    abstract: "Print the counters of a running stack as nstat does.",
    discussion: "The environment's TUNSTACK_NSTAT_HISTORY names another history file.")

  @Flag(name: [.customShort("a"), .customLong("ignore")], help: "Ignore the history.")
  var ignoresHistory = false

  @Flag(name: .shortAndLong, help: "Counters that are 0 too.")
  var zeros = false

  @Flag(name: [.customShort("s"), .customLong("noupdate")], help: "Leave the history as it is.")
  var keepsHistory = false

  @Flag(name: .shortAndLong, help: "Forget the history first.")
  var reset = false

  @Flag(name: [.customShort("n"), .customLong("nooutput")], help: "Only write the history.")
  var noOutput = false

  @Argument(help: "Names, as a shell's patterns ('Tcp*Open*').")
  var patterns: [String] = []

  @OptionGroup var control: ControlOptions

  func run() throws {
    let client = try control.client()
    let report = CounterReport(
      try client.counters(), processID: try client.overview().processID)
    let history = ignoresHistory || reset ? nil : Self.readHistory()
    if !noOutput {
      try Report.print(report.text(since: history, zeros: zeros, patterns: patterns))
    }
    if !keepsHistory { try Self.write(report) }
  }

  private static var path: String {
    ProcessInfo.processInfo.environment["TUNSTACK_NSTAT_HISTORY"]
      ?? "/tmp/.tunstack-nstat.u\(getuid())"
  }

  private static func readHistory() -> CounterReport? {
    (try? TextFile.read(path)).flatMap { CounterReport(history: $0) }
  }

  /// In a folder where everybody may write, a link that somebody laid there is not followed.
  private static func write(_ report: CounterReport) throws(Failure) {
    let path = path
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    do {
      guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
      try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        .write(contentsOf: Data(report.historyText.utf8))
    } catch {
      throw Failure(
        .cannotCreate,
        "cannot write the history '\(path)'; use -s, or name another file in "
          + "TUNSTACK_NSTAT_HISTORY")
    }
  }
}
