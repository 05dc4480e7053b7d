// What must hold for every single packet a stack sends, whatever the test is about: checksums
// (MUST-2), options (MUST-65, 68, 69), DF (IP4-12), addresses (IP4-5, IP4-6), TTL (IP4-7), offloads
// (OFF-2). The scripted peer and the network call it for each frame; a problem fails the test.

import UserTCP

public struct FrameChecks: Sendable {
  public var address: IPv4Address
  public var mtu: Int
  public var offloads: OffloadCapabilities
  /// Path MTU discovery is on (PMTU-1).
  public var forbidsFragments = true

  public init(
    address: IPv4Address, mtu: Int, offloads: OffloadCapabilities, forbidsFragments: Bool = true
  ) {
    self.address = address
    self.mtu = mtu
    self.offloads = offloads
    self.forbidsFragments = forbidsFragments
  }

  /// The packet read, and everything that is wrong with it.
  public func inspect(
    _ frame: Frame, at time: Instant
  ) -> (packet: CapturedPacket?, problems: [String]) {
    let packet: CapturedPacket
    do throws(MalformedPacket) {
      packet = try CapturedPacket(reading: frame, at: time)
    } catch {
      return (nil, ["\(error): \(frame.bytes.prefix(80))"])
    }
    var problems = problems(of: packet.ip)
    if let segment = packet.segment { problems += self.problems(of: segment, in: packet) }
    return (packet, problems)
  }

  private func problems(of packet: IPv4Packet) -> [String] {
    var problems: [String] = []
    if packet.source != address { problems.append("source \(packet.source) is not ours (IP4-6)") }
    if packet.destination.isLoopback || packet.destination.isThisNetwork {
      problems.append("destination \(packet.destination) is never on a link (IP4-5)")
    }
    // An echo reply has the type of service of its request, whatever that was.
    if packet.protocolNumber == IPv4Packet.tcp, packet.ecn == .ect1 || packet.ecn == .ce {
      problems.append("\(packet.ecn) is not for us to set (ECN-2)")
    }
    if packet.timeToLive == 0 { problems.append("TTL 0 (IP4-7)") }
    if packet.reservedFlag { problems.append("reserved IP flag is set (IP4-12)") }
    return problems
  }

  private func problems(of segment: Segment, in packet: CapturedPacket) -> [String] {
    var problems: [String] = []
    let ip = packet.ip
    if ip.dontFragment != forbidsFragments || ip.moreFragments {
      problems.append("TCP with\(ip.dontFragment ? "" : "out") DF (IP4-12)")
    }
    if !segment.flags.isDisjoint(with: .reserved) {
      problems.append("reserved header bits are set (AECN-2)")
    }
    if !segment.flags.contains(.syn) {
      if segment.maximumSegmentSize != nil { problems.append("MSS without SYN (MUST-65)") }
      if segment.windowScale != nil { problems.append("window scale without SYN (TS-1)") }
      if segment.options.contains(.sackPermitted) {
        problems.append("SACK permitted without SYN (SACK-1)")
      }
      if segment.fastOpen != nil { problems.append("Fast Open without SYN (TFO-1)") }
    }
    if segment.flags.contains(.syn), !segment.sackBlocks.isEmpty {
      problems.append("SACK on a SYN (SACK-1)")
    }
    for block in segment.sackBlocks where block.length <= 0 {
      problems.append("SACK block \(block) holds nothing (SACK-2)")
    }
    if segment.ecn != .notECT,
      segment.payload.isEmpty || !segment.flags.isDisjoint(with: [.syn, .rst])
    {
      problems.append("ECT on what is no text (ECN-2)")
    }
    problems += checksumProblems(packet)
    problems += segmentationProblems(segment, in: packet)
    return problems
  }

  private func checksumProblems(_ packet: CapturedPacket) -> [String] {
    let ip = packet.ip
    switch packet.frame.offload.checksum {
    case .complete:
      return onesComplementSum(ip.payload, startingAt: ip.pseudoHeaderSum) == 0xFFFF
        ? [] : ["wrong TCP checksum (MUST-2)"]
    case .partial:
      if !offloads.checksum { return ["checksum left to a device that computes none (OFF-1)"] }
      return ip.payload.uint16(at: 16) == ip.pseudoHeaderSum
        ? [] : ["partial checksum is not the pseudo-header's sum (OFF-1)"]
    case .verified:
      return ["an outgoing frame cannot be verified already (OFF-1)"]
    }
  }

  private func segmentationProblems(_ segment: Segment, in packet: CapturedPacket) -> [String] {
    let size = Int(packet.frame.offload.segmentSize)
    let headers = packet.frame.bytes.count - segment.payload.count
    if size == 0 || segment.payload.count <= size {
      return packet.frame.bytes.count > mtu
        ? ["\(packet.frame.bytes.count) octets on a link of \(mtu)"] : []
    }
    var problems: [String] = []
    if !offloads.segmentation { problems.append("super-segment without segmentation offload") }
    if headers + size > mtu { problems.append("pieces of \(headers + size) exceed the MTU") }
    if segment.payload.count > (65_535 - headers) / size * size {
      problems.append("super-segment of \(segment.payload.count) by \(size) is too long (OFF-2)")
    }
    if !segment.flags.isDisjoint(with: [.syn, .rst, .urg]) {
      problems.append("SYN, RST or URG on a super-segment (OFF-2)")
    }
    if packet.frame.offload.checksum != .partial {
      problems.append("super-segment with a complete checksum (OFF-1)")
    }
    if packet.frame.offload.carriesCWR != segment.flags.contains(.cwr) {
      problems.append("CWR and its offload mark differ (OFF-3)")
    }
    return problems
  }
}
