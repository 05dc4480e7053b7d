// What the tests of the runtime count and collect from several threads.

import Synchronization

final class Counter: Sendable {
  fileprivate let count = Atomic<Int>(0)
  func increment() { count.add(1, ordering: .relaxed) }
  var value: Int { count.load(ordering: .relaxed) }
}

final class Log<Line: Sendable>: Sendable {
  private let lines = Mutex<[Line]>([])
  func note(_ line: Line) { lines.withLock { $0.append(line) } }
  var all: [Line] { lines.withLock { $0 } }
}

extension Counter {
  func add(_ number: Int) { count.add(number, ordering: .relaxed) }
}

/// Opens once; who comes before waits.
final class Gate: Sendable {
  private enum State {
    case closed([CheckedContinuation<Void, Never>])
    case open
  }

  private let state = Mutex(State.closed([]))

  func open() {
    let waiting = state.withLock { state in
      guard case .closed(let waiting) = state else { return [CheckedContinuation<Void, Never>]() }
      state = .open
      return waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        guard case .closed(let waiting) = state else { return true }
        state = .closed(waiting + [continuation])
        return false
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// What `body` has put into a buffer of `count` octets.
func withBuffer(
  _ count: Int, _ body: (UnsafeMutableRawBufferPointer) async throws -> Void
) async rethrows -> [UInt8] {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
  defer { unsafe buffer.deallocate() }
  unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
  try await unsafe body(buffer)
  return unsafe [UInt8](buffer)
}
