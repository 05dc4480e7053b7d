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

/// A program that runs beside the test until it ends or is stopped. It leads a process group of its
/// own, so that what it has started ends with it. (Foundation's `Process` waits for all of these.)
final class RunningCommand {
  let scratch: ScratchFolder
  /// `env` and `ip netns exec` replace themselves by the program, so this is the program's own id.
  let processID: Int32
  private var status: Int32?

  init(_ words: [String], input: Data? = nil) throws {
    scratch = try ScratchFolder()
    if let input { try input.write(to: scratch.url.appending(path: "input")) }
    processID = try unsafe spawn(
      words, input: input == nil ? "/dev/null" : scratch.path("input"),
      output: scratch.path("output"), errors: scratch.path("errors"))
  }

  var isRunning: Bool {
    collect()
    return status == nil
  }
  var errorsSoFar: String { scratch.text("errors") }
  var outputSoFar: Data { scratch.data("output") }

  private func collect() {
    var word: Int32 = 0
    guard status == nil, unsafe waitpid(processID, &word, WNOHANG) == processID else { return }
    let signal = word & 0x7f
    status = signal == 0 ? (word >> 8) & 0xff : 128 + signal
  }

  /// Waits for the end, at most `seconds`; a program that is not finished then is killed.
  func wait(seconds: Int) -> Outcome {
    let deadline = Date(timeIntervalSinceNow: TimeInterval(seconds))
    var late = false
    while isRunning {
      if Date() > deadline {
        late = true
        kill(-processID, SIGKILL)
      }
      usleep(2_000)
    }
    return Outcome(
      status: late ? 124 : status ?? 0, output: scratch.data("output"),
      errors: scratch.text("errors"))
  }

  /// Sends a signal and waits for the end.
  func stop(_ signal: Int32 = SIGTERM, seconds: Int = 15) -> Outcome {
    if isRunning { kill(processID, signal) }
    return wait(seconds: seconds)
  }

  deinit {
    if isRunning {
      kill(-processID, SIGKILL)
      _ = wait(seconds: 5)
    }
  }
}

/// Starts a program of the PATH with its standard streams at files.
@unsafe private func spawn(
  _ words: [String], input: String, output: String, errors: String
) throws -> pid_t {
  var files = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&files)
  defer { unsafe posix_spawn_file_actions_destroy(&files) }
  let new = O_WRONLY | O_CREAT | O_TRUNC
  // The C structures are plain values here, and every pointer lives to the end of this function.
  unsafe posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0)
  unsafe posix_spawn_file_actions_addopen(&files, 1, output, new, 0o644)
  unsafe posix_spawn_file_actions_addopen(&files, 2, errors, new, 0o644)

  var attributes = posix_spawnattr_t()
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
  unsafe posix_spawnattr_setpgroup(&attributes, 0)

  var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
  defer { for index in 0..<words.count { unsafe free(arguments[index]) } }
  var processID: pid_t = 0
  let error = unsafe posix_spawnp(
    &processID, words[0], &files, &attributes, &arguments, environ)
  guard error == 0 else {
    throw CommandError.notReady("\(words[0]) does not start: error \(error)")
  }
  return processID
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
