// Runs the programs of the machine: curl, nc, ip, python3, tunstack. Every run has a time limit, its
// output goes to files (a full pipe never blocks it), and nothing is left running.

import Foundation

/// What a finished program said.
struct Outcome {
  /// Exit code; 128 and the signal when a signal ended it, 124 when its time was over.
  var status: Int32
  var output: Data
  var errors: String

  var text: String { String(decoding: output, as: UTF8.self) }
  var errorLines: [Substring] { errors.split(separator: "\n") }
}

enum CommandError: Error, CustomStringConvertible {
  case failed(command: String, Outcome)
  case notReady(String)

  var description: String {
    switch self {
    case .failed(let command, let outcome):
      "\(command): status \(outcome.status)\n\(outcome.text.suffix(2000))\n\(outcome.errors.suffix(2000))"
    case .notReady(let what): what
    }
  }
}

/// A program that runs beside the test until it ends or is stopped.
final class RunningCommand {
  let scratch: ScratchFolder
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private var hasEnded = false
  private let name: String

  init(_ words: [String], input: Data? = nil) throws {
    name = words.joined(separator: " ")
    scratch = try ScratchFolder()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = scratch.url
    if let input {
      try input.write(to: scratch.url.appending(path: "input"))
      process.standardInput = try FileHandle(forReadingFrom: scratch.url.appending(path: "input"))
    } else {
      process.standardInput = FileHandle.nullDevice
    }
    process.standardOutput = try scratch.writableFile("output")
    process.standardError = try scratch.writableFile("errors")
    let ended = ended
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
  }

  /// `env` and `ip netns exec` replace themselves by the program, so this is the program's own id.
  var processID: Int32 { process.processIdentifier }
  var isRunning: Bool { !hasEnded && process.isRunning }
  var errorsSoFar: String { scratch.text("errors") }
  var outputSoFar: Data { scratch.data("output") }

  /// Waits for the end, at most `seconds`; a program that is not finished then is killed.
  func wait(seconds: Int) -> Outcome {
    var late = false
    if !hasEnded, ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut {
      late = true
      kill(processID, SIGKILL)
      ended.wait()
    }
    hasEnded = true
    let bySignal = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: late ? 124 : process.terminationStatus + (bySignal ? 128 : 0),
      output: scratch.data("output"), errors: scratch.text("errors"))
  }

  /// Sends a signal and waits for the end.
  func stop(_ signal: Int32 = SIGTERM, seconds: Int = 15) -> Outcome {
    if isRunning { kill(processID, signal) }
    return wait(seconds: seconds)
  }

  deinit {
    if isRunning { _ = stop(SIGKILL) }
  }
}

/// Runs a program to its end.
func run(_ words: [String], input: Data? = nil, seconds: Int = 60) throws -> Outcome {
  try RunningCommand(words, input: input).wait(seconds: seconds)
}

/// Runs a program that has to succeed.
@discardableResult
func succeed(_ words: [String], input: Data? = nil, seconds: Int = 60) throws -> Outcome {
  let outcome = try run(words, input: input, seconds: seconds)
  guard outcome.status == 0 else {
    throw CommandError.failed(command: words.joined(separator: " "), outcome)
  }
  return outcome
}

/// Asks again until the answer is yes. The kernel and other programs have their own pace; nothing
/// here decides by how long it took, only that it does happen.
func eventually(_ what: String, seconds: Int = 20, _ condition: () throws -> Bool) throws {
  let deadline = Date(timeIntervalSinceNow: TimeInterval(seconds))
  while try !condition() {
    guard Date() < deadline else { throw CommandError.notReady("waited in vain for: \(what)") }
    usleep(20_000)
  }
}

/// A folder of its own that everybody may enter, removed with its owner.
final class ScratchFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "usertcp-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  deinit { remove() }

  func remove() { try? FileManager.default.removeItem(at: url) }
  func path(_ name: String) -> String { url.appending(path: name).path }
  func data(_ name: String) -> Data { (try? Data(contentsOf: url.appending(path: name))) ?? Data() }
  func text(_ name: String) -> String { String(decoding: data(name), as: UTF8.self) }

  func writableFile(_ name: String) throws -> FileHandle {
    let file = url.appending(path: name)
    try Data().write(to: file)
    return try FileHandle(forWritingTo: file)
  }

  /// Writes a file of random octets and returns its path.
  func randomFile(_ name: String, megabytes: Int) throws -> String {
    try succeed(["sh", "-c", "head -c \(megabytes << 20) /dev/urandom > '\(path(name))'"])
    return path(name)
  }
}

/// The SHA-256 of a file, in hexadecimal.
func digest(_ path: String) throws -> String {
  String(try succeed(["sha256sum", path]).text.prefix(64))
}
