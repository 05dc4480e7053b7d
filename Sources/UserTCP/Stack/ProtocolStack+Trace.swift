// Tracing: what a program may ask, and the few places where the stack looks. Each stands behind one Boolean.

extension ProtocolStack {
  /// Whether what happens is traced.
  public var isTracing: Bool { trace.isOn }
  /// Events that nobody took in time, since tracing began.
  public var lostTraceEvents: UInt64 { trace.lost }

  /// Begins; connections that are there already are known from their next event on. At most `limit` events
  /// wait for `nextTraceEvent`, what comes beyond is counted.
  public mutating func startTracing(limit: Int = 1 << 16) {
    trace.start(limit: limit, context.counters)
  }

  /// Ends; what waits may still be taken.
  public mutating func stopTracing() { trace.stop() }

  /// In the order in which it happened.
  public mutating func nextTraceEvent() -> TraceEvent? { trace.popFirst() }

  // MARK: Where the stack looks

  mutating func traceChanges(at slot: UInt32) {
    guard let id = connections.id(at: slot) else { return }
    let state = connections[slot].tracedState(generation: id.generation, context)
    let counts = TracedCounts(context.counters)
    trace.tellChanges(
      at: slot, of: connections[slot].key, to: state, counts, at: context.now)
  }

  mutating func traceFiredTimers(at slot: UInt32) {
    for timer in TraceTimer.allCases where connections[slot].hasFired(timer, at: context.now) {
      trace.append(.timerFired(timer), connections[slot].key, at: context.now)
    }
  }

  mutating func traceArrival(_ segment: TCPSegment, for key: ConnectionKey) {
    trace.append(.segmentReceived(TracedSegment(segment)), key, at: context.now)
  }

  mutating func traceDeparture(
    _ header: TCPHeader, length: Int, segmentSize: Int, isRetransmission: Bool,
    _ key: ConnectionKey
  ) {
    let segment = TracedSegment(
      header, length: length, segmentSize: segmentSize, isRetransmission: isRetransmission)
    trace.append(.segmentSent(segment), key, at: context.now)
  }

  /// After a TCP packet has been dealt with: was it dropped?
  mutating func traceDrops(_ header: IPv4Header, _ payload: RawSpan) {
    let hasPorts = payload.byteCount >= 4
    let key = ConnectionKey(
      remoteAddress: header.source, remotePort: Port(hasPorts ? payload.uint16(at: 0) : 0),
      localAddress: header.destination, localPort: Port(hasPorts ? payload.uint16(at: 2) : 0))
    trace.tellDrops(of: key, context.counters, at: context.now)
  }
}
