// How large a connection's buffers are: first, and while it shows that it can use more. A size that the
// program chose stays (SYS-27, SYS-28).

extension Connection {
  /// Dynamic right-sizing: the window follows what the program reads in a round trip (SYS-35).
  mutating func growReceiveBuffer(to useful: Int, _ context: borrowing TCPContext) {
    guard useful > Int(receive.bufferLimit), context.settings.growsReceiveBuffer,
      options.receiveBuffer == 0, !context.isMemoryShort
    else { return }
    var most = context.settings.maximumReceiveBuffer
    if receive.tuning.isNear {
      most = min(most, max(Self.nearBuffer, context.settings.receiveBuffer))
    }
    receive.growBuffer(to: useful, atMost: most)
  }

  /// Enough for 8 Gbit/s where a round trip takes less than a millisecond.
  private static let nearBuffer = 1 << 20

  /// Twice what may be in flight, so that an ACK always finds the next flight written. Asked when the
  /// buffer is what holds the sender back.
  mutating func growSendBuffer(_ context: borrowing TCPContext) {
    guard options.sendBuffer == 0, !context.isMemoryShort else { return }
    let useful = min(
      2 * min(congestion.window, Int(send.maximumWindow)), context.settings.maximumSendBuffer)
    if useful > Int(send.bufferLimit) { send.bufferLimit = UInt32(useful) }
  }

  // MARK: Writing

  /// How much the program may write now.
  func writableCount(_ context: borrowing TCPContext) -> Int {
    min(send.room, max(0, notSentLimit(context) - send.unsent))
  }

  /// How much may wait to be sent. What memory is short of is not to lie in queues.
  private func notSentLimit(_ context: borrowing TCPContext) -> Int {
    // Field by field: a copy of all settings for every write would cost more than the write.
    let own = options.notSentLowMark
    let mark = max(Int(own == 0 ? context.settings.notSentLowMark : own), 1)
    return context.isMemoryShort ? min(mark, context.settings.leastSendBuffer) : mark
  }

  /// Tells a program that waits to write once there is room for half of all there may be, so that it is not
  /// woken for every ACK.
  mutating func wakeWriter(_ context: borrowing TCPContext) {
    let most = min(Int(send.bufferLimit), notSentLimit(context))
    guard writableCount(context) >= max(most / 2, 1) else { return }
    send.isWriterWaiting = false
    events.insert(.writable)
  }
}

extension ConnectionOptions {
  func receiveBuffer(_ settings: borrowing StackSettings) -> Int {
    receiveBuffer == 0 ? settings.receiveBuffer : min(Int(receiveBuffer), BufferPool.largest)
  }

  func sendBuffer(_ settings: borrowing StackSettings) -> Int {
    sendBuffer == 0 ? settings.sendBuffer : min(Int(sendBuffer), BufferPool.largest)
  }

  /// What the window scale must be able to say.
  func largestReceiveBuffer(_ settings: borrowing StackSettings) -> Int {
    max(receiveBuffer(settings), settings.maximumReceiveBuffer)
  }
}
