// Octets that mean nothing, or nearly something, at every length: never a crash, never a hang, and
// no memory that stays (the bad-input table of the project).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct RandomInputTests {
  /// Lengths from 0 to 64 KB, dense where headers end.
  static let lengths = Array(0...400) + stride(from: 401, through: 65_535, by: 613) + [65_535]

  @Test(arguments: [UInt64(1), 2])
  func `random octets of every length leave nothing behind`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    try peer.appListens()
    let c = try peer.opensConnection()
    let before = peer.stack.connectionCount
    for length in Self.lengths {
      var bytes = random.bytes(length)
      peer.sendsRaw(bytes)
      // The same with a plausible first octet, and as a well-formed packet of random content.
      if length > 0 {
        bytes[0] = 0x45
        peer.sendsRaw(bytes)
      }
      for number: UInt8 in [1, 6, 17, 47] where length <= 65_515 {
        let packet = IPv4Packet(
          from: peer.address, to: peer.stackAddress, protocol: number, payload: bytes)
        peer.sends(packet, offload: OffloadInfo(checksum: number == 6 ? .verified : .complete))
      }
      #expect(try peer.takesAll().count < 20)
    }
    #expect(peer.stack.connectionCount <= before + 1)
    #expect(peer.snapshot?.state == .established)
    peer.sends(.data(seq: c.seq, ack: c.ack, "still alive"))
    _ = try peer.takesAll(for: .seconds(1))
    #expect(try peer.appReads(c.id) == Array("still alive".utf8))
  }

  @Test(arguments: 0..<8)
  func `mutated packets of a conversation are survived`(_ block: Int) throws {
    for seed in UInt64(block * 25)..<UInt64(block * 25 + 25) {
      var random = SeededRandom(seed: seed)
      let peer = ScriptedPeer()
      var c = try peer.opensConnection(options: [
        .maximumSegmentSize(1460), .windowScale(7), .timestamps(1, 0),
      ])
      try peer.appWrites(c.id, count: 3000)
      for _ in 0..<200 {
        let text = random.bytes(Int.random(in: 0...100, using: &random))
        let flags = SegmentFlags(rawValue: UInt16.random(in: 0...0xFFF, using: &random))
        let segment = Segment(
          flags: random.happens(0.5) ? [.ack, .psh] : flags,
          seq: c.seq + Int.random(in: -50...200, using: &random),
          ack: c.ack + Int.random(in: -50...3100, using: &random),
          window: UInt16.random(in: 0...UInt16.max, using: &random), options: [peer.stampNow],
          payload: text
        ).with { $0.urgentPointer = UInt16.random(in: 0...200, using: &random) }
        var bytes = peer.packet(of: segment).encoded()
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(random.next() & 0xFF)
        }
        if random.happens(0.1) {
          bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        }
        // "Verified" lets damage past the checksum, so that it reaches the protocol.
        peer.sendsRaw(bytes, offload: OffloadInfo(checksum: .verified))
        try peer.advances(by: .milliseconds(Int64.random(in: 0...50, using: &random)))
        _ = try peer.takesAll()
        c.seq += text.count / 2
      }
      // Whatever state it is in now, it ends.
      peer.appAborts(c.id)
      try peer.takesAll(for: .seconds(300))
      #expect(peer.stack.connectionCount == 0, "seed \(seed)")
      #expect(peer.stack.timeWaitCount == 0, "seed \(seed)")
    }
  }
}
