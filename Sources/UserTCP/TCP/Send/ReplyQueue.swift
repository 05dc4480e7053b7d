// Segments that carry no text and need nothing remembered: resets, SYN-ACKs, challenge ACKs,
// duplicate ACKs. Input puts them here, because input never sends; `poll` writes them first. The queue
// has a bound: a flood makes us answer less, not hold more, and what is lost TCP tolerates.

/// One such segment, ready to be written.
struct Reply: BitwiseCopyable {
  var key: ConnectionKey
  var header: TCPHeader
  var typeOfService: UInt8 = 0
  /// 0: the stack's default.
  var timeToLive: UInt8 = 0
  /// A SYN-ACK that was sent before.
  var isRetransmission = false
}

struct ReplyQueue: ~Copyable {
  static let limit = 4096
  private var queue = RingQueue<Reply>()

  init() {}

  var isEmpty: Bool { queue.isEmpty }

  mutating func append(_ reply: Reply, _ counters: inout TCPCounters) {
    guard queue.count < Self.limit else {
      counters.repliesDropped += 1
      return
    }
    queue.append(reply)
  }

  /// The reset that ends a connection: one each, so the number of connections bounds them.
  mutating func appendLastWord(_ reply: Reply) { queue.append(reply) }

  mutating func popFirst() -> Reply? { queue.popFirst() }
}
