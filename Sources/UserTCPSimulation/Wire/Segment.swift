// A TCP segment (RFC 9293 §3.1) as a value: what a script sends and what it gets back. Fields that
// a script leaves at `nil` are filled in by the scripted peer. Builders are named after what a
// reader of RFC 9293 calls the segment. Independent of the engine's parser and writer.

import UserTCP

extension SequenceNumber: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: UInt32) { self.init(value) }
}

/// Control bits, low octet as on the wire, then AE and the three reserved bits.
public struct SegmentFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let fin = SegmentFlags(rawValue: 0x01)
  public static let syn = SegmentFlags(rawValue: 0x02)
  public static let rst = SegmentFlags(rawValue: 0x04)
  public static let psh = SegmentFlags(rawValue: 0x08)
  public static let ack = SegmentFlags(rawValue: 0x10)
  public static let urg = SegmentFlags(rawValue: 0x20)
  public static let ece = SegmentFlags(rawValue: 0x40)
  public static let cwr = SegmentFlags(rawValue: 0x80)
  public static let ae = SegmentFlags(rawValue: 0x100)
  public static let reserved = SegmentFlags(rawValue: 0xE00)
}

/// What the IP header says about congestion (RFC 3168 §5).
public enum ECNField: UInt8, Hashable, Sendable, CaseIterable {
  case notECT, ect1, ect0, ce
}

public struct Segment: Hashable, Sendable {
  /// `nil` in a script: the peer's port of the moment.
  public var sourcePort: UInt16?
  /// `nil` in a script: the stack's port of the moment.
  public var destinationPort: UInt16?
  public var sequence: SequenceNumber
  public var acknowledgment: SequenceNumber
  public var flags: SegmentFlags
  public var window: UInt16
  public var urgentPointer: UInt16 = 0
  public var options: [SegmentOption] = []
  public var payload: [UInt8] = []
  /// Of the IP header around it.
  public var ecn = ECNField.notECT
  /// In words; `nil`: what the options need. For malformed headers.
  public var dataOffset: UInt8?

  public init(
    flags: SegmentFlags, seq: SequenceNumber, ack: SequenceNumber = 0, window: UInt16 = 65_535,
    options: [SegmentOption] = [], payload: [UInt8] = []
  ) {
    self.flags = flags
    sequence = seq
    acknowledgment = ack
    self.window = window
    self.options = options
    self.payload = payload
  }

  // MARK: What a script reads

  public var seq: SequenceNumber { sequence }
  public var ack: SequenceNumber { acknowledgment }
  /// Octets of sequence space: payload, SYN and FIN.
  public var length: Int {
    payload.count + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
  }
  /// The number after the last octet.
  public var end: SequenceNumber { sequence + length }
  public var maximumSegmentSize: Int? {
    for case .maximumSegmentSize(let size) in options { return Int(size) }
    return nil
  }
  public var windowScale: Int? {
    for case .windowScale(let shift) in options { return Int(shift) }
    return nil
  }
  /// Empty without the option.
  public var sackBlocks: [SegmentBlock] {
    for case .sack(let blocks) in options { return blocks }
    return []
  }
  /// What the Fast Open option holds; empty: a cookie is asked for.
  public var fastOpen: [UInt8]? {
    for case .other(34, let data) in options { return data }
    return nil
  }
  public var timestamps: (value: UInt32, echo: UInt32)? {
    for case .timestamps(let value, let echo) in options { return (value, echo) }
    return nil
  }

  // MARK: Changes for scripts

  public func with(_ change: (inout Segment) -> Void) -> Segment {
    var copy = self
    change(&copy)
    return copy
  }
  public func from(port: UInt16) -> Segment { with { $0.sourcePort = port } }
  public func to(port: UInt16) -> Segment { with { $0.destinationPort = port } }
  public func adding(_ flags: SegmentFlags) -> Segment { with { $0.flags.formUnion(flags) } }
  public func marked(_ ecn: ECNField) -> Segment { with { $0.ecn = ecn } }
  /// With a SACK option of these blocks, the first as the newest or as a duplicate (RFC 2883).
  public func sack(_ blocks: SegmentBlock...) -> Segment { sack(blocks) }
  public func sack(_ blocks: [SegmentBlock]) -> Segment {
    with { if !blocks.isEmpty { $0.options += [.noOperation, .noOperation, .sack(blocks)] } }
  }
  public func urgent(upTo pointer: UInt16) -> Segment {
    with {
      $0.flags.insert(.urg)
      $0.urgentPointer = pointer
    }
  }
}

// MARK: - Builders

extension Segment {
  public static func syn(
    seq: SequenceNumber, window: UInt16 = 65_535,
    options: [SegmentOption] = [.maximumSegmentSize(1460)], payload: [UInt8] = []
  ) -> Segment {
    Segment(flags: .syn, seq: seq, window: window, options: options, payload: payload)
  }

  public static func synAck(
    seq: SequenceNumber, ack: SequenceNumber, window: UInt16 = 65_535,
    options: [SegmentOption] = [.maximumSegmentSize(1460)], payload: [UInt8] = []
  ) -> Segment {
    Segment(
      flags: [.syn, .ack], seq: seq, ack: ack, window: window, options: options, payload: payload)
  }

  public static func ack(
    seq: SequenceNumber, ack: SequenceNumber, window: UInt16 = 65_535,
    options: [SegmentOption] = []
  ) -> Segment {
    Segment(flags: .ack, seq: seq, ack: ack, window: window, options: options)
  }

  public static func data(
    seq: SequenceNumber, ack: SequenceNumber, _ payload: [UInt8], window: UInt16 = 65_535,
    options: [SegmentOption] = []
  ) -> Segment {
    Segment(
      flags: [.psh, .ack], seq: seq, ack: ack, window: window, options: options, payload: payload)
  }

  public static func data(
    seq: SequenceNumber, ack: SequenceNumber, _ text: String, window: UInt16 = 65_535,
    options: [SegmentOption] = []
  ) -> Segment {
    .data(seq: seq, ack: ack, Array(text.utf8), window: window, options: options)
  }

  public static func fin(
    seq: SequenceNumber, ack: SequenceNumber, _ payload: [UInt8] = [], window: UInt16 = 65_535,
    options: [SegmentOption] = []
  ) -> Segment {
    Segment(
      flags: [.fin, .ack], seq: seq, ack: ack, window: window, options: options, payload: payload)
  }

  /// A reset that acknowledges nothing, as an answer to a segment with ACK has it.
  public static func rst(
    seq: SequenceNumber, options: [SegmentOption] = [], payload: [UInt8] = []
  ) -> Segment {
    Segment(flags: .rst, seq: seq, window: 0, options: options, payload: payload)
  }

  public static func rstAck(
    seq: SequenceNumber, ack: SequenceNumber, options: [SegmentOption] = []
  ) -> Segment {
    Segment(flags: [.rst, .ack], seq: seq, ack: ack, window: 0, options: options)
  }
}
