// The program's calls on one connection: SEND, RECEIVE, CLOSE and ABORT of RFC 9293 §3.10. They
// change the connection and mark it ready; the segments follow with the next `poll`.

extension Connection {
  /// SEND: takes what fits and says how much that was.
  mutating func write(
    _ bytes: RawSpan, urgent: Bool, _ context: inout TCPContext
  ) throws(TCPError) -> Int {
    if let outcome { throw outcome }
    guard acceptsWrites, !send.isFinished else {
      throw state.isSynchronized ? .closed : .notConnected
    }
    let room = writableCount(context)
    let count = send.append(bytes, atMost: room, pool: &context.buffers)
    if urgent, count > 0 {
      send.isUrgent = true
      send.urgentEnd = send.dataEnd
    }
    if count < bytes.byteCount { send.isWriterWaiting = true }
    if count > 0 { flags.insert(.isOutputDue) }
    return count
  }

  var readable: Readable {
    if !receive.ring.isEmpty { return .bytes(receive.ring.count) }
    return receive.isFinished ? .endOfStream : .nothingYet
  }

  mutating func consume(_ count: Int, _ context: inout TCPContext) {
    receive.consume(count, pool: &context.buffers)
    if let useful = receive.usefulBuffer(at: context.now) { growReceiveBuffer(to: useful, context) }
    if outcome == nil, receive.owesWindowUpdate(context.windowAllowance) { acknowledgeNow() }
  }

  /// CLOSE, as half-close: a FIN follows what was written (LC-16).
  mutating func finish(_ context: inout TCPContext) {
    guard !send.isFinished else { return }
    switch state {
    case .synSent: fail(.closed, &context)  // RFC 9293 §3.10.4: delete the TCB
    case .synReceived: send.isFinished = true  // the FIN follows the handshake
    case .established, .closeWait:
      send.isFinished = true
      move(on: .close, &context)
    case .finWait1, .finWait2, .timeWait, .closed, .lastAck, .listen, .closing: break
    }
    flags.insert(.isOutputDue)
  }

  /// The program is done with reading and writing. Unread octets, or new ones after `grace`, tell the
  /// peer by a reset that they were in vain (R9293-SHLD-3, MAY-1).
  mutating func close(grace: Interval, _ context: inout TCPContext) {
    release(&context)
    guard outcome == nil else { return }
    if grace == .zero, !receive.ring.isEmpty {
      context.counters.abortsOnClose += 1
      return abort(&context)
    }
    receive.discard(pool: &context.buffers)
    // The room that unread octets took is free again.
    if receive.owesWindowUpdate(context.windowAllowance) { acknowledgeNow() }
    if grace > .zero, !receive.isFinished {
      deadlines.closing = context.now + grace
    } else {
      flags.insert(.refusesText)
    }
    finish(&context)
    guard outcome == nil else { return }
    // Nobody waits for what an orphan has yet to send, least of all when there is no memory (SYS-15).
    let isBurden = context.buffers.isExhausted && !send.ring.isEmpty
    if isBurden || context.orphanCount > context.settings.maximumOrphans {
      context.counters.abortsOnMemory += 1  // SYS-15
      return abort(&context)
    }
    if state == .finWait2, deadlines.closing == .never { waitAsOrphan(&context) }
  }

  /// FIN-WAIT-2 without a program: for a while, not less than a repeated FIN may take (SYS-9, LC-21).
  mutating func waitAsOrphan(_ context: inout TCPContext) {
    if options.finWaitSeconds < 0 {
      context.counters.abortsOnLinger += 1
      return abort(&context)
    }
    let wait =
      options.finWaitSeconds > 0
      ? .seconds(Int64(options.finWaitSeconds)) : context.settings.finTimeout
    deadlines.closing = context.now + max(wait, roundTrip.timeout * 7 / 2)
  }

  /// The program gives its handle back: what is not over is an orphan from now on.
  mutating func release(_ context: inout TCPContext) {
    flags.insert(.isReleased)
    if outcome == nil { context.orphanCount += 1 }
  }

  /// ABORT (RFC 9293 §3.10.5, LC-19).
  mutating func abort(_ context: inout TCPContext) {
    guard outcome == nil else { return }
    switch state {
    case .synReceived, .established, .finWait1, .finWait2, .closeWait: resetPeer(&context)
    case .synSent, .timeWait, .closed, .lastAck, .listen, .closing: break
    }
    fail(.aborted, &context)
  }

  mutating func change(
    _ change: (inout ConnectionOptions) -> Void, _ context: inout TCPContext
  ) {
    let before = (options.keepAlive, options.followsKeepAliveSettings)
    let buffers = (options.receiveBuffer, options.sendBuffer)
    let timeoutBefore = options.userTimeout
    change(&options)
    options.dscp &= 0x3F
    if options.receiveBuffer != buffers.0 {
      receive.setBuffer(options.receiveBuffer(context.settings))
    }
    if options.sendBuffer != buffers.1 {
      send.bufferLimit = UInt32(options.sendBuffer(context.settings))
    }
    guard outcome == nil else { return }
    if before != (options.keepAlive, options.followsKeepAliveSettings) { startKeepAlive(&context) }
    if timeoutBefore != options.userTimeout, state.isSynchronized {
      advertiseUserTimeout(context.settings)
    }
    if options.quickAcknowledgment, deadlines.acknowledgment != .never { acknowledgeNow() }
    if send.isWriterWaiting { wakeWriter(context) }
    flags.insert(.isOutputDue)  // Nagle or the cork may have been switched off
  }
}
