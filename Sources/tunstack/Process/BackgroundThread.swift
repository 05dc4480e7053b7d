// Threads for calls that block: signals, a terminal. The stack's loop must never wait for a person,
// nor may the few threads that Swift shares among all tasks.

import Glibc

enum BackgroundThread {
  /// Runs `body` on a thread of its own.
  static func start(_ body: @escaping @Sendable () -> Void) {
    let box = unsafe Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    // Sound: the thread takes over the reference that was retained for it, and only once.
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    precondition(code == 0, "the system gives this program no more threads")
    pthread_detach(thread)
  }

  /// What `body` returns, waiting for it without holding a thread of anyone else. A thread costs some
  /// 15 µs: nothing beside a piece of 64 KB.
  static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      start { continuation.resume(returning: body()) }
    }
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
