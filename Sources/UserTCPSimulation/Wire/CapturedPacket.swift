// A frame as it travels in a simulation, and the same frame read and stamped with virtual time.
// `description` is a line in the manner of tcpdump; transcripts are made of these.

import UserTCP

/// A copy of a frame with what its sender left undone.
public struct Frame: Hashable, Sendable {
  public var bytes: [UInt8]
  public var offload: OffloadInfo

  public init(_ bytes: [UInt8], offload: OffloadInfo = .none) {
    self.bytes = bytes
    self.offload = offload
  }
}

/// A frame that could be read.
public struct CapturedPacket: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    case tcp(Segment)
    case icmp(ICMPPacket)
    case other
  }

  public var time: Instant
  public var frame: Frame
  public var ip: IPv4Packet
  public var content: Content

  public init(reading frame: Frame, at time: Instant) throws(MalformedPacket) {
    self.time = time
    self.frame = frame
    ip = try IPv4Packet(decoding: frame.bytes)
    switch ip.protocolNumber {
    case IPv4Packet.tcp where ip.fragmentOffset == 0:
      var segment = try Segment(decoding: ip.payload)
      segment.ecn = ip.ecn
      content = .tcp(segment)
    case IPv4Packet.icmp where ip.fragmentOffset == 0:
      content = .icmp(try ICMPPacket(decoding: ip.payload))
    default: content = .other
    }
  }

  public var segment: Segment? {
    if case .tcp(let segment) = content { segment } else { nil }
  }
  public var icmp: ICMPPacket? {
    if case .icmp(let message) = content { message } else { nil }
  }
}

extension CapturedPacket: CustomStringConvertible {
  public var description: String {
    switch content {
    case .tcp(let segment):
      let offload = frame.offload.segmentSize == 0 ? "" : ", gso \(frame.offload.segmentSize)"
      return "\(ip.source).\(segment.sourcePort ?? 0) > \(ip.destination)"
        + ".\(segment.destinationPort ?? 0): \(segment)\(offload)"
    case .icmp(let message):
      return "\(ip.source) > \(ip.destination): ICMP type \(message.type) code \(message.code)"
        + ", length \(message.payload.count)"
    case .other:
      return "\(ip.source) > \(ip.destination): protocol \(ip.protocolNumber)"
        + ", length \(ip.payload.count)"
    }
  }
}

extension Segment: CustomStringConvertible {
  public var description: String {
    var text = "Flags [\(flags)], seq \(sequence.rawValue)"
    if !payload.isEmpty { text += ":\((sequence + payload.count).rawValue)" }
    if flags.contains(.ack) { text += ", ack \(acknowledgment.rawValue)" }
    text += ", win \(window)"
    if flags.contains(.urg) { text += ", urg \(urgentPointer)" }
    if !options.isEmpty {
      text += ", options [\(options.map(\.description).joined(separator: ","))]"
    }
    if ecn != .notECT { text += ", \(ecn)" }
    return text + ", length \(payload.count)"
  }
}

extension SegmentFlags: CustomStringConvertible {
  /// The letters of tcpdump.
  public var description: String {
    let letters: [(SegmentFlags, String)] = [
      (.fin, "F"), (.syn, "S"), (.rst, "R"), (.psh, "P"), (.ack, "."), (.urg, "U"), (.ece, "E"),
      (.cwr, "W"), (.ae, "e"),
    ]
    let text = letters.filter { contains($0.0) }.map(\.1).joined()
    return text.isEmpty ? "none" : text
  }
}

extension Instant {
  /// Seconds with six decimals.
  public var transcriptText: String {
    let microseconds = nanoseconds / 1_000
    let fraction = String(microseconds % 1_000_000)
    return "\(microseconds / 1_000_000)."
      + String(repeating: "0", count: 6 - fraction.count) + fraction
  }
}
