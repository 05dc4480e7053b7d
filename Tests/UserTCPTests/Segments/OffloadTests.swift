// Checksums left undone and super-segments, in and out (REQUIREMENTS §I).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct OffloadTests {
  /// The packet with only the pseudo-header's sum in its checksum field.
  private func partial(_ packet: IPv4Packet) -> IPv4Packet {
    var packet = packet
    packet.payload[16] = UInt8(packet.pseudoHeaderSum >> 8)
    packet.payload[17] = UInt8(packet.pseudoHeaderSum & 0xFF)
    return packet
  }

  // OFF-1, R9293-MUST-3
  @Test(arguments: [OffloadInfo.Checksum.partial, .verified])
  func `a checksum that the device vouches for is not verified again`(
    _ checksum: OffloadInfo.Checksum
  ) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let packet = partial(peer.packet(of: .data(seq: c.seq, ack: c.ack, "hello")))
    peer.sends(packet, offload: OffloadInfo(checksum: checksum))
    try peer.expects(.ack(ack: c.seq + 5))
    #expect(try peer.appReads(c.id) == Array("hello".utf8))
  }

  // OFF-1
  @Test func `without an offload the same checksum is wrong`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(partial(peer.packet(of: .data(seq: c.seq, ack: c.ack, "hello"))))
    try peer.expectsNothing()
    #expect(try peer.appReads(c.id) == [])
  }

  // OFF-1
  @Test func `a device with checksum offload gets the pseudo-header's sum`() throws {
    let peer = ScriptedPeer(offloads: OffloadCapabilities(checksum: true, segmentation: false))
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 1000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    // The peer's checks verify the field; here that it was used at all.
    #expect(peer.last?.frame.offload.checksum == .partial)
    for piece in try Segmenter.cut(peer.last!.frame) {
      let checks = FrameChecks(address: peer.stackAddress, mtu: 1500, offloads: .none)
      #expect(checks.inspect(piece, at: .zero).problems == [])
    }
  }

  private func settings(mtu: Int) -> StackSettings {
    var settings = StackSettings()
    settings.mtu = mtu
    settings.sendBuffer = 1 << 20
    return settings
  }

  // OFF-2, R9293-SHLD-28
  @Test(arguments: [536, 1448, 1460, 8960], [true, false])
  func `super-segments cut like a kernel are what we meant to send`(
    _ size: Int, _ stamps: Bool
  ) throws {
    let peer = ScriptedPeer(settings: settings(mtu: 9000), offloads: .all)
    var options: [SegmentOption] = [.maximumSegmentSize(UInt16(size)), .windowScale(9)]
    if stamps { options.append(.timestamps(1, 0)) }
    var c = try peer.opensConnection(options: options)
    let total = 400_000
    var written = 0
    var received: [UInt8] = []
    var largest = 0
    while received.count < total {
      if written < total {
        written += try peer.appWrites(
          c.id, ScriptedPeer.pattern(min(65_536, total - written), from: written))
      }
      let packets = try peer.takesAll()
      try peer.requires(!packets.isEmpty, "\(received.count) of \(total) octets came")
      for packet in packets {
        largest = max(largest, packet.segment!.payload.count)
        for piece in try Segmenter.cut(packet.frame) {
          let cut = try CapturedPacket(reading: piece, at: peer.now)
          let segment = try #require(cut.segment)
          #expect(segment.seq == c.ack)
          #expect(segment.payload.count <= size - (stamps ? 12 : 0))
          received += segment.payload
          c.ack += segment.payload.count
        }
      }
      try peer.advances(by: .milliseconds(1))
      peer.sends(.ack(seq: c.seq, ack: c.ack, options: peer.stamp(c)))
    }
    #expect(received == ScriptedPeer.pattern(total))
    #expect(largest > 2 * size, "super-segments were used")
  }

  // OFF-2
  @Test func `PSH and FIN are on the last piece`() throws {
    let peer = ScriptedPeer(offloads: .all)
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 4000)
    _ = try peer.takesAll()
    peer.sends(.ack(seq: c.seq, ack: c.ack + 2920))
    _ = try peer.takesAll()
    peer.sends(.ack(seq: c.seq, ack: c.ack + 4000))
    try peer.appWrites(c.id, count: 4380)
    try peer.appFinishes(c.id)
    var pieces: [Segment] = []
    for packet in try peer.takesAll() {
      for piece in try Segmenter.cut(packet.frame) {
        pieces.append(try #require(try CapturedPacket(reading: piece, at: peer.now).segment))
      }
    }
    #expect(pieces.map(\.payload.count).reduce(0, +) == 4380)
    #expect(pieces.dropLast().allSatisfy { $0.payload.count == 1460 || $0.payload.isEmpty })
    #expect(pieces.last?.flags.contains(.fin) == true)
    #expect(pieces.dropLast().allSatisfy { !$0.flags.contains(.fin) })
  }

  // OFF-2
  @Test func `urgent text leaves in single segments`() throws {
    let peer = ScriptedPeer(offloads: .all)
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, ScriptedPeer.pattern(6000), urgent: true)
    // The peer's checks refuse URG on a super-segment.
    #expect(try peer.takesSegments().contains { $0.flags.contains(.urg) })
  }

  // OFF-5, RTO-4
  @Test func `one lost piece of a super-segment is resent alone`() throws {
    let peer = ScriptedPeer(settings: settings(mtu: 1500), offloads: .all)
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 14_600)
    #expect(try peer.takesSegments().map(\.payload.count).reduce(0, +) == 14_600)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1460))
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack + 1460)) }
    let resent = try peer.takesSegments().filter { $0.seq - c.ack < 14_600 }
    #expect(resent.map(\.payload.count) == [1460])
    #expect(resent.first?.seq == c.ack + 1460)
  }

  // OFF-3
  @Test func `a super-segment with CWR is taken like any other`() throws {
    let peer = ScriptedPeer(offloads: .all)
    let c = try peer.opensConnection()
    let packet = partial(
      peer.packet(of: .data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(8760)).adding(.cwr)))
    peer.sends(
      packet, offload: OffloadInfo(checksum: .partial, segmentSize: 1460, carriesCWR: true))
    #expect(try peer.takesSegments(for: .seconds(1)).last?.ack == c.seq + 8760)
    #expect(try peer.appReads(c.id) == ScriptedPeer.pattern(8760))
  }

  private func superSegment(
    _ peer: ScriptedPeer, _ c: ScriptedConnection, at offset: Int, _ count: Int
  )
    -> Frame
  {
    let segment = Segment.data(
      seq: c.seq + offset, ack: c.ack, ScriptedPeer.pattern(count, from: offset))
    return Frame(
      partial(peer.packet(of: segment)).encoded(),
      offload: OffloadInfo(checksum: .partial, segmentSize: 1460))
  }

  // OFF-7, R9293-MUST-58
  @Test func `six super-segments in one batch get three ACKs`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(1 << 20), offloads: .all)
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    // The window may grow at once beyond what the SYN-ACK's unscaled field could say.
    _ = try peer.takesAll()
    let count = 6 * 1460
    peer.sendsBatch(frames: (0..<6).map { superSegment(peer, c, at: $0 * count, count) })
    let answers = try peer.takesSegments()
    #expect(answers.map { $0.ack - c.seq } == [2 * count, 4 * count, 6 * count])
  }

  // OFF-8
  @Test func `a super-segment out of order gets up to three duplicate ACKs`() throws {
    let peer = ScriptedPeer(offloads: .all)
    let c = try peer.opensConnection()
    peer.sendsBatch(frames: [superSegment(peer, c, at: 1460, 10 * 1460)])
    let duplicates = try peer.takesSegments()
    #expect(duplicates.count == 3)
    #expect(duplicates.allSatisfy { $0.ack == c.seq })
    peer.sendsBatch(frames: [superSegment(peer, c, at: 20 * 1460, 2 * 1460)])
    #expect(try peer.takesSegments().count == 2)
  }

  @Test func `a super-segment larger than the window is clipped`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(10_000), offloads: .all)
    let c = try peer.opensConnection()
    peer.sendsBatch(frames: [superSegment(peer, c, at: 0, 14_600)])
    #expect(try peer.takesSegments(for: .seconds(1)).last?.ack == c.seq + 10_000)
    #expect(try peer.appReads(c.id) == ScriptedPeer.pattern(10_000))
  }
}
