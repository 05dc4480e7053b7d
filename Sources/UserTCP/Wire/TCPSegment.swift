// The TCP header (RFC 9293 §3.1) as a value, in and out. Parsed once: beyond this file nobody looks
// at header octets. The payload travels beside it, borrowed from the frame.

struct TCPFlags: OptionSet, Hashable, BitwiseCopyable {
  let rawValue: UInt16

  /// Without those of ECN.
  private static let basic = TCPFlags(rawValue: 0x3F)

  static let fin = TCPFlags(rawValue: 0x01)
  static let syn = TCPFlags(rawValue: 0x02)
  static let rst = TCPFlags(rawValue: 0x04)
  static let psh = TCPFlags(rawValue: 0x08)
  static let ack = TCPFlags(rawValue: 0x10)
  static let urg = TCPFlags(rawValue: 0x20)
  /// ECN-Echo and congestion window reduced (RFC 3168 §6.1).
  static let ece = TCPFlags(rawValue: 0x40)
  static let cwr = TCPFlags(rawValue: 0x80)
  /// Accurate ECN (RFC 9768 §3.1).
  static let ae = TCPFlags(rawValue: 0x100)

  var hasNoBasicFlag: Bool { isDisjoint(with: Self.basic) }
}

/// A received segment: everything but its text.
struct TCPSegment: BitwiseCopyable {
  var sourcePort: Port
  var destinationPort: Port
  var sequence: SequenceNumber
  var acknowledgment: SequenceNumber
  var flags: TCPFlags
  /// As in the header, not scaled.
  var window: UInt16
  var urgentPointer: UInt16
  var options: TCPOptions
  /// Octets of text.
  var textCount: Int
  /// Text of each segment that a super-segment was made of; 0 for a plain segment.
  var segmentSize: Int
  /// Of the IP header; of all parts of a super-segment, because unlike ones are never put together.
  var ecn = ECNCodepoint.notECT

  /// Segments on the wire: what a super-segment was made of.
  var segmentCount: Int {
    OffloadInfo.segmentCount(text: textCount, segmentSize: segmentSize)
  }

  static let minimumHeader = 20

  enum Malformation: BitwiseCopyable {
    case header
    case options
  }

  /// The header and where the text begins, or what is wrong with it.
  static func parse(
    _ bytes: RawSpan, segmentSize: Int
  ) -> Result<(segment: TCPSegment, textOffset: Int), MalformedSegment> {
    guard bytes.byteCount >= minimumHeader else { return .failure(MalformedSegment(.header)) }
    let headerCount = Int(bytes.uint8(at: 12) >> 4) * 4
    guard headerCount >= minimumHeader, headerCount <= bytes.byteCount else {
      return .failure(MalformedSegment(.header))
    }
    guard
      let options = TCPOptions(parsing: bytes.extracting(minimumHeader..<headerCount))
    else { return .failure(MalformedSegment(.options)) }
    let segment = TCPSegment(
      sourcePort: Port(bytes.uint16(at: 0)), destinationPort: Port(bytes.uint16(at: 2)),
      sequence: SequenceNumber(bytes.uint32(at: 4)),
      acknowledgment: SequenceNumber(bytes.uint32(at: 8)),
      // The three reserved bits are ignored, and AE where nobody has agreed on it (AECN-2).
      flags: TCPFlags(rawValue: bytes.uint16(at: 12) & 0x1FF), window: bytes.uint16(at: 14),
      urgentPointer: bytes.uint16(at: 18), options: options,
      textCount: bytes.byteCount - headerCount, segmentSize: segmentSize)
    return .success((segment, headerCount))
  }

  /// Octets of sequence space: text, and one each for SYN and FIN (RFC 9293 §3.4).
  var length: Int {
    textCount + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
  }
  var isReset: Bool { flags.contains(.rst) }
  var isSYN: Bool { flags.contains(.syn) }
  var isFIN: Bool { flags.contains(.fin) }
  var hasACK: Bool { flags.contains(.ack) }
  /// "options with invalid Length values or without the SYN flag set MUST be ignored" (RFC 7413 §4.1.1).
  var carriesUselessFastOpen: Bool {
    switch options.fastOpen {
    case .absent: false
    case .malformed: true
    case .request, .cookie: !isSYN
    }
  }

  /// RFC 3168 §6.1.1, an "ECN-setup SYN packet". One that could be marked comes from no such host: either
  /// the network sets these bits as it likes, or the peer does.
  var asksForECN: Bool { flags.contains([.syn, .ece, .cwr]) && !hasACK && ecn == .notECT }
  /// No TCP sends these; they are counted and then treated as their first meaning says.
  var hasImpossibleFlags: Bool {
    flags.hasNoBasicFlag || flags.contains([.syn, .fin]) || flags.contains([.syn, .rst])
  }
}

/// Why a header could not be read.
struct MalformedSegment: Error, BitwiseCopyable {
  var part: TCPSegment.Malformation
  init(_ part: TCPSegment.Malformation) { self.part = part }
}

/// A header to send. The checksum is the frame writer's.
struct TCPHeader: Equatable, BitwiseCopyable {
  var flags: TCPFlags
  var sequence: SequenceNumber
  var acknowledgment = SequenceNumber(0)
  /// As it goes into the header: already scaled.
  var window: UInt16 = 0
  var urgentPointer: UInt16 = 0
  var options = TCPOptions.none

  var encodedCount: Int { TCPSegment.minimumHeader + options.encodedCount }

  static let checksumOffset = 16

  /// Appends the header with the given checksum field.
  func write(
    from source: Port, to destination: Port, checksum: UInt16, into output: inout OutputRawSpan
  ) {
    output.append(bigEndian: source.rawValue)
    output.append(bigEndian: destination.rawValue)
    output.append(bigEndian: sequence.rawValue)
    output.append(bigEndian: acknowledgment.rawValue)
    output.append(bigEndian: UInt16(encodedCount / 4) << 12 | flags.rawValue)
    output.append(bigEndian: window)
    output.append(bigEndian: checksum)
    output.append(bigEndian: urgentPointer)
    options.write(to: &output)
  }
}
