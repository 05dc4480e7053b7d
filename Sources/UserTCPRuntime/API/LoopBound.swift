// State that belongs to a thread instead of to an actor. An access costs two comparisons where a
// call of an actor costs a hop or two allocations (SWIFT-FACTS); what makes it safe is checked each
// time: the thread, and that no access is inside another.

/// A value that only its loop's thread touches, one access at a time.
@safe final class LoopBound<Value: ~Copyable>: @unchecked Sendable {
  // Sound as Sendable: `with` lets nobody but the loop's thread pass.
  let loop: EventLoop
  /// For code that runs on the loop by construction and must not hold an access while it calls
  /// handlers: the turn and `ConnectionContext`.
  let unchecked: UnsafeMutablePointer<Value>
  private(set) var isInUse = false

  init(_ loop: EventLoop, _ value: consuming Value) {
    self.loop = loop
    unsafe unchecked = .allocate(capacity: 1)
    unsafe unchecked.initialize(to: value)
  }

  deinit {
    unsafe unchecked.deinitialize(count: 1)
    unsafe unchecked.deallocate()
  }

  func with<Result: ~Copyable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(loop.isCurrent, "not on the stack's loop: use `try await stack.onLoop { … }`")
    precondition(!isInUse, "an access to the stack inside another")
    isInUse = true
    defer { isInUse = false }
    return unsafe try body(&unchecked.pointee)
  }
}
