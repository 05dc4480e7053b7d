// How much memory the buffers of all connections may take, and what an operator is told when it is short
// (`tcp_mem`, SEC-28). Past the second mark windows stop growing, past the third nothing is lent to what
// can wait: `BufferPool.limit` sees to that.

/// `tcp_mem` in octets: three marks, none below the one before.
public struct MemoryMarks: Hashable, Sendable, BitwiseCopyable {
  /// Below it memory is no longer short.
  public var low = 128 << 20
  /// Above it memory is short.
  public var pressure = (256 << 20) / 3 * 2 / 4096 * 4096
  /// The budget.
  public var limit = 256 << 20

  public init() {}
  public init(low: Int, pressure: Int, limit: Int) {
    (self.low, self.pressure, self.limit) = (low, pressure, limit)
  }
}

/// Whether memory is short, and since when.
struct MemoryPressure {
  private(set) var isOn = false
  private var since = Instant.zero

  /// Looks at how much is lent; once a turn is enough.
  mutating func look(
    at octets: Int, _ marks: MemoryMarks, now: Instant, _ counters: inout TCPCounters
  ) {
    if isOn {
      guard octets <= marks.low else { return }
      isOn = false
      let time = (now - since).nanoseconds / 1_000_000
      counters.memoryPressureMilliseconds += UInt64(max(time, 1))
    } else if octets > marks.pressure {
      isOn = true
      since = now
      counters.memoryPressures += 1
    }
  }
}
