// The receiving half of a connection: the receive sequence space of RFC 9293 §3.3.1, reassembly, the
// window we offer and the urgent mark. Knows when an ACK is owed, sends none.
//
//    read here      next                     edge
//     | ring: in order | gap, out of order …   |  never accepted
//
// `edge` is the true right edge: the largest ever promised, before rounding by the window shift
// (TS-4), and it never moves left (R9293-SHLD-14).

struct ReceiveSide: ~Copyable {
  /// Octets up to `next` to be read, and out-of-order octets behind them.
  var ring = ByteRing()
  var outOfOrder = SequenceRanges()
  /// IRS
  var initial = SequenceNumber(0)
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
  private let maximumBuffer: UInt32
  /// Octets read since the limit last grew.
  private var readSinceGrowth: UInt32 = 0
  /// Received in order since the last ACK.
  private(set) var unacknowledgedCount: UInt32 = 0
  /// RMSS: the largest segment the peer has sent, for counting full segments.
  private(set) var segmentSize: UInt16 = 0
  /// Super-segments received since the last ACK (OFF-7).
  private(set) var superSegments: UInt8 = 0
  /// Rcv.Wind.Shift: as offered on our SYN, and 0 again when the peer does not scale.
  private(set) var windowShift: UInt8 = 0
  /// Window scaling is offered, or agreed.
  private(set) var isScaled = false
  private var hasFIN = false
  /// The FIN's turn has come: everything before it has arrived.
  private(set) var isFinished = false
  private(set) var isUrgent = false
  /// Both ends said that they understand SACK (SACK-1).
  var sendsSACK = false
  /// What arrived twice and has not been reported (SACK-8).
  private var duplicate: SACKBlocks.Block?
  /// The last segment we sent offered no window.
  var isShut = false
  /// The program is gone; octets are acknowledged and thrown away.
  var discardsText = false

  init(bufferLimit: Int, maximumBuffer: Int) {
    self.bufferLimit = UInt32(bufferLimit)
    self.maximumBuffer = UInt32(maximumBuffer)
  }

  /// The peer's SYN has arrived.
  mutating func begin(initial: SequenceNumber) {
    self.initial = initial
    next = initial + 1
    edge = next + Int(min(bufferLimit, UInt32(UInt16.max)))
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

  /// How far the right edge could be moved now.
  private var possibleEdge: SequenceNumber {
    let possible = next + max(0, Int(bufferLimit) - ring.count)
    return .latest(edge, possible)
  }

  /// Silly-window avoidance (RFC 9293 §3.8.6.2.2, MUST-39): the edge moves by at least half the
  /// buffer or a full segment, or not at all.
  private var edgeMayMove: Bool {
    let gain = possibleEdge - edge
    return gain > 0 && gain >= min(Int(bufferLimit) / 2, max(Int(segmentSize), 536))
  }

  /// The peer may soon be held back by a window that is larger by now: worth an ACK of its own.
  var owesWindowUpdate: Bool { !isFinished && edgeMayMove && window < Int(bufferLimit) / 2 }

  /// The window field of a segment sent now; moves the edge as far as it may.
  mutating func windowField() -> UInt16 {
    if edgeMayMove { edge = possibleEdge }
    // Rounding down would let the edge seem to retreat (RFC 7323 §2.4 allows it); while there is room
    // it is rounded up instead.
    let unit = 1 << Int(windowShift)
    let roundedUp = next + (window + unit - 1) / unit * unit
    if roundedUp <= possibleEdge { edge = roundedUp }
    return UInt16(min(window >> windowShift, Int(UInt16.max)))
  }

  /// Fields of SYN segments are never scaled (TS-2).
  var unscaledWindowField: UInt16 { UInt16(min(Int(bufferLimit), Int(UInt16.max))) }

  /// The same when text has come with the SYN: no more than was promised.
  var unscaledWindow: UInt16 { UInt16(min(window, Int(UInt16.max))) }

  // MARK: Reading

  /// The program took `count` octets.
  mutating func consume(_ count: Int, mayGrow: Bool, pool: inout BufferPool) {
    ring.consume(count)
    // A reader that empties a whole window's worth keeps up: offer twice as much.
    readSinceGrowth = readSinceGrowth &+ UInt32(truncatingIfNeeded: count)
    if mayGrow, readSinceGrowth >= bufferLimit, ring.isEmpty, bufferLimit < maximumBuffer {
      bufferLimit = min(bufferLimit * 2, maximumBuffer)
      readSinceGrowth = 0
    }
    if isUrgent, urgentEnd <= readPosition { isUrgent = false }
    if ring.isEmpty, outOfOrder.isEmpty { ring.release(to: &pool) }
  }

  /// Sequence number of the next octet to be read.
  private var readPosition: SequenceNumber { next - ring.count }

  /// Urgent octets still unread, as far as they have been announced (R9293-MUST-33).
  var urgentCount: Int { isUrgent ? max(0, urgentEnd - readPosition) : 0 }

  /// The program reads no more: what it left unread goes, what comes is thrown away.
  mutating func discard(pool: inout BufferPool) {
    discardsText = true
    outOfOrder.removeAll()
    ring.release(to: &pool)
  }

  /// Gives all memory back.
  mutating func release(pool: inout BufferPool) {
    outOfOrder.removeAll()
    ring.release(to: &pool)
  }

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
      guard count == 0 || outOfOrder.insert(sequence, sequence + count) else { return .refused }
      ring.write(text, at: ring.count + (sequence - next), from: &pool)
      return .outOfOrder
    }
    unacknowledgedCount &+= UInt32(count)
    if isSuperSegment, superSegments < .max { superSegments += 1 }
    next += count
    if discardsText { return .inOrder }
    ring.append(text, from: &pool)
    if outOfOrder.isEmpty { return .inOrder }
    if let reached = outOfOrder.takeReached(by: next) {
      ring.extend(by: reached - next)
      unacknowledgedCount &+= UInt32(reached - next)
      next = reached
    }
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
    if sendsSACK, start < end { duplicate = SACKBlocks.Block(left: start, right: end) }
  }

  /// What the next segment reports: first a duplicate, once, then what has arrived out of order, the
  /// latest first (RFC 2018 §4, SACK-2, SACK-3).
  mutating func takeSACKBlocks(
    limit: Int, reportsDuplicates: Bool, _ counters: inout TCPCounters
  ) -> SACKBlocks {
    var blocks = SACKBlocks()
    guard sendsSACK else { return blocks }
    if let duplicate, reportsDuplicates {
      blocks.append(duplicate)
      counters.duplicatesSent += 1
    }
    duplicate = nil
    var range = outOfOrder.latest()
    while let next = range, Int(blocks.count) < limit {
      blocks.append(SACKBlocks.Block(left: next.start, right: next.end))
      range = outOfOrder.latest(before: next)
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
