// Path MTU discovery: what a router's "fragmentation needed" does to a connection, and what a stranger's
// does not (RFC 1191, RFC 5927 §7, REQUIREMENTS PMTU-*, SEC-26).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct PathMTUTests {
  static let withSACK: [SegmentOption] = [.maximumSegmentSize(1460), .sackPermitted]
  static let withoutSACK: [SegmentOption] = [.maximumSegmentSize(1460)]
  static let withTimestamps: [SegmentOption] = [
    .maximumSegmentSize(1460), .sackPermitted, .timestamps(1, 0),
  ]

  /// A connection with five full segments in flight, and the first of their packets.
  private func flight(
    _ options: [SegmentOption] = withSACK, offloads: OffloadCapabilities = .none
  ) throws -> (peer: ScriptedPeer, c: ScriptedConnection, first: CapturedPacket) {
    let peer = ScriptedPeer(settings: .forLossTests(), offloads: offloads)
    let c = try peer.opensConnection(options: options)
    peer.stampsSegments = c.usesTimestamps
    try peer.appWrites(c.id, count: 5 * (c.usesTimestamps ? 1448 : 1460))
    return (peer, c, try #require(try peer.takesAll().first))
  }

  private func reports(_ mtu: UInt32, _ peer: ScriptedPeer, about packet: CapturedPacket) {
    peer.sendsError(type: 3, code: 4, about: packet, word: mtu)
  }

  // PMTU-2, PMTU-1, TS-18, R9293-SHLD-26
  @Test(arguments: [withSACK, withoutSACK, withTimestamps])
  func `what was too big goes out again at once in smaller pieces`(
    _ options: [SegmentOption]
  ) throws {
    var (peer, c, first) = try flight(options)
    let window = try #require(peer.snapshot).congestionWindow
    reports(1000, peer, about: first)
    let packets = try peer.takesAll()
    #expect(packets.first?.segment?.seq == c.ack)
    #expect(packets.count >= 5)
    #expect(packets.allSatisfy { $0.frame.bytes.count <= 1000 && $0.ip.dontFragment })
    #expect(packets.first?.frame.bytes.count == 1000)
    #expect(peer.snapshot?.congestionWindow == window)
    #expect(peer.snapshot?.pathMTU == 1000)
    #expect(!peer.takeEvents(c.id).contains(.closed))
    // All of it arrives, and no acknowledgment is mistaken for a sign of congestion.
    for packet in packets {
      guard let segment = packet.segment, segment.seq == c.ack else { continue }
      c.ack += segment.payload.count
      peer.sends(.ack(seq: c.seq, ack: c.ack))
    }
    let left = 5 * (c.usesTimestamps ? 1448 : 1460) - (c.ack - first.segment!.seq)
    _ = try peer.acknowledges(&c, count: left)
    #expect(try #require(peer.snapshot).congestionWindow >= window)
    #expect(peer.stack.counters.tcp.timeouts == 0)
    try peer.appWrites(c.id, count: 3000)
    #expect(try peer.takesAll().allSatisfy { $0.frame.bytes.count <= 1000 })
  }

  // PMTU-2
  @Test(arguments: [withSACK, withoutSACK])
  func `a second router with a smaller link is believed as well`(
    _ options: [SegmentOption]
  ) throws {
    var (peer, c, first) = try flight(options)
    reports(1400, peer, about: first)
    let again = try #require(try peer.takesAll().first)
    reports(800, peer, about: again)
    #expect(peer.snapshot?.pathMTU == 800)
    let bytes = try peer.acknowledges(&c, count: 7300)
    #expect(bytes == ScriptedPeer.pattern(7300))
  }

  // PMTU-2, CC-12
  @Test func `what is lost among the smaller pieces is a sign of congestion`() throws {
    let peer = ScriptedPeer(settings: .forLossTests())
    let c = try peer.opensConnection(roundTrip: .milliseconds(100), options: Self.withSACK)
    try peer.appWrites(c.id, count: 5 * 1460)
    let first = try #require(try peer.takesAll().first)
    try peer.advances(by: .milliseconds(100))
    reports(1000, peer, about: first)
    let pieces = try peer.takesAll()
    let window = try #require(peer.snapshot).congestionWindow
    try peer.advances(by: .milliseconds(100))
    peer.sends(
      .ack(seq: c.seq, ack: c.ack).sack([SegmentBlock(c.ack + 960, c.ack + 5 * 1460)]))
    let again = try peer.takesAll(for: .milliseconds(60))
    #expect(again.first?.segment?.seq == c.ack)
    #expect(again.first?.frame.bytes.count == 1000)
    #expect(try #require(peer.snapshot).congestionWindow < window)
    #expect(peer.stack.counters.tcp.sackRecoveries == 1)
    #expect(pieces.count == 8, "cut anew, not each for itself")
  }

  // PMTU-2
  @Test func `a timeout that follows does not keep the pieces back`() throws {
    let (peer, c, first) = try flight()
    let late = try peer.takesAll(for: .seconds(3))
    #expect(peer.stack.counters.tcp.timeouts > 0)
    #expect(late.allSatisfy { $0.frame.bytes.count == 1500 })
    reports(1000, peer, about: first)
    let packets = try peer.takesAll()
    #expect(packets.first?.segment?.seq == c.ack)
    #expect(packets.first?.frame.bytes.count == 1000)
    #expect(peer.snapshot?.pathMTU == 1000)
  }

  // PMTU-2, OFF-2
  @Test func `super-segments are cut to the new size`() throws {
    let offloads = OffloadCapabilities(checksum: true, segmentation: true)
    let (peer, c, first) = try flight(offloads: offloads)
    #expect(first.frame.offload.segmentSize == 1460)
    reports(1000, peer, about: first)
    let packets = try peer.takesAll()
    #expect(packets.first?.segment?.seq == c.ack)
    #expect(packets.reduce(0) { $0 + ($1.segment?.payload.count ?? 0) } >= 7300 - 960)
    for packet in packets {
      let size = Int(packet.frame.offload.segmentSize)
      #expect(size == 960 || (size == 0 && packet.frame.bytes.count <= 1000))
    }
  }

  // PMTU-3
  @Test(arguments: [(1500, 1492), (1492, 1006), (1006, 552)])
  func `an old router that names no MTU means the next plateau`(
    _ quoted: Int, _ expected: Int
  ) throws {
    let peer = ScriptedPeer(settings: .changed { $0.mtu = quoted })
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 5000)
    let first = try #require(try peer.takesAll().first)
    try #require(first.frame.bytes.count == quoted)
    reports(0, peer, about: first)
    #expect(peer.snapshot?.pathMTU == expected)
    #expect(c.ack == first.segment?.seq)
  }

  // PMTU-4
  @Test(arguments: [UInt32(9000), 1501, 1500, 65_535])
  func `no router raises the path's MTU`(_ mtu: UInt32) throws {
    let (peer, _, first) = try flight()
    reports(mtu, peer, about: first)
    #expect(try peer.takesAll().isEmpty)
    #expect(peer.snapshot?.pathMTU == 1500)
    reports(1000, peer, about: first)
    let again = try #require(try peer.takesAll().first)
    reports(mtu, peer, about: again)
    #expect(try peer.takesAll().isEmpty)
    #expect(peer.snapshot?.pathMTU == 1000)
  }

  // PMTU-4
  @Test func `ten minutes after a decrease larger segments are tried`() throws {
    var (peer, c, first) = try flight()
    reports(1000, peer, about: first)
    _ = try peer.acknowledges(&c, count: 7300)
    try peer.advances(by: .seconds(590))
    try peer.appWrites(c.id, count: 1460)
    let small = try peer.acknowledges(&c, count: 1460)
    #expect(small.count == 1460 && peer.snapshot?.pathMTU == 1000)
    try peer.advances(by: .seconds(11))
    try peer.appWrites(c.id, count: 1460)
    let large = try #require(try peer.takesAll().first)
    #expect(large.frame.bytes.count == 1500)
    // Still too big, and nothing as large has arrived since: believed at once.
    reports(1000, peer, about: large)
    #expect(peer.snapshot?.pathMTU == 1000)
    #expect(try peer.expectsAtOnce(.data(seq: c.ack)).payload.count == 960)
  }

  // PMTU-5
  @Test(arguments: [withSACK, withoutSACK])
  func `ten messages about one flight cause one repetition`(_ options: [SegmentOption]) throws {
    let (peer, _, first) = try flight(options)
    reports(1000, peer, about: first)
    let once = try peer.takesAll().count
    for _ in 0..<9 { reports(1000, peer, about: first) }
    #expect(once > 0)
    #expect(try peer.takesAll().isEmpty)
  }

  // PMTU-6, SEC-29
  @Test(arguments: [UInt32(1), 60, 67, 68, 551])
  func `an MTU below the floor is the floor`(_ mtu: UInt32) throws {
    let (peer, _, first) = try flight()
    reports(mtu, peer, about: first)
    #expect(try peer.takesAll().first?.frame.bytes.count == 552)
    #expect(peer.snapshot?.pathMTU == 552)
  }

  // PMTU-6
  @Test func `the floor can be set`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.minimumPathMTU = 1200 })
    let c = try peer.opensConnection(options: Self.withSACK)
    try peer.appWrites(c.id, count: 5000)
    reports(600, peer, about: try #require(try peer.takesAll().first))
    #expect(peer.snapshot?.pathMTU == 1200)
  }

  // MARK: Strangers

  // SEC-23
  @Test func `a message about what is not in flight changes nothing`() throws {
    let (peer, c, first) = try flight()
    for offset in [-1, 7300, 100_000] {
      var segment = try #require(first.segment)
      segment.sequence = c.ack + offset
      peer.sendsError(type: 3, code: 4, aboutSegment: segment, word: 600)
    }
    #expect(try peer.takesAll().isEmpty)
    #expect(peer.snapshot?.pathMTU == 1500)
    #expect(peer.stack.counters.icmp.outOfWindow == 3)
  }

  // SEC-26
  @Test func `a message about packets larger than any that was sent is ignored`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: Self.withSACK)
    try peer.appWrites(c.id, count: 500)
    let small = try #require(try peer.takesAll().first)
    reports(600, peer, about: small)
    #expect(try peer.takesAll().isEmpty)
    #expect(peer.snapshot?.pathMTU == 1500)
    #expect(peer.stack.counters.icmp.ignored == 1)
  }

  /// Full segments have arrived, one more is in flight, and somebody says that it was too big.
  private func doubted(_ options: [SegmentOption]) throws -> (ScriptedPeer, ScriptedConnection) {
    var (peer, c, _) = try flight(options)
    c.ack += 7300
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.appWrites(c.id, count: 1460)
    let packet = try #require(try peer.takesAll().first)
    reports(600, peer, about: packet)
    #expect(try peer.takesAll().isEmpty)
    #expect(peer.snapshot?.pathMTU == 1500)
    return (peer, c)
  }

  // SEC-26
  @Test(arguments: [withSACK, withoutSACK])
  func `a doubtful message is forgotten when its segment is acknowledged`(
    _ options: [SegmentOption]
  ) throws {
    var (peer, c) = try doubted(options)
    c.ack += 1460
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.appWrites(c.id, count: 1460)
    #expect(try peer.takesAll().first?.frame.bytes.count == 1500)
    // Nor does a later timeout bring it back.
    _ = try peer.takesAll(for: .seconds(5))
    #expect(peer.snapshot?.pathMTU == 1500)
  }

  // SEC-26
  @Test(arguments: [withSACK, withoutSACK])
  func `a timeout of another segment is no proof of a doubtful message`(
    _ options: [SegmentOption]
  ) throws {
    var (peer, c, _) = try flight(options)
    c.ack += 7300
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.appWrites(c.id, count: 2 * 1460)
    let packets = try peer.takesAll()
    reports(600, peer, about: packets[1])
    let late = try peer.takesAll(for: .seconds(1))
    #expect(peer.stack.counters.tcp.timeouts > 0)
    #expect(peer.snapshot?.pathMTU == 1500)
    // The first has timed out: a message about it now is believed at once.
    reports(600, peer, about: try #require(late.last { $0.segment?.seq == c.ack }))
    #expect(peer.snapshot?.pathMTU == 600)
  }

  // SEC-26
  @Test(arguments: [withSACK, withoutSACK])
  func `a doubtful message is believed when its segment times out`(
    _ options: [SegmentOption]
  ) throws {
    var (peer, c) = try doubted(options)
    let packets = try peer.takesAll(for: .seconds(3))
    #expect(peer.stack.counters.tcp.timeouts > 0)
    #expect(peer.snapshot?.pathMTU == 600)
    #expect(packets.last.map { $0.frame.bytes.count <= 600 } == true)
    #expect(try peer.acknowledges(&c, count: 1460).count == 1460)
  }
}
