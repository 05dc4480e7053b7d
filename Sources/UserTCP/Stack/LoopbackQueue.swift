// Frames from this host to itself. They leave through the same writer as all others and come back
// through the same input, one turn later, without having seen the device (IP4-5).

@safe struct LoopbackQueue: ~Copyable {
  private var outgoing: OutgoingBatch? = nil
  private var incoming: IncomingBatch? = nil
  /// A batch that was read, to be filled again.
  private var spare: IncomingBatch? = nil

  init() {}

  private(set) var isFull = false
  var isEmpty: Bool { incoming == nil }

  /// Lends a batch for one frame and queues what was written; false when the queue is full.
  mutating func write(_ body: (inout OutgoingBatch) -> Void) -> Bool {
    var batch = outgoing.take() ?? OutgoingBatch(capacity: 1)
    var queue = incoming.take() ?? spare.take() ?? IncomingBatch()
    let hasRoom = !queue.isFull
    if hasRoom {
      body(&batch)
      for index in 0..<batch.count {
        let frame = batch.copy(at: index)
        unsafe queue.append(frame.span.bytes, offload: batch.offload(at: index))
      }
      batch.removeAll()
    }
    isFull = queue.isFull
    outgoing = consume batch
    incoming = consume queue
    return hasRoom
  }

  /// Everything queued so far.
  mutating func take() -> IncomingBatch? {
    isFull = false
    return incoming.take()
  }

  /// Gives a batch back that has been read.
  mutating func give(_ batch: consuming IncomingBatch) {
    batch.removeAll()
    spare = consume batch
  }
}
