// The thread of one stack as Swift sees it: a task executor. Every task the library starts prefers
// it, so a handler that need not wait never changes threads. Jobs of this thread go straight into
// the ring; those of others go through the inbox, and wake the loop only when it sleeps. It has no
// turn of its own: `TCPStack` calls `runJobs` and `wait` in the order of DESIGN §3.

internal import CTun
internal import Glibc
internal import Synchronization

/// Runs the jobs of one stack on one thread.
@safe public final class EventLoop: TaskExecutor, @unchecked Sendable {
  // Sound as Sendable: `ready` and `spare` are the loop thread's alone, the rest is atomic, locked
  // or constant.

  /// The loop thread's own jobs.
  private var ready = JobQueue()
  /// The loop's thread (a `pthread_t`) while it runs; 0, which is no thread, before and after.
  private let thread = Atomic<UInt>(0)
  /// Jobs from other threads; swapped with `spare`, so that neither is allocated again.
  private let inbox = Mutex<[UnownedJob]>([])
  private var spare: [UnownedJob] = []
  /// Whether the inbox has jobs, and whether someone must wake the loop for them.
  private let signal = Atomic<UInt8>(Signal.idle)
  /// After the last turn a job goes to the concurrent pool, where calls on the stack fail with
  /// `.closed`. Changes under the inbox's lock.
  private let hasEnded = Atomic<Bool>(false)
  /// An eventfd that interrupts `wait`.
  private let event: Int32

  private enum Signal {
    static let idle: UInt8 = 0
    static let asleep: UInt8 = 1
    static let posted: UInt8 = 2
  }

  init() throws(DeviceError) {
    event = ctun_event_open()
    guard event >= 0 else { throw .io(code: -event, call: "eventfd") }
  }

  deinit { _ = Glibc.close(event) }

  // MARK: Any thread

  /// The caller is on the loop's thread.
  public var isCurrent: Bool { thread.load(ordering: .relaxed) == pthread_self() }

  /// There will be no more turns.
  var isOver: Bool { hasEnded.load(ordering: .relaxed) }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent { return ready.append(job) }
    let accepted = inbox.withLock { jobs in
      // Decided under the lock: after `end` has emptied the inbox nothing may come in.
      guard !hasEnded.load(ordering: .relaxed) else { return false }
      jobs.append(job)
      return true
    }
    guard accepted else { return globalConcurrentExecutor.enqueue(job) }
    wake()
  }

  /// Makes the loop take another turn.
  func wake() {
    // Only who finds the loop asleep pays for a system call.
    if signal.exchange(Signal.posted, ordering: .acquiringAndReleasing) == Signal.asleep {
      ctun_event_signal(event)
    }
  }

  /// Runs `body` on the loop, some time later.
  func post(_ body: @escaping @Sendable () -> Void) {
    Task(executorPreference: self) { body() }
  }

  // MARK: The loop's thread

  /// Makes the calling thread the loop's, before anyone can enqueue.
  func bind() { thread.store(pthread_self(), ordering: .relaxed) }

  var hasJobs: Bool { !ready.isEmpty || signal.load(ordering: .relaxed) == Signal.posted }

  /// Runs jobs, also those that jobs make ready, until none is left or `budget` has passed.
  /// `afterJob` sees the coarse time before and after each.
  func runJobs(budget: Interval, afterJob: (_ start: Instant, _ end: Instant) -> Void) {
    takeInbox()
    guard !ready.isEmpty else { return }
    let deadline = MonotonicClock.now + budget
    let executor = unsafe asUnownedTaskExecutor()
    var time = MonotonicClock.coarse
    var untilClock = 16  // the precise clock costs as much as a small job: ask now and then
    while let job = ready.removeFirst() {
      unsafe job.runSynchronously(on: executor)
      let end = MonotonicClock.coarse
      afterJob(time, end)
      time = end
      untilClock -= 1
      if untilClock == 0 {
        if MonotonicClock.now >= deadline { return }
        untilClock = 16
        takeInbox()
      }
    }
  }

  /// Waits until `descriptor` is readable, a job is ready or `limit` has passed. Returns whether
  /// the descriptor is ready.
  func wait(for descriptor: Int32?, atMost limit: Interval) -> Bool {
    let (fellAsleep, _) = signal.compareExchange(
      expected: Signal.idle, desired: Signal.asleep, ordering: .acquiringAndReleasing)
    // Posted in the meantime: look at the device, but do not sleep.
    let nanoseconds = fellAsleep && ready.isEmpty ? limit : .zero
    let found = ctun_wait(
      descriptor ?? -1, event, nanoseconds == .forever ? -1 : max(0, nanoseconds.nanoseconds))
    if fellAsleep {
      _ = signal.compareExchange(
        expected: Signal.asleep, desired: Signal.idle, ordering: .acquiringAndReleasing)
    }
    if found & Int32(CTUN_EVENT_READY) != 0 { ctun_event_clear(event) }
    return found & Int32(CTUN_DEVICE_READY) != 0
  }

  /// The last call of the loop's thread: returns `false` when jobs have come in, which must be run
  /// first; after `true` none will come.
  func end() -> Bool {
    takeInbox()
    guard ready.isEmpty else { return false }
    return inbox.withLock { jobs in
      guard jobs.isEmpty else { return false }
      hasEnded.store(true, ordering: .relaxed)
      thread.store(0, ordering: .relaxed)  // the system may give the next thread the same name
      return true
    }
  }

  private func takeInbox() {
    guard signal.load(ordering: .relaxed) == Signal.posted else { return }
    // Idle before the jobs are taken: one that comes in between is signalled again.
    signal.store(Signal.idle, ordering: .sequentiallyConsistent)
    inbox.withLock { jobs in swap(&jobs, &spare) }
    for job in spare { ready.append(job) }
    spare.removeAll(keepingCapacity: true)
  }
}
