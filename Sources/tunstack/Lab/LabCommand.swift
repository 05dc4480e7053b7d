// `tunstack lab …`: experiments that need no other terminal. Each makes its own network, explains itself
// in five lines, shows what happens, and leaves nothing behind.

import ArgumentParser
import Glibc

struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Watch TCP do what its operators wonder about.",
    subcommands: [
      TimeWaitCommand.self, SYNFloodCommand.self, PortExhaustionCommand.self,
      LastAckCommand.self, OldDuplicateCommand.self, CongestionCommand.self,
      SweepCommand.self,
    ])
}

enum Lab {
  /// Runs a lab to its end, or until a signal. Namespaces and devices go with the process, so after a
  /// signal there is nothing to wait for and nothing to undo.
  static func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let (ends, end) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
    Task {
      do { end.yield(.success(try await body())) } catch { end.yield(.failure(error)) }
    }
    Task {
      if let number = await TerminationSignals.next() {
        end.yield(.failure(ExitCode(128 + number)))
      }
    }
    for await result in ends { return try result.get() }
  }

  /// What a lab prints first.
  static func explain(_ command: String, _ lines: String) {
    say("tunstack lab \(command)\n")
    for line in lines.split(separator: "\n") { say("  \(line)") }
    say("")
  }

  /// A line on standard output, at once: who watches a minute long wants to see it move.
  static func say(_ line: String) {
    print(line)
    fflush(nil)  // all streams: the variable `stdout` is not safe to name
  }

  /// The lab's own verdict was no: the output says why, and a script sees it in the exit code.
  static let disagreement = ExitCode(1)

  /// Asks for as many descriptors as the lab will open.
  static func allowDescriptors(_ count: Int) throws(Failure) {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw .system("getrlimit")
    }
    let wanted = rlim_t(count + 200)
    guard limit.rlim_cur < wanted else { return }
    guard limit.rlim_max >= wanted else {
      throw Failure(
        .unavailable,
        "the lab opens \(wanted) descriptors and may have \(limit.rlim_max); "
          + "take a smaller --open or raise 'ulimit -Hn'")
    }
    limit.rlim_cur = wanted
    guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw .system("setrlimit")
    }
  }

  /// A whole number of the command line.
  static func number(
    _ option: String, _ text: String, _ range: ClosedRange<Int>
  ) throws(Failure) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw .usage(
        "\(option): '\(text)' does not fit; take \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
