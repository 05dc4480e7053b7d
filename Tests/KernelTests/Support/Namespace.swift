// A network namespace that belongs to one test: made, used, and removed with all that runs in it,
// also after a failure and when the tests end early. No test touches the machine's own network.

import Foundation
import Synchronization

final class Namespace: Sendable {
  let name: String

  /// `scripts/test.sh` sets the prefix, so that it can remove what a killed run has left.
  private static let prefix =
    ProcessInfo.processInfo.environment["KERNEL_TEST_PREFIX"] ?? "utcp-\(getpid())"
  private static let made = Mutex<(number: Int, living: [String])>((0, []))

  init() throws {
    name = Self.made.withLock { made in
      if made.number == 0 { atexit { Namespace.removeAll() } }
      made.number += 1
      let name = "\(Self.prefix)-\(made.number)"
      made.living.append(name)
      return name
    }
    try KernelTests.succeed(["ip", "netns", "add", name])
    try KernelTests.succeed(command(["ip", "link", "set", "lo", "up"]))
  }

  deinit { Self.remove(name) }

  /// The words that run a program in here. The program replaces `ip`, so its process id is kept.
  func command(_ words: [String]) -> [String] { ["ip", "netns", "exec", name] + words }

  @discardableResult
  func succeed(_ words: String..., input: Data? = nil, seconds: Int = 60) throws -> Outcome {
    try KernelTests.succeed(command(words), input: input, seconds: seconds)
  }

  func run(_ words: String..., input: Data? = nil, seconds: Int = 60) throws -> Outcome {
    try KernelTests.run(command(words), input: input, seconds: seconds)
  }

  func start(_ words: String..., input: Data? = nil) throws -> RunningCommand {
    try RunningCommand(command(words), input: input)
  }

  /// Runs a shell script; for what needs a pipe.
  @discardableResult
  func shell(_ script: String, seconds: Int = 60) throws -> Outcome {
    try KernelTests.succeed(
      command(["bash", "-c", "set -euo pipefail; " + script]), seconds: seconds)
  }

  func hasDevice(_ device: String) throws -> Bool {
    try run("ip", "link", "show", device).status == 0
  }

  private static func remove(_ name: String) {
    // Whatever a test has left running in here, by process id; then the namespace.
    if let pids = try? KernelTests.run(["ip", "netns", "pids", name]).text {
      for pid in pids.split(separator: "\n").compactMap({ Int32($0) }) { kill(pid, SIGKILL) }
    }
    _ = try? KernelTests.run(["ip", "netns", "delete", name])
    made.withLock { $0.living.removeAll { $0 == name } }
  }

  private static func removeAll() {
    for name in made.withLock({ $0.living }) { remove(name) }
  }
}
