// How the tool fails: one line on standard error that says what is wrong and how to mend it, and
// an exit code of sysexits.h, so that a script can tell a mistake in its options from a missing
// right. Every error of the program becomes a `Failure` before it reaches the user.

import UserTCPRuntime

/// The exit codes used here, with their numbers from sysexits.h.
enum ExitStatus: Int32 {
  case success = 0
  /// The command line cannot be used (EX_USAGE).
  case usage = 64
  /// An input file cannot be read (EX_NOINPUT).
  case noInput = 66
  /// The device or the peer is not to be had (EX_UNAVAILABLE).
  case unavailable = 69
  /// A system call failed that should not (EX_OSERR).
  case system = 71
  /// An output file cannot be written (EX_CANTCREAT).
  case cannotCreate = 73
  /// Reading or writing failed while running (EX_IOERR).
  case inputOutput = 74
  /// The other side does not speak as it should (EX_PROTOCOL).
  case protocolError = 76
  /// A right is missing (EX_NOPERM).
  case notPermitted = 77
  /// A configuration file says something that makes no sense (EX_CONFIG).
  case configuration = 78
}

struct Failure: Error, Equatable, CustomStringConvertible {
  var status: ExitStatus
  /// "what; how to mend it", without the name of the program and on one line.
  var description: String

  init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }

  static func usage(_ description: String) -> Failure { Failure(.usage, description) }
}
