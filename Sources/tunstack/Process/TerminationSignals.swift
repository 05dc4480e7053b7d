// SIGTERM and SIGINT as values that a task waits for. They are blocked before any other thread exists,
// so that every thread inherits the mask, and the main thread takes them with sigwait: nothing
// runs in a signal handler, where hardly anything may be called. The main thread must stay ours
// for that: one that is given to an asynchronous `main` unblocks all signals while it is parked.

import Glibc

enum TerminationSignals {
  private static let (arrivals, continuation) = AsyncStream.makeStream(
    of: Int32.self, bufferingPolicy: .bufferingNewest(4))

  /// Call first thing in the program.
  static func block() {
    var set = set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)  // a reader of ours that went away is an error code, not our death
  }

  /// What the main thread does until the program exits.
  static func takeForEver() -> Never {
    var set = set
    while true {
      var number: Int32 = 0
      if unsafe sigwait(&set, &number) == 0 { continuation.yield(number) }
    }
  }

  /// The next signal's number; `nil` when the task is cancelled. One task at a time.
  static func next() async -> Int32? {
    for await number in arrivals { return number }
    return nil
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}
