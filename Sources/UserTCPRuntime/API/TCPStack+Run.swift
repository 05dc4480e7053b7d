// A stack's life: made by `run`, which owns the device and the thread, and gone when `run` returns.
// Nothing outlives it: the body is a child task, and what it left open is reset.

internal import CTun
internal import Synchronization

extension TCPStack {
  /// Runs a stack on a device while `body` runs. `body`, and every task it starts, runs on the
  /// stack's loop.
  ///
  /// In the end connections that are still open are reset and the device is closed; call
  /// `shutdown(grace:)` before to end them properly. Throws what `body` throws, or `DeviceError`
  /// when the device cannot be opened or fails, which cancels `body`.
  public static func run<Result: Sendable>(
    device choice: DeviceChoice, address: InterfaceAddress,
    settings: StackSettings = StackSettings(), log: @escaping RuntimeLog = { _ in },
    _ body: @escaping @Sendable (TCPStack) async throws -> Result
  ) async throws -> Result {
    let device = try choice.open(address)
    let stack: TCPStack
    do {
      stack = try TCPStack(
        device: device, address: address, settings: settings, secret: try StackSecret.random(),
        log: log)
    } catch {
      device.close()
      throw error
    }
    let thread = await stack.start()
    let result = await stack.runBody(body)
    await stack.stop(thread)
    return try result.get()
  }

  private enum Ended<Result: Sendable>: Sendable {
    case body(Swift.Result<Result, any Error>)
    /// `nil`: only cancelled.
    case device(DeviceError?)
  }

  private func runBody<Result: Sendable>(
    _ body: @escaping @Sendable (TCPStack) async throws -> Result
  ) async -> Swift.Result<Result, any Error> {
    await withTaskGroup(of: Ended<Result>.self) { group in
      group.addTask(executorPreference: loop) {
        do { return .body(.success(try await body(self))) } catch { return .body(.failure(error)) }
      }
      group.addTask(executorPreference: loop) { .device(await self.deviceFailure()) }
      var result: Swift.Result<Result, any Error>?
      var failure: DeviceError?
      while let ended = await group.next() {
        group.cancelAll()  // whichever ends first ends the other
        switch ended {
        case .body(let outcome): result = outcome
        case .device(let error): failure = failure ?? error
        }
      }
      if let failure { return .failure(failure) }
      guard let result else { preconditionFailure("the body's task has a result") }
      return result
    }
  }

  // MARK: The thread

  /// Starts the loop's thread and returns when it is the loop's.
  private func start() async -> LoopThread {
    await withCheckedContinuation { started in
      LoopThread.start { thread in
        self.loop.bind()
        started.resume(returning: thread)
        self.runLoop()
      }
    }
  }

  /// Lets the loop take its last turns and returns when its thread is done with everything.
  private func stop(_ thread: LoopThread) async {
    isStopping.store(true, ordering: .releasing)
    loop.wake()
    await thread.ended()
  }
}

extension StackSecret {
  /// From the kernel's random source, so unlike any other stack's (RFC 6528 §3).
  static func random() throws(DeviceError) -> StackSecret {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    let result = unsafe ctun_random(&words, MemoryLayout.size(ofValue: words))
    guard result == 0 else { throw .io(code: -result, call: "getrandom") }
    return StackSecret(words.0, words.1, words.2, words.3)
  }
}
