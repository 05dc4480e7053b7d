// The sending half of a connection: the send sequence space of RFC 9293 §3.3.1 and the octets in
// it. Knows what may be sent; when, and what else a segment says, is `Connection+NextSegment`'s.
//
//   unacknowledged        cursor        next                dataEnd
//     | sent, to be sent again | sent, in flight | not yet sent    | FIN
//
// Normally `cursor` equals `next`. A timeout pulls the cursor back; `next` stays the highest number
// ever sent, as the RFC means SND.NXT, so an ACK of anything sent is recognised.

struct SendSide: ~Copyable {
  /// Octets from `unacknowledged` on (after the SYN), sent and unsent.
  var ring = ByteRing()
  /// ISS
  var initial: SequenceNumber
  /// SND.UNA
  var unacknowledged: SequenceNumber
  /// SND.NXT: one past the highest number sent.
  var next: SequenceNumber
  /// Where transmission goes on.
  var cursor: SequenceNumber
  /// SND.WND in octets, scaled (R9293-REC-1).
  var window: UInt32 = 0
  /// The largest window ever offered, for RFC 5961 §5 and silly-window avoidance.
  var maximumWindow: UInt32 = 0
  /// SND.WL1
  var windowSequence = SequenceNumber(0)
  /// SND.WL2
  var windowAcknowledgment = SequenceNumber(0)
  /// SND.UP: one past the last urgent octet; meaningful while `isUrgent`.
  var urgentEnd = SequenceNumber(0)
  /// How much the ring may hold.
  var bufferLimit: UInt32
  /// What is known of the path's MTU.
  var path: PathLimit
  /// Octets of text in a full segment, options taken off (R9293-MUST-16).
  var segmentSize: UInt16
  /// Snd.Wind.Shift
  var windowShift: UInt8 = 0
  var isSYNAcknowledged = false
  /// CLOSE was called: a FIN follows the last octet.
  var isFinished = false
  var isFINSent = false
  var isUrgent = false
  /// A write was cut short; its caller wants to know when there is room.
  var isWriterWaiting = false

  init(
    initial: SequenceNumber, segmentSize: Int, bufferLimit: Int, pathGeneration: UInt16
  ) {
    self.initial = initial
    path = PathLimit(agreed: segmentSize, generation: pathGeneration)
    unacknowledged = initial
    next = initial
    cursor = initial
    self.segmentSize = UInt16(segmentSize)
    self.bufferLimit = UInt32(bufferLimit)
  }

  /// Sequence number of the first octet in the ring.
  var dataStart: SequenceNumber { isSYNAcknowledged ? unacknowledged : initial + 1 }
  /// One past the last octet in the ring: the FIN's own number.
  var dataEnd: SequenceNumber { dataStart + ring.count }
  /// Sent and not acknowledged, SYN and FIN included.
  var flight: Int { next - unacknowledged }
  /// Octets of text in flight, before a SYN is acknowledged, too.
  var textFlight: Int { next - dataStart }
  /// The right edge of the peer's window.
  var windowEdge: SequenceNumber { unacknowledged + Int(window) }
  /// Something was written, or the stream finished, that has never been sent.
  var hasUnsent: Bool { next < dataEnd || (isFinished && !isFINSent) }
  var room: Int { max(0, Int(bufferLimit) - ring.count) }

  /// The buffer, and neither window, holds the next flight back: not a full segment of it is left, and the
  /// program would write more.
  var isStarved: Bool { isWriterWaiting && dataEnd - next < Int(segmentSize) }

  /// Octets that have never been sent.
  var unsent: Int { dataEnd - .latest(next, dataStart) }

  /// Takes as many octets as there is room and memory for, and says how many.
  mutating func append(_ bytes: RawSpan, atMost room: Int, pool: inout BufferPool) -> Int {
    var count = min(bytes.byteCount, room)
    while !ring.append(bytes.extracting(first: count), from: &pool) {
      // Fewer take less memory, and what fits into the ring takes none.
      count = max(count / 2, ring.capacity - ring.count)
    }
    return count
  }

  /// Advances SND.UNA; returns how many octets of text that was.
  mutating func acknowledge(_ acknowledgment: SequenceNumber) -> Int {
    let text = min(max(acknowledgment - dataStart, 0), ring.count)
    ring.consume(text)
    unacknowledged = acknowledgment
    isSYNAcknowledged = true
    if cursor < acknowledgment { cursor = acknowledgment }
    if isUrgent, urgentEnd <= acknowledgment { isUrgent = false }
    return text
  }

  /// Whether a window update may be believed (RFC 9293 §3.10.7.4, LC-12).
  func acceptsWindow(from segment: TCPSegment) -> Bool {
    windowSequence < segment.sequence
      || (windowSequence == segment.sequence && windowAcknowledgment <= segment.acknowledgment)
  }

  mutating func updateWindow(to window: UInt32, from segment: TCPSegment) {
    self.window = window
    maximumWindow = max(maximumWindow, window)
    windowSequence = segment.sequence
    windowAcknowledgment = segment.acknowledgment
  }
}
