// A segment larger than the others that is out to see whether the path takes it (RFC 4821 §7). It carries
// new octets like any other; what its fate means `Connection+PathProbing` decides.

struct PathProbe: BitwiseCopyable {
  let start: SequenceNumber
  /// Octets of text; 0: none is out.
  let count: Int32

  static let none = PathProbe(start: SequenceNumber(0), count: 0)

  init(start: SequenceNumber, count: Int) {
    self.start = start
    self.count = Int32(count)
  }

  var isOut: Bool { count > 0 }
  var end: SequenceNumber { start + Int(count) }
}
