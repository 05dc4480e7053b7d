// What a script expects of the next packet. A field that is not named may have any value; the
// control bits are compared exactly, PSH aside unless it is asked for.

import UserTCP

public struct SegmentPattern: Sendable {
  var name: String
  var flags: SegmentFlags
  /// Bits whose value does not matter.
  var ignoring: SegmentFlags = .psh
  var seq: SequenceNumber?
  var ack: SequenceNumber?
  var window: Int?
  var payloadLength: ClosedRange<Int>?
  var payload: [UInt8]?

  public static func syn(seq: SequenceNumber? = nil) -> SegmentPattern {
    SegmentPattern(name: "SYN", flags: .syn, seq: seq)
  }
  public static func synAck(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, window: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(name: "SYN-ACK", flags: [.syn, .ack], seq: seq, ack: ack, window: window)
  }
  /// An ACK without text.
  public static func ack(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, window: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(
      name: "ACK", flags: .ack, seq: seq, ack: ack, window: window, payloadLength: 0...0)
  }
  /// Text without FIN or URG.
  public static func data(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, length: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(
      name: "data", flags: .ack, seq: seq, ack: ack,
      payloadLength: length.map { $0...$0 } ?? 1...65_535)
  }
  public static func data(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, _ payload: [UInt8]
  ) -> SegmentPattern {
    SegmentPattern(name: "data", flags: .ack, seq: seq, ack: ack, payload: payload)
  }
  /// Text with PSH.
  public static func pushed(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, length: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(
      name: "pushed data", flags: [.psh, .ack], ignoring: [], seq: seq, ack: ack,
      payloadLength: length.map { $0...$0 } ?? 1...65_535)
  }
  public static func urgent(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, length: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(
      name: "urgent data", flags: [.urg, .ack], seq: seq, ack: ack,
      payloadLength: length.map { $0...$0 })
  }
  /// A FIN, with text or without.
  public static func fin(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil, length: Int? = nil
  ) -> SegmentPattern {
    SegmentPattern(
      name: "FIN", flags: [.fin, .ack], seq: seq, ack: ack, payloadLength: length.map { $0...$0 })
  }
  /// A reset without ACK.
  public static func rst(seq: SequenceNumber? = nil) -> SegmentPattern {
    SegmentPattern(name: "RST", flags: .rst, seq: seq)
  }
  public static func rstAck(
    seq: SequenceNumber? = nil, ack: SequenceNumber? = nil
  ) -> SegmentPattern {
    SegmentPattern(name: "RST+ACK", flags: [.rst, .ack], seq: seq, ack: ack)
  }
  /// A reset of either form.
  public static func anyReset(seq: SequenceNumber? = nil) -> SegmentPattern {
    SegmentPattern(name: "RST", flags: .rst, ignoring: [.psh, .ack], seq: seq)
  }
  public static var anything: SegmentPattern {
    SegmentPattern(name: "a segment", flags: [], ignoring: SegmentFlags(rawValue: 0xFFF))
  }

  /// With these bits as well.
  public func with(_ more: SegmentFlags) -> SegmentPattern {
    var pattern = self
    pattern.flags.formUnion(more)
    pattern.name += "+\(more)"
    return pattern
  }

  /// What differs; `nil` when the segment is as expected.
  func mismatch(_ segment: Segment) -> String? {
    var problems: [String] = []
    if segment.flags.subtracting(ignoring) != flags.subtracting(ignoring) {
      problems.append("flags \(segment.flags) instead of \(flags)")
    }
    if let seq, segment.seq != seq {
      problems.append("seq \(segment.seq.rawValue) instead of \(seq.rawValue)")
    }
    if let ack, segment.ack != ack {
      problems.append("ack \(segment.ack.rawValue) instead of \(ack.rawValue)")
    }
    if let window, Int(segment.window) != window {
      problems.append("window \(segment.window) instead of \(window)")
    }
    if let payloadLength, !payloadLength.contains(segment.payload.count) {
      problems.append("\(segment.payload.count) octets instead of \(payloadLength)")
    }
    if let payload, payload != segment.payload {
      problems.append("text \(segment.payload.prefix(40)) instead of \(payload.prefix(40))")
    }
    return problems.isEmpty ? nil : problems.joined(separator: ", ")
  }
}

extension SegmentPattern: CustomStringConvertible {
  public var description: String {
    var text = name
    if let seq { text += " seq \(seq.rawValue)" }
    if let ack { text += " ack \(ack.rawValue)" }
    if let window { text += " win \(window)" }
    if let payloadLength { text += " length \(payloadLength)" }
    return text
  }
}
