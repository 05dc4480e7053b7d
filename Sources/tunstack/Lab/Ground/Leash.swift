// What a thread that blocks in poll(2) is held by: it waits for one end of a pipe beside all else, and ends when
// the other is closed, because the value that holds it has gone.

import Glibc

struct Leash: ~Copyable {
  /// The thread's end: readable once the holder has gone. The thread closes it.
  let heldEnd: Int32
  private let end: Int32

  init() throws(Failure) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw .system("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (heldEnd, end) = (ends[0], ends[1])
  }

  deinit { close(end) }
}
