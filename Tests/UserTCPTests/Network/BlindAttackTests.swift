// What somebody tries who sees none of our packets, seeded: ACKs that guess cookies, resets swept over the
// whole sequence space, segments of every kind, ICMP errors about what was never sent (RFC 5961, RFC 5927).
// Nothing of it has an effect but the exact number.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct BlindAttackTests {
  // SEC-17a
  @Test func `a million guesses at a cookie during an overflow are all refused`() throws {
    var random = SeededRandom(seed: 4)
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = .always })
    try peer.appListens()
    _ = try peer.takesCookie()
    var bytes = Segment.ack(seq: 1, ack: 1).from(port: 1).to(port: 80)
      .packet(from: peer.address, to: peer.stackAddress).encoded()
    var flood = Flood()
    let guesses = 1 << 20
    for _ in 0..<guesses {
      bytes.put(UInt32(truncatingIfNeeded: random.next()) << 16 | 80, at: 20)
      let numbers = random.next()
      bytes.put(UInt32(truncatingIfNeeded: numbers), at: 24)
      bytes.put(UInt32(truncatingIfNeeded: numbers >> 32), at: 28)
      flood.add(bytes, to: peer)
    }
    flood.flush(to: peer)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.counters.tcp.synCookiesReceived == 0)
    #expect(peer.stack.counters.tcp.synCookiesFailed == UInt64(guesses))
    #expect(flood.answered == guesses - Int(peer.stack.counters.tcp.repliesDropped))
    // The stack is as well as before.
    peer.port = 40_001
    let answer = try peer.takesCookie()
    peer.sends(.ack(seq: 100, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SEC-1, SEC-3, SEC-7
  @Test func `resets swept over all sequence numbers end a connection only at the exact one`()
    throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var bytes = peer.packet(of: .rst(seq: 0)).encoded()
    var flood = Flood()
    // Every 4,099th number from the one after RCV.NXT: a million, more than one in every window.
    var distance: UInt32 = 1
    var count = 0
    while distance < UInt32.max - 4_099 {
      bytes.put(c.seq.rawValue &+ distance, at: 24)
      flood.add(bytes, to: peer)
      distance += 4_099
      count += 1
    }
    // And every number near it.
    for offset in -5_000...5_000 where offset != 0 {
      bytes.put((c.seq + offset).rawValue, at: 24)
      flood.add(bytes, to: peer)
    }
    flood.flush(to: peer)
    #expect(count > 1_000_000)
    #expect(peer.state == .established)
    #expect(flood.answered == 1, "challenges of one connection keep a distance")
    #expect(peer.stack.counters.tcp.skippedReplies.challenges > 5_000)
    peer.sends(.data(seq: c.seq, ack: c.ack, "still here"))
    #expect(try peer.appReads(c.id) == Array("still here".utf8))
    peer.sends(.rst(seq: c.seq + 10))
    #expect(peer.state == .closed)
  }

  // SEC-4, SEC-6
  @Test(arguments: [UInt64(5), 6])
  func `blind segments of every kind neither end nor feed a connection`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var flood = Flood()
    for _ in 0..<50_000 {
      // Half the circle away from the window and more: what a guess nearly always hits.
      let far = Int.random(in: 200_000...(1 << 31), using: &random)
      let segment = Segment(
        flags: SegmentFlags(rawValue: UInt16.random(in: 0...0x3F, using: &random)),
        seq: c.seq + far, ack: SequenceNumber(UInt32(truncatingIfNeeded: random.next())),
        payload: [0xBA, 0xD0])
      flood.add(peer.packet(of: segment).encoded(), to: peer)
    }
    flood.flush(to: peer)
    #expect(peer.state == .established)
    #expect(try peer.appReads(c.id) == [])
    #expect(peer.stack.connectionCount == 1)
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack, ack: c.seq, length: 5))
  }

  /// The quotation of an ICMP error, wrong in at least one place that identifies a connection.
  private static func falsify(
    _ quotation: [UInt8], _ random: inout SeededRandom
  ) -> [UInt8] {
    var bytes = quotation
    // Version, protocol, both addresses, both ports; the sequence number far from the flight.
    let places: [ClosedRange<Int>] = [0...0, 9...9, 12...15, 16...19, 20...21, 22...23, 24...24]
    for _ in 0...Int.random(in: 0...2, using: &random) {
      let place = Int.random(in: places.randomElement(using: &random)!, using: &random)
      // The sequence number's first octet: 2^24 away at least; the others: any other value.
      bytes[place] ^= place == 0 ? 0x20 : UInt8.random(in: 1...255, using: &random)
      if bytes == quotation { bytes[place] ^= 1 }
    }
    return bytes
  }

  // SEC-23, SEC-27
  @Test(arguments: [UInt64(7), 8])
  func `ICMP errors about what was never sent do nothing`(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 1000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    let text = Array(peer.last!.frame.bytes.prefix(28))
    let (opening, syn) = try peer.takesSYNOfProgram()
    let open = Array(peer.last!.frame.bytes.prefix(28))
    for round in 0..<5_000 {
      let quotation = Self.falsify(round % 2 == 0 ? text : open, &random)
      let kind = [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (11, 0), (12, 0)]
        .randomElement(using: &random)!
      peer.sends(
        ICMPPacket(
          type: UInt8(kind.0), code: UInt8(kind.1),
          word: UInt32.random(in: 0...2000, using: &random),
          payload: quotation))
      let events = peer.takeEvents(c.id).union(peer.takeEvents(opening))
      if !events.isDisjoint(with: [.softError, .closed]) {
        throw peer.failure("seed \(seed), round \(round): \(quotation) had an effect")
      }
    }
    #expect(peer.state == .synSent)
    #expect(peer.output.isEmpty)
    peer.sends(.synAck(seq: 7, ack: syn.end))
    #expect(peer.takeEvents(opening).contains(.established))
    peer.stackPort = 80
    #expect(peer.state == .established)
    #expect(peer.snapshot?.maximumSegmentSize == 1460)
    #expect(peer.stack.outcome(c.id) == nil)
  }
}
