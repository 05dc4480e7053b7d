// The thread of a loop: started once, awaited once.

internal import Glibc
internal import Synchronization

/// A running thread and who waits for its end.
final class LoopThread: Sendable {
  private enum State {
    case running
    case awaited(CheckedContinuation<Void, Never>)
    case ended
  }

  private let state = Mutex(State.running)
  private let body: @Sendable (LoopThread) -> Void

  private init(_ body: @escaping @Sendable (LoopThread) -> Void) { self.body = body }

  /// Runs `body` on a new thread.
  static func start(_ body: @escaping @Sendable (LoopThread) -> Void) {
    let thread = LoopThread(body)
    var handle = pthread_t()
    let failure = unsafe pthread_create(
      &handle, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<LoopThread>.fromOpaque(argument).takeRetainedValue().main()
        }
        return nil
      }, Unmanaged.passRetained(thread).toOpaque())
    precondition(failure == 0, "no thread can be started")
    pthread_detach(handle)
  }

  private func main() {
    body(self)
    state.withLock { state in
      if case .awaited(let waiter) = state { waiter.resume() }
      state = .ended
    }
  }

  /// Returns when `body` has.
  func ended() async {
    await withCheckedContinuation { waiter in
      state.withLock { state in
        if case .ended = state { waiter.resume() } else { state = .awaited(waiter) }
      }
    }
  }
}
