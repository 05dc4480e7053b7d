// The transmission control block (RFC 9293 §3.3.1): everything that one connection remembers from
// SYN-SENT, or from ESTABLISHED if it was opened passively, until it is CLOSED or only waits. What
// arrives, what goes out, deadlines and the program's calls are chapters of their own
// (`Connection+…`). It never sends: it changes and says with `isOutputDue` that it has something to say.

struct Connection: ~Copyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt32

    /// In the ready queue.
    static let isQueued = Flags(rawValue: 1 << 0)
    /// In the queue of notifications.
    static let isNotified = Flags(rawValue: 1 << 1)
    /// In the connection index, so that segments find it.
    static let isIndexed = Flags(rawValue: 1 << 2)
    /// The program gave its handle back: when TCP is done, the block goes too.
    static let isReleased = Flags(rawValue: 1 << 3)
    /// In an accept queue: the program does not know it yet.
    static let isUnaccepted = Flags(rawValue: 1 << 4)
    /// There may be something to send: `nextSegment` will be asked.
    static let isOutputDue = Flags(rawValue: 1 << 5)
    /// An ACK goes out now, on text or alone.
    static let isACKDue = Flags(rawValue: 1 << 6)
    /// The SYN, or in SYN-RECEIVED the SYN-ACK, is to be sent (again).
    static let isSYNDue = Flags(rawValue: 1 << 7)
    /// One segment at SND.UNA is sent again whatever the windows say.
    static let isRetransmissionDue = Flags(rawValue: 1 << 8)
    /// A window probe is due.
    static let isProbeDue = Flags(rawValue: 1 << 9)
    static let isKeepAliveDue = Flags(rawValue: 1 << 10)
    /// The silly-window override fired: a small segment may go (R9293-MUST-38).
    static let mayBeSmall = Flags(rawValue: 1 << 11)
    /// The congestion window, and not the program or the peer's window, held the last flight back.
    static let isWindowLimited = Flags(rawValue: 1 << 12)
    /// The program reads no more; new text resets the connection (SHLD-3).
    static let refusesText = Flags(rawValue: 1 << 13)
    /// A SYN or SYN-ACK had to be repeated.
    static let lostSYN = Flags(rawValue: 1 << 14)
    /// R1 was passed and reported (SHLD-9).
    static let reportedDoubt = Flags(rawValue: 1 << 15)
    /// A tail loss probe is due.
    static let isTailProbeDue = Flags(rawValue: 1 << 16)
    /// The path reorders (RFC 8985 RACK.reordering_seen); outlives the activity block.
    static let sawReordering = Flags(rawValue: 1 << 17)
    /// The congestion window has held back this flight.
    static let reachedWindow = Flags(rawValue: 1 << 18)
    /// The user timeout goes onto the next segment that has room for it (RFC 5482).
    static let owesUserTimeout = Flags(rawValue: 1 << 24)
    /// Our SYN has asked for a cookie, or carried text; what that led to is not known yet.
    static let asksFastOpen = Flags(rawValue: 1 << 25)
    /// Text on a SYN, ours or the peer's, was taken.
    static let usesFastOpen = Flags(rawValue: 1 << 26)
    /// Opened by a cookie: its listener counts it until the handshake is done.
    static let isFastOpenPending = Flags(rawValue: 1 << 27)
    /// The peer's cookie was made with the old key: it gets a new one with the SYN-ACK.
    static let owesCookie = Flags(rawValue: 1 << 28)
    /// The path may take larger segments, and probes are to find out (RFC 4821).
    static let isPathSearched = Flags(rawValue: 1 << 29)
    /// In the queue of those whose programs could write nothing for lack of memory.
    static let awaitsMemory = Flags(rawValue: 1 << 30)
  }

  let key: ConnectionKey
  private(set) var state: TCPState
  /// REMOTE_UTO as it came (RFC 5482); 0: none has. Here it fills a gap.
  var remoteUserTimeout: UInt16 = 0
  var flags: Flags = []
  /// What the program has not been told yet.
  var events: ConnectionEvents = []
  /// Why it is over; set once, on entering CLOSED or TIME-WAIT.
  private(set) var outcome: TCPError? = nil
  var softError: TCPError? = nil
  var options: ConnectionOptions

  // Here where they fill a gap.
  /// Segments acknowledged at once before delaying begins.
  var quickAcknowledgments: UInt8
  /// Unanswered keep-alive probes.
  var keepAliveProbes: UInt8 = 0
  /// SYN or SYN-ACK repetitions.
  var synRetransmissions: UInt8 = 0
  /// Retransmissions of the oldest octet since it last moved.
  var retransmissionsInRow: UInt8 = 0
  /// Which listener counts this as pending; meaningful with `isFastOpenPending`.
  var fastOpenListener = FastOpenListener()

  var send: SendSide
  var receive: ReceiveSide
  var timestamps: TimestampState
  var roundTrip: RoundTripEstimator
  var congestion: CongestionController
  var ecn = ECNState()
  /// Without SACK.
  var recovery: FastRecovery
  /// With SACK: what is in flight, and its recovery.
  var activity = ActivityBlock()
  var deadlines = Deadlines()

  /// When what is now unanswered was first sent; R2 counts from here.
  var unansweredSince = Instant.never
  var lastReceived: Instant
  var lastSent: Instant

  var bytesSent: UInt64 = 0
  var bytesReceived: UInt64 = 0
  var segmentsSent: UInt32 = 0
  var segmentsReceived: UInt32 = 0
  var retransmissions: UInt32 = 0
  /// When an invalid segment was last answered (SEC-8), in milliseconds modulo 2^32; 0: not yet.
  var lastInvalidReply: UInt32 = 0

  init(
    key: ConnectionKey, state: TCPState, initial: SequenceNumber, segmentSize: Int,
    options: ConnectionOptions, _ context: borrowing TCPContext
  ) {
    self.key = key
    self.state = state
    self.options = options
    // Not the table's generation: what is known of the path is looked up before anything is sent.
    send = SendSide(
      initial: initial, segmentSize: segmentSize, bufferLimit: options.sendBuffer(context.settings),
      pathGeneration: context.paths.generation &- 1)
    receive = ReceiveSide(bufferLimit: options.receiveBuffer(context.settings))
    timestamps = TimestampState(offset: context.timestampOffset(key))
    roundTrip = RoundTripEstimator(
      initialTimeout: context.settings.initialRetransmissionTimeout, start: initial + 1)
    congestion = CongestionController(
      context.settings.congestionAlgorithm,
      initialWindow: CongestionController.initialWindow(
        segmentSize: segmentSize, synRetransmissions: 0))
    recovery = FastRecovery(initial: initial)
    quickAcknowledgments = context.settings.quickAcknowledgments
    lastReceived = context.now
    lastSent = context.now
  }

  /// Follows an arrow of the diagram; effects hang on the state entered, never on the arrow.
  mutating func move(on event: StateEvent, _ context: inout TCPContext) {
    guard let next = state.after(event) else { return }
    enter(next, outcome: .closed, &context)
  }

  /// The connection is over because of `reason`, from whatever state.
  mutating func fail(_ reason: TCPError, _ context: inout TCPContext) {
    if reason == .timedOut { fastOpenFailed(&context) }
    switch state {
    case .synSent, .synReceived: context.counters.attemptFails += 1
    case .established, .closeWait:
      if reason != .timedOut { context.counters.establishedResets += 1 }
    case .finWait1, .finWait2, .timeWait, .closed, .lastAck, .listen, .closing: break
    }
    // Nothing unread survives a reset: "all segment queues should be flushed".
    receive.release(pool: &context.buffers)
    enter(.closed, outcome: reason, &context)
  }

  private mutating func enter(
    _ next: TCPState, outcome reason: TCPError, _ context: inout TCPContext
  ) {
    guard next != state else { return }
    context.states[state] -= 1
    if next != .timeWait, next != .closed { context.states[next] += 1 }
    state = next
    switch next {
    case .established: enterEstablished(&context)
    case .finWait1, .lastAck: flags.insert(.isOutputDue)
    case .finWait2: enterFinWait2(&context)
    case .timeWait, .closed:
      // The ACK of the peer's last FIN outlives this block.
      if next == .timeWait, flags.contains(.isACKDue) { acknowledgeAtOnce(&context) }
      outcome = reason
      if flags.contains(.isReleased) { context.orphanCount -= 1 }
      events.insert(.closed)
      deadlines = Deadlines()
      send.ring.release(to: &context.buffers)
      releaseActivity(&context)
      flags.subtract(Self.outputFlags)
    case .synSent, .synReceived, .closeWait, .listen, .closing: break
    }
  }

  private static let outputFlags: Flags = [
    .isOutputDue, .isACKDue, .isSYNDue, .isRetransmissionDue, .isProbeDue, .isKeepAliveDue,
    .isTailProbeDue, .owesUserTimeout,
  ]

  private mutating func enterEstablished(_ context: inout TCPContext) {
    beginSearchIfAlways(&context)
    followPath(&context)
    congestion = CongestionController(
      congestion.algorithm,
      initialWindow: CongestionController.initialWindow(
        segmentSize: Int(send.segmentSize), synRetransmissions: Int(synRetransmissions)))
    if flags.contains(.lostSYN) { roundTrip.beginAfterLostSYN(context.settings) }
    deadlines.retransmission = .never
    unansweredSince = .never
    retransmissionsInRow = 0
    receive.beginTuning(at: context.now, roundTrip: roundTrip.smoothed)
    startKeepAlive(&context)
    advertiseUserTimeout(context.settings)
    // Whoever accepts a connection knows, and this one may have been accepted long ago.
    if !isOpenFast { events.insert(.established) }
    flags.insert(.isOutputDue)
    // CLOSE was called before the handshake ended (RFC 9293 §3.10.4, SYN-RECEIVED).
    if send.isFinished { move(on: .close, &context) }
  }

  private mutating func enterFinWait2(_ context: inout TCPContext) {
    // An orphan does not wait for ever; a program that still reads may (LC-21).
    if flags.contains(.isReleased), deadlines.closing == .never { waitAsOrphan(&context) }
  }

  /// What holds between any two calls; tests ask.
  func debugCheckInvariants() {
    precondition(send.unacknowledged <= send.cursor && send.cursor <= send.next)
    precondition(outcome != nil || send.next <= send.dataEnd + 1)
    precondition(state == .synSent || receive.next <= receive.edge + 1)
    precondition((state == .closed || state == .timeWait) == (outcome != nil))
    // What is in flight is waited for, or about to be sent again.
    precondition(
      outcome != nil || send.flight == 0 || deadlines.retransmission != .never
        || flags.contains(.isOutputDue))
  }
}

/// When a connection wants to be asked again, whatever happens. `.never` where nothing runs.
struct Deadlines: BitwiseCopyable {
  /// Retransmission, window probe or silly-window override: one of them at a time.
  var retransmission = Instant.never
  /// The delayed ACK.
  var acknowledgment = Instant.never
  var keepAlive = Instant.never
  /// The end of discarding, or of an orphan's FIN-WAIT-2.
  var closing = Instant.never
  /// When the activity block goes if nothing is in flight then, or paced text may go on.
  var activity = Instant.never

  var earliest: Instant {
    min(min(min(retransmission, acknowledgment), min(keepAlive, closing)), activity)
  }
}
