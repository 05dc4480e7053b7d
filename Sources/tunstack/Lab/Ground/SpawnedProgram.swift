// Runs a program of the PATH to its end and waits for it. For short commands like `ip`; a program
// belongs to the network namespace of the thread that starts it. Blocks, so never on a loop.

import Glibc

enum SpawnedProgram {
  enum End: Sendable, Equatable {
    /// With this status; 128 and the signal when a signal ended it.
    case exited(Int32)
    /// `errno` of posix_spawnp(3).
    case notStarted(Int32)
  }

  static func run(_ words: [String]) -> End {
    var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { for index in words.indices { unsafe free(arguments[index]) } }
    var child: pid_t = 0
    let code = unsafe posix_spawnp(&child, words[0], nil, nil, &arguments, environ)
    guard code == 0 else { return .notStarted(code) }
    var word: Int32 = 0
    while unsafe waitpid(child, &word, 0) < 0 {
      guard errno == EINTR else { return .notStarted(errno) }
    }
    let signal = word & 0x7F
    return .exited(signal == 0 ? (word >> 8) & 0xFF : 128 + signal)
  }
}
