// The receiving half of a connection: the receive sequence space of RFC 9293 §3.3.1, reassembly, the
// window we offer and the urgent mark. Knows when an ACK is owed, sends none.
//
//    read here      next                             edge
//     | ring: in order | gap, out of order: reassembly |  never accepted
//
// `edge` is the true right edge: the largest ever promised, before rounding by the window shift
// (TS-4), and it never moves left (R9293-SHLD-14).

/// What the stack allows the windows of its connections at the moment.
struct WindowAllowance: BitwiseCopyable {
  /// While memory is short, who has left so much unread gets no new room; `nil`: memory is not short.
  var least: Int? = nil
  /// `tcp_shrink_window`
  var mayShrink = false
}

/// The fields lie so that none leaves a gap: every connection has them.
struct ReceiveSide: ~Copyable {
  /// Octets up to `next`, to be read.
  var ring = ByteRing()
  /// IRS
  var initial = SequenceNumber(0)
  /// Octets behind a gap.
  var outOfOrder = ReassemblyQueue()
  /// RMSS: the largest segment the peer has sent, for counting full segments.
  private(set) var segmentSize: UInt16 = 0
  /// RCV.NXT
  var next = SequenceNumber(0)
  private(set) var edge = SequenceNumber(0)
  /// What the last segment we sent acknowledged (RFC 7323 §4.3, Last.ACK.sent).
  var lastAcknowledged = SequenceNumber(0)
  /// The FIN's number, once one has been seen.
  private var finSequence = SequenceNumber(0)
  /// RCV.UP: one past the last urgent octet; meaningful while `isUrgent`.
  private(set) var urgentEnd = SequenceNumber(0)
  /// How much may be buffered: grows while the reader keeps up.
  private(set) var bufferLimit: UInt32
  /// How much that should be.
  var tuning = ReceiveTuning()
  /// Super-segments received since the last ACK (OFF-7).
  private(set) var superSegments: UInt8 = 0
  /// Rcv.Wind.Shift: as offered on our SYN, and 0 again when the peer does not scale.
  private(set) var windowShift: UInt8 = 0
  /// Received in order since the last ACK.
  private(set) var unacknowledgedCount: UInt32 = 0
  /// What arrived twice and has not been reported (SACK-8); empty when there is nothing such.
  private var duplicateStart = SequenceNumber(0)
  private var duplicateEnd = SequenceNumber(0)
  /// Window scaling is offered, or agreed.
  private(set) var isScaled = false
  private var hasFIN = false
  /// The FIN's turn has come: everything before it has arrived.
  private(set) var isFinished = false
  private(set) var isUrgent = false
  /// Both ends said that they understand SACK (SACK-1).
  var sendsSACK = false
  /// The last segment we sent offered no window.
  var isShut = false
  /// The program is gone; octets are acknowledged and thrown away.
  var discardsText = false

  init(bufferLimit: Int) { self.bufferLimit = UInt32(bufferLimit) }

  /// The peer's SYN has arrived.
  /// - Parameter window: what our SYN-ACK has offered; `nil`: what a SYN of ours offers.
  mutating func begin(initial: SequenceNumber, window: UInt16? = nil) {
    self.initial = initial
    next = initial + 1
    edge = next + Int(window ?? unscaledWindowField)
    lastAcknowledged = next
  }

  /// Fixed from our SYN on: what is offered there holds for the life of the connection.
  mutating func offerScaling(shift: UInt8) {
    windowShift = shift
    isScaled = true
  }

  /// The peer's SYN had no window scale: neither end scales (TS-1).
  mutating func refuseScaling() {
    windowShift = 0
    isScaled = false
  }

  /// The smallest shift with which the largest buffer can be offered (RFC 7323 §2.3, SYS-26).
  static func windowShift(for maximumBuffer: Int) -> UInt8 {
    var shift: UInt8 = 0
    while shift < 14, maximumBuffer >> shift > Int(UInt16.max) { shift += 1 }
    return shift
  }

  // MARK: Window

  /// RCV.WND
  var window: Int { edge - next }

  /// The largest window that the field can say.
  private var largestWindow: Int { Int(UInt16.max) << Int(windowShift) }

  /// How far the right edge could be moved now.
  private func possibleEdge(_ allowance: WindowAllowance) -> SequenceNumber {
    if let least = allowance.least, ring.count >= least { return edge }
    let possible = next + min(max(0, Int(bufferLimit) - ring.count), largestWindow)
    return .latest(edge, possible)
  }

  /// What there is room for, whatever was promised: nothing rather than a silly window.
  private func shrunkWindow(_ allowance: WindowAllowance) -> Int {
    if let least = allowance.least, ring.count >= least { return 0 }
    let room = max(0, Int(bufferLimit) - ring.count)
    return room < leastGain ? 0 : room
  }

  /// Less than this is not worth offering.
  private var leastGain: Int { min(Int(bufferLimit) / 2, max(Int(segmentSize), 536)) }

  /// Silly-window avoidance (RFC 9293 §3.8.6.2.2, MUST-39): the edge moves by at least half the
  /// buffer or a full segment, or not at all.
  private func edgeMayMove(to possible: SequenceNumber) -> Bool {
    let gain = possible - edge
    return gain > 0 && gain >= leastGain
  }

  /// The peer may soon be held back by a window that is larger by now: worth an ACK of its own.
  func owesWindowUpdate(_ allowance: WindowAllowance) -> Bool {
    guard !isFinished else { return false }
    // A window that was offered as shut although its edge lies further on.
    if isShut, window > 0, allowance.mayShrink { return shrunkWindow(allowance) > 0 }
    return window < Int(bufferLimit) / 2 && edgeMayMove(to: possibleEdge(allowance))
  }

  /// The window field of a segment sent now; moves the edge as far as it may.
  mutating func windowField(_ allowance: WindowAllowance = WindowAllowance()) -> UInt16 {
    let possible = possibleEdge(allowance)
    if edgeMayMove(to: possible) { edge = possible }
    // Rounding down would let the edge seem to retreat (RFC 7323 §2.4 allows it); while there is room
    // it is rounded up instead.
    let unit = 1 << Int(windowShift)
    let roundedUp = next + (window + unit - 1) / unit * unit
    if roundedUp <= possible { edge = roundedUp }
    let offered = allowance.mayShrink ? min(window, shrunkWindow(allowance)) : window
    return UInt16(min(offered >> windowShift, Int(UInt16.max)))
  }

  /// Fields of SYN segments are never scaled (TS-2).
  var unscaledWindowField: UInt16 { UInt16(min(Int(bufferLimit), Int(UInt16.max))) }

  /// The same when text has come with the SYN: no more than was promised.
  var unscaledWindow: UInt16 { UInt16(min(window, Int(UInt16.max))) }

  // MARK: Reading

  /// The program took `count` octets.
  mutating func consume(_ count: Int, pool: inout BufferPool) {
    ring.consume(count)
    if isUrgent, urgentEnd <= readPosition { isUrgent = false }
    if ring.isEmpty { ring.release(to: &pool) }
  }

  /// Sequence number of the next octet to be read.
  private var readPosition: SequenceNumber { next - ring.count }

  /// Urgent octets still unread, as far as they have been announced (R9293-MUST-33).
  var urgentCount: Int { isUrgent ? max(0, urgentEnd - readPosition) : 0 }

  /// The program reads no more: what it left unread goes, what comes is thrown away.
  mutating func discard(pool: inout BufferPool) {
    discardsText = true
    outOfOrder.removeAll(pool: &pool)
    ring.release(to: &pool)
  }

  /// Gives all memory back.
  mutating func release(pool: inout BufferPool) {
    outOfOrder.removeAll(pool: &pool)
    ring.release(to: &pool)
  }

  // MARK: Buffer

  /// The handshake is over; it took `roundTrip`, zero when nobody knows.
  mutating func beginTuning(at now: Instant, roundTrip: Interval) {
    tuning.begin(at: now, position: next, edge: edge, roundTrip: roundTrip)
  }

  /// The least octets a buffer is good for, after what the program has read in a round trip: twice as many,
  /// since the peer may double its rate in the next, and some segments. `nil` while the round lasts.
  mutating func usefulBuffer(at now: Instant) -> Int? {
    let octets = tuning.octetsRead(upTo: readPosition, next: next, edge: edge, at: now)
    return octets.map { 2 * max($0, 0) + 16 * Int(segmentSize) }
  }

  /// Makes the buffer as large as `size`, but not larger than `most` or than a window can be.
  mutating func growBuffer(to size: Int, atMost most: Int) {
    bufferLimit = max(bufferLimit, UInt32(clamping: min(size, most, largestWindow)))
  }

  /// The program has chosen a size. What was promised stays (R9293-SHLD-14).
  mutating func setBuffer(_ size: Int) { bufferLimit = UInt32(size) }

  // MARK: Arrival

  func accepts(_ sequence: SequenceNumber, length: Int) -> Bool {
    Self.accepts(sequence, length: length, next: next, edge: edge)
  }

  /// RFC 9293 §3.10.7.4, first: the four cases of segment acceptability (LC-6).
  static func accepts(
    _ sequence: SequenceNumber, length: Int, next: SequenceNumber, edge: SequenceNumber
  ) -> Bool {
    let window = edge - next
    if length == 0 {
      return window == 0 ? sequence == next : sequence >= next && sequence < edge
    }
    guard window > 0 else { return false }
    let last = sequence + (length - 1)
    return (sequence >= next && sequence < edge) || (last >= next && last < edge)
  }

  /// How the peer cuts its data: learnt from each segment with text.
  mutating func learnSegmentSize(_ segment: TCPSegment) {
    let size = segment.segmentSize > 0 ? segment.segmentSize : segment.textCount
    segmentSize = UInt16(clamping: max(Int(segmentSize), size))
  }

  enum Placement: BitwiseCopyable {
    case inOrder
    /// In order, and all or part of a gap that others wait behind.
    case filledGap
    case outOfOrder
    /// Out of order, and there was no room to remember it.
    case refused
    /// In order, and the stack's memory is spent: as if it had not come.
    case noMemory
  }

  /// Takes text whose first octet is `sequence`, already cut to the window, and a FIN behind it.
  mutating func place(
    _ text: RawSpan, at sequence: SequenceNumber, isSuperSegment: Bool, pool: inout BufferPool
  ) -> Placement {
    let count = text.byteCount
    if sequence > next {
      guard !discardsText else { return .refused }
      if count > 0, let known = outOfOrder.touch(sequence, sequence + count) {
        duplicateArrived(known.start, known.end)
      }
      let isKept = count == 0 || outOfOrder.insert(text, at: sequence, pool: &pool)
      return isKept ? .outOfOrder : .refused
    }
    guard discardsText || ring.append(text, from: &pool) else { return .noMemory }
    unacknowledgedCount &+= UInt32(count)
    if isSuperSegment, superSegments < .max { superSegments += 1 }
    next += count
    if outOfOrder.isEmpty { return .inOrder }
    let reached = outOfOrder.takeReached(by: next, into: &ring, pool: &pool)
    unacknowledgedCount &+= UInt32(reached)
    next += reached
    return .filledGap
  }

  /// Remembers a FIN, in order or not (LC-14); true when its turn has come.
  mutating func placeFIN(at sequence: SequenceNumber) {
    hasFIN = true
    finSequence = sequence
  }

  /// Consumes the FIN's number once all before it has arrived (LC-13).
  mutating func reachFIN() -> Bool {
    guard hasFIN, !isFinished, next == finSequence else { return false }
    next += 1
    isFinished = true
    return true
  }

  /// RFC 9293 §3.10.7.4, sixth: RCV.UP <- max(RCV.UP, SEG.UP); true when the program is to be told.
  mutating func urgentArrives(end: SequenceNumber) -> Bool {
    if isUrgent ? end <= urgentEnd : end <= readPosition { return false }
    urgentEnd = end
    isUrgent = true
    return true
  }

  // MARK: SACK

  /// Octets arrived again; the next segment says so (RFC 2883).
  mutating func duplicateArrived(_ start: SequenceNumber, _ end: SequenceNumber) {
    guard sendsSACK, start < end else { return }
    (duplicateStart, duplicateEnd) = (start, end)
  }

  /// What the next segment reports: first a duplicate, once, then what has arrived out of order, the
  /// latest first (RFC 2018 §4, SACK-2, SACK-3).
  mutating func takeSACKBlocks(
    limit: Int, reportsDuplicates: Bool, _ counters: inout TCPCounters
  ) -> SACKBlocks {
    var blocks = SACKBlocks()
    guard sendsSACK else { return blocks }
    if duplicateStart != duplicateEnd, reportsDuplicates {
      blocks.append(SACKBlocks.Block(left: duplicateStart, right: duplicateEnd))
      counters.duplicatesSent += 1
    }
    duplicateStart = duplicateEnd
    outOfOrder.forEachRecent(atMost: limit - Int(blocks.count)) { range in
      blocks.append(SACKBlocks.Block(left: range.start, right: range.end))
    }
    return blocks
  }

  // MARK: Acknowledging

  /// "at least every second full-sized segment" (RFC 9293 §3.8.6.3, SHLD-19).
  var owesImmediateACK: Bool { unacknowledgedCount >= 2 * UInt32(max(segmentSize, 1)) }

  /// Everything up to `next` has been acknowledged.
  mutating func acknowledgmentSent() {
    lastAcknowledged = next
    unacknowledgedCount = 0
    superSegments = 0
  }
}
