// What the tests of the runtime count and collect from several threads.

import Synchronization

final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  func increment() { count.add(1, ordering: .relaxed) }
  var value: Int { count.load(ordering: .relaxed) }
}

final class Log<Line: Sendable>: Sendable {
  private let lines = Mutex<[Line]>([])
  func note(_ line: Line) { lines.withLock { $0.append(line) } }
  var all: [Line] { lines.withLock { $0 } }
}
