import Synchronization
import Testing

@testable import UserTCPRuntime

/// A loop on a thread of its own that runs jobs and nothing else.
private func withLoop(_ body: (EventLoop) async throws -> Void) async throws {
  let loop = try EventLoop()
  let isOver = SharedFlag()
  let thread = await withCheckedContinuation { started in
    LoopThread.start { thread in
      loop.bind()
      started.resume(returning: thread)
      while !isOver.isSet {
        if !loop.hasJobs { _ = loop.wait(for: nil, atMost: .forever) }
        loop.runJobs(budget: .milliseconds(1)) { _, _ in }
      }
      repeat { loop.runJobs(budget: .milliseconds(1)) { _, _ in } } while !loop.end()
    }
  }
  let result: Result<Void, any Error>
  do { result = .success(try await body(loop)) } catch { result = .failure(error) }
  isOver.set()
  loop.wake()
  await thread.ended()
  try result.get()
}

private final class SharedFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

@Suite struct `The event loop` {
  @Test func `runs tasks that prefer it on its own thread, also after they have waited`()
    async throws
  {
    try await withLoop { loop in
      #expect(!loop.isCurrent)
      let stayed = await Task(executorPreference: loop) {
        guard loop.isCurrent else { return false }
        for _ in 0..<100 {
          await Task.yield()
          guard loop.isCurrent else { return false }
        }
        await Task.detached {}.value
        return loop.isCurrent
      }.value
      #expect(stayed)
    }
  }

  @Test func `is woken for every job of other threads`() async throws {
    try await withLoop { loop in
      let ran = Counter()
      // Each of these finds the loop asleep, falling asleep or awake.
      await withTaskGroup { group in
        for _ in 0..<4 {
          group.addTask {
            for _ in 0..<2_000 {
              await Task(executorPreference: loop) { ran.increment() }.value
            }
          }
        }
      }
      #expect(ran.value == 8_000)
    }
  }

  @Test func `runs more jobs at once than its ring first holds, in order`() async throws {
    try await withLoop { loop in
      let log = Log<Int>()
      await withTaskGroup { group in
        group.addTask(executorPreference: loop) {
          await withTaskGroup { inner in
            for number in 0..<5_000 { inner.addTask(executorPreference: loop) { log.note(number) } }
          }
        }
      }
      #expect(log.all == Array(0..<5_000))
    }
  }

  @Test func `runs what was posted before it ended and leaves what comes after to other threads`()
    async throws
  {
    let ran = Counter()
    let ended = Mutex<EventLoop?>(nil)
    try await withLoop { loop in
      for _ in 0..<100 { loop.post { ran.increment() } }
      ended.withLock { $0 = loop }
    }
    #expect(ran.value == 100)
    let loop = try #require(ended.withLock { $0 })
    let isOnLoop = await Task(executorPreference: loop) { loop.isCurrent }.value
    #expect(!isOnLoop)
  }

  @Test func `wakes for nothing when its time is over`() throws {
    let loop = try EventLoop()
    loop.bind()
    #expect(!loop.wait(for: nil, atMost: .zero))
    #expect(!loop.wait(for: nil, atMost: .microseconds(1)))
    loop.wake()
    #expect(!loop.wait(for: nil, atMost: .forever))  // returns, because it was woken before
    #expect(loop.hasJobs)
  }

  @Test func `waits for its device`() throws {
    let loop = try EventLoop()
    loop.bind()
    let (left, right) = try MemoryDevice.pair()
    #expect(!loop.wait(for: right.descriptor, atMost: .zero))
    var batch = OutgoingBatch()
    Frames.append(Frames.tcp(), .none, to: &batch)
    #expect(try left.send(&batch))
    #expect(loop.wait(for: right.descriptor, atMost: .forever))
    var received = IncomingBatch()
    try right.receive(into: &received)
    #expect(!loop.wait(for: right.descriptor, atMost: .zero))
  }
}

@Suite struct `A value bound to a loop` {
  @Test func `is changed in place by the loop's thread`() throws {
    let loop = try EventLoop()
    loop.bind()
    let value = LoopBound(loop, [1])
    value.with { $0.append(2) }
    #expect(value.with { $0 } == [1, 2])
  }

  @Test func `cannot be touched by another thread`() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop()
      LoopBound(loop, 0).with { $0 = 1 }
    }
  }

  @Test func `cannot be touched inside an access`() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop()
      loop.bind()
      let value = LoopBound(loop, 0)
      value.with { _ in value.with { $0 = 1 } }
    }
  }
}
