// What a link does to congestion notification (RFC 3168 §5): marks packets that may be marked when its queue
// is long, or by chance; and the faults that real networks have: fields cleared, set, or turned over.

import UserTCP

public struct LinkECN: Sendable, Hashable {
  /// What is broken on the path.
  public enum Fault: Sendable, Hashable, CaseIterable {
    case none
    /// The IP field is cleared: nothing may be marked any more, and marks vanish.
    case bleaching
    /// Everything that might be marked is.
    case markingAll
    /// The same, and what may not be marked, too.
    case markingEverything
    /// ECT(0) becomes ECT(1).
    case turningOver
    /// ECE on every segment but a SYN.
    case echoing
    /// CWR on every segment but a SYN.
    case answering
    /// AE, CWR and ECE are cleared.
    case silencing
  }

  /// Packets are marked that find more than so many octets waiting; `nil`: none.
  public var markThreshold: Int?
  /// Probability that a packet is marked however short the queue.
  public var marking = 0.0
  public var fault = Fault.none

  public init() {}

  func marks(waiting: Int, _ random: inout SeededRandom) -> Bool {
    if marking > 0, random.happens(marking) { return true }
    return markThreshold.map { waiting > $0 } ?? false
  }

  /// Does to a packet what the link does; true when it has been marked.
  func change(_ frame: inout Frame, marking isMarkable: Bool) -> Bool {
    guard frame.offload.checksum == .complete, var packet = try? IPv4Packet(decoding: frame.bytes)
    else { return false }
    let isMarked = isMarkable && (packet.ecn == .ect0 || packet.ecn == .ect1)
    if isMarked { packet.ecn = .ce }
    breakField(of: &packet)
    if packet.protocolNumber == IPv4Packet.tcp, packet.payload.count >= 20 { breakFlags(&packet) }
    frame.bytes = packet.encoded()
    return isMarked
  }

  private func breakField(of packet: inout IPv4Packet) {
    switch fault {
    case .bleaching: packet.ecn = .notECT
    case .markingAll: if packet.ecn != .notECT { packet.ecn = .ce }
    case .markingEverything: packet.ecn = .ce
    case .turningOver: if packet.ecn == .ect0 { packet.ecn = .ect1 }
    case .none, .echoing, .answering, .silencing: break
    }
  }

  private func breakFlags(_ packet: inout IPv4Packet) {
    let flags = SegmentFlags(rawValue: packet.payload.uint16(at: 12) & 0xFFF)
    var changed = flags
    switch fault {
    case .echoing: if !flags.contains(.syn) { changed.insert(.ece) }
    case .answering: if !flags.contains(.syn) { changed.insert(.cwr) }
    case .silencing: changed.subtract([.ae, .cwr, .ece])
    case .none, .bleaching, .markingAll, .markingEverything, .turningOver: break
    }
    guard changed != flags else { return }
    packet.payload.set(
      uint16: packet.payload.uint16(at: 12) & 0xF000 | changed.rawValue, at: 12)
    packet.completeChecksum(at: 16)
  }
}
