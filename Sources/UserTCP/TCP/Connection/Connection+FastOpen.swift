// Fast Open at a connection (RFC 7413 §4.2): the client's text on its SYN and what the answer says about it, and
// the text that a server takes before the handshake is done. The listener's side, who may, is
// ProtocolStack+FastOpen.

/// Names the listener that a connection came from, in four octets.
struct FastOpenListener: Equatable, BitwiseCopyable {
  var slot: UInt16 = 0
  var generation: UInt16 = 0
}

extension Connection {
  // MARK: Client

  /// Puts a cookie, or the request for one, on our first SYN; how many octets of text go with it. SYNs
  /// that are repeated are plain: something on the path may have disliked the first.
  mutating func openFast(_ syn: inout TCPOptions, _ context: inout TCPContext) -> Int {
    let settings = context.settings
    guard options.fastOpen, settings.fastOpen.contains(.client) else { return 0 }
    var announced: UInt16? = nil
    switch context.fastOpenCache.knowledge(of: key, at: context.now) {
    case .failure: return 0
    case _ where settings.fastOpen.contains(.clientWithoutCookie): break
    case .cookie(let cookie, let segmentSize):
      announced = segmentSize
      syn.fastOpen = .cookie(cookie)
    case .nothing: syn.fastOpen = .request
    }
    flags.insert(.asksFastOpen)
    // The user timeout is told again after the handshake; forty octets do not hold everything.
    if syn.encodedCount > TCPOptions.largest { syn.userTimeout = nil }
    if syn.fastOpen == .request { return 0 }
    let room = min(
      context.segmentSize(announcedByPeer: announced, timestamps: false),
      pathMTU(context) - TCPContext.headerCount)
    return min(send.ring.count, max(room - syn.encodedCount, 0))
  }

  /// Our SYN, which asked, is acknowledged up to `acknowledgment`: text beyond it has not been taken, and
  /// goes out again at once as if for the first time. It was refused, not lost.
  mutating func fastOpenAnswered(
    upTo acknowledgment: SequenceNumber, _ context: inout TCPContext
  ) {
    flags.remove(.asksFastOpen)
    let count = send.next - (send.initial + 1)
    let refused = send.next - acknowledgment
    send.next = acknowledgment
    send.cursor = acknowledgment
    bytesSent &-= UInt64(refused)
    guard count > 0 else { return }
    if refused == count {
      context.counters.fastOpenActiveFails += 1
    } else {
      context.counters.fastOpenActive += 1
      flags.insert(.usesFastOpen)
    }
  }

  /// What the SYN-ACK teaches about the server, for the next time.
  mutating func learnFastOpen(from synAck: TCPSegment, _ context: inout TCPContext) {
    let segmentSize = synAck.options.maximumSegmentSize ?? 536
    if case .cookie(let cookie) = synAck.options.fastOpen {
      context.fastOpenCache.learn(cookie, segmentSize: segmentSize, from: key)
    } else if flags.contains(.usesFastOpen) {
      context.fastOpenCache.succeeded(with: key, segmentSize: segmentSize)
    } else {
      // Whether the server took nothing or the network nothing but a plain SYN: only the first makes the
      // cookie worthless.
      context.fastOpenCache.failed(
        with: key, at: context.now, isCookieUseless: synRetransmissions == 0)
    }
  }

  /// The server, or something before it, does not answer a SYN like ours.
  mutating func fastOpenFailed(_ context: inout TCPContext) {
    guard flags.contains(.asksFastOpen) else { return }
    flags.remove(.asksFastOpen)
    if send.next > send.initial + 1 { context.counters.fastOpenActiveFails += 1 }
    context.fastOpenCache.failed(with: key, at: context.now, isCookieUseless: false)
  }

  /// The third timeout of such a SYN, or its last: perhaps something near us swallows all of them
  /// (`tcp_fastopen_blackhole_timeout_sec`).
  mutating func suspectBlackHole(after timeouts: Int, isLast: Bool, _ context: inout TCPContext) {
    let pause = context.settings.fastOpenBlackHolePause
    guard pause > .zero, flags.contains(.asksFastOpen),
      timeouts == 2 || (timeouts < 2 && isLast)
    else { return }
    context.counters.fastOpenBlackHoles += 1
    context.fastOpenCache.pause(for: pause, at: context.now)
  }

  // MARK: Server

  /// SYN-RECEIVED by a cookie: the program has the connection already, and may answer.
  var isOpenFast: Bool { flags.contains(.isFastOpenPending) }

  /// The program may write (RFC 9293 §3.10.2); before the handshake is done only what goes with it.
  var acceptsWrites: Bool {
    switch state {
    case .synReceived: isOpenFast
    case .synSent: options.fastOpen
    default: state.acceptsWrites
    }
  }

  /// The text of the SYN that opened this connection. A FIN never came so far.
  mutating func synTextArrives(
    _ syn: TCPSegment, _ text: RawSpan, _ context: inout TCPContext
  ) {
    var segment = syn
    segment.flags.remove(.syn)
    segment.sequence = syn.sequence + 1
    let kept = text.extracting(first: min(text.byteCount, receive.window))
    guard kept.byteCount > 0 else { return }
    receive.learnSegmentSize(segment)
    place(kept, at: segment.sequence, of: segment, &context)
    // Unless memory is spent; then it comes again.
    if receive.next > segment.sequence { flags.insert(.usesFastOpen) }
  }
}
