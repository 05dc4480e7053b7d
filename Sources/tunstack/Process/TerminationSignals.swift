// SIGTERM and SIGINT as values that a task waits for. They are blocked before any thread exists, so
// that every thread inherits the mask, and one thread of ours takes them with sigwait: nothing
// runs in a signal handler, where hardly anything may be called.

import Glibc

struct TerminationSignals: Sendable {
  /// The signals as they come, by number.
  let arrivals: AsyncStream<Int32>

  /// Call first thing in the program, before there is a second thread.
  static func block() {
    var set = set
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)  // a reader of ours that went away is an error code, not our death
  }

  /// Starts taking them. Once in a program.
  init() {
    let (arrivals, continuation) = AsyncStream.makeStream(
      of: Int32.self, bufferingPolicy: .bufferingNewest(4))
    self.arrivals = arrivals
    BackgroundThread.start {
      var set = Self.set
      while true {
        var number: Int32 = 0
        if unsafe sigwait(&set, &number) == 0 { continuation.yield(number) }
      }
    }
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}

extension TerminationSignals {
  /// The next signal's number; `nil` when the task is cancelled. One task at a time.
  func next() async -> Int32? {
    for await number in arrivals { return number }
    return nil
  }
}
