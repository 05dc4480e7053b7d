// Congestion control: slow start, avoidance, fast retransmit and NewReno (RFC 5681, 6582, 6928).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct CongestionTests {
  static let size = 1460

  /// A connection with a window and buffers that never limit, and what is in flight of `count`
  /// octets written.
  private func flight(
    _ peer: ScriptedPeer, count: Int = 400_000
  ) throws -> (c: ScriptedConnection, segments: [Segment]) {
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(8)])
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.appWrites(c.id, count: count)
    return (c, try peer.takesSegments())
  }

  private func peer(_ profile: Profile = .linux) -> ScriptedPeer {
    var settings = StackSettings(profile: profile)
    settings.sendBuffer = 1 << 20
    settings.congestionAlgorithm = .reno
    return ScriptedPeer(settings: settings)
  }

  // CC-2, CC-1
  @Test func `the initial window is ten segments of 1460`() throws {
    let (_, segments) = try flight(peer())
    #expect(segments.map(\.payload.count) == [Int](repeating: 1460, count: 10))
  }

  // CC-2
  @Test func `the initial window of large segments is 14600 octets, but at least two`() throws {
    var settings = StackSettings()
    settings.mtu = 9040
    settings.sendBuffer = 1 << 20
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(options: [.maximumSegmentSize(9000), .windowScale(8)])
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.appWrites(c.id, count: 100_000)
    #expect(try peer.takesSegments().map(\.payload.count) == [9000, 9000])
  }

  // CC-3
  @Test func `after two lost SYN-ACKs the initial window is one segment`() throws {
    let peer = peer()
    try peer.appListens()
    peer.sends(.syn(seq: 99))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    try peer.expects(.synAck(ack: 100), after: .seconds(1))
    try peer.expects(.synAck(ack: 100), after: .seconds(2))
    peer.sends(.ack(seq: 100, ack: answer.end))
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, count: 20_000)
    #expect(try peer.takesSegments().count == 1)
  }

  // CC-4, CC-1
  @Test func `in slow start each acknowledged segment adds one`() throws {
    let peer = peer()
    let (c, first) = try flight(peer)
    for segment in first { peer.sends(.ack(seq: c.seq, ack: segment.end)) }
    let second = try peer.takesSegments()
    #expect(second.count == 20)
    #expect(peer.snapshot?.congestionWindow == 20 * Self.size)
    for segment in second { peer.sends(.ack(seq: c.seq, ack: segment.end)) }
    #expect(try peer.takesSegments().count == 40)
  }

  // CC-4
  @Test func `an ACK of many segments adds only one`() throws {
    let peer = peer()
    let (c, first) = try flight(peer)
    peer.sends(.ack(seq: c.seq, ack: first.last!.end))
    #expect(peer.snapshot?.congestionWindow == 11 * Self.size)
  }

  // CC-4, SEC-30
  @Test func `a hundred ACKs of one octet each add no more than a hundred octets`() throws {
    let peer = peer()
    let (c, _) = try flight(peer)
    for count in 1...100 { peer.sends(.ack(seq: c.seq, ack: c.ack + count)) }
    #expect((peer.snapshot?.congestionWindow ?? .max) <= 10 * Self.size + 100)
  }

  // CC-5
  @Test func `in avoidance the window grows by one segment a round trip`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 1_000_000)
    // A loss sets the threshold: half of ten.
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    _ = try peer.takesAll()
    var ack = first.last!.end
    peer.sends(.ack(seq: c.seq, ack: ack))
    let start = try #require(peer.snapshot).congestionWindow
    #expect(start <= 5 * Self.size)
    // Rounds that are filled: everything in flight is acknowledged segment by segment.
    for _ in 0..<10 {
      try peer.advances(by: .milliseconds(10))
      for segment in try peer.takesSegments() {
        ack = .latest(ack, segment.end)
        peer.sends(.ack(seq: c.seq, ack: ack))
      }
    }
    let growth = try #require(peer.snapshot).congestionWindow - start
    #expect(growth <= 11 * Self.size)
    #expect(growth >= 7 * Self.size)
  }

  // CC-6, CC-8, CC-9
  @Test func `the threshold is half of what was in flight, not of the window`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 6 * 1460)
    #expect(first.count == 6)
    #expect(peer.snapshot?.congestionWindow == 10 * Self.size)
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1460))
    peer.sends(.ack(seq: c.seq, ack: first.last!.end))
    #expect((peer.snapshot?.congestionWindow ?? .max) <= 3 * Self.size)
  }

  // CC-6
  @Test func `the threshold is at least two segments`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 1460)
    #expect(first.count == 1)
    try peer.expects(.data(seq: c.ack), within: .seconds(1))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1460))
    // Slow start from one goes to two at once: the threshold was not below.
    #expect(peer.snapshot?.congestionWindow == 2 * Self.size)
  }

  // CC-7
  @Test func `after a timeout the window is one segment and the threshold is cut once`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 10 * 1460)
    try peer.expects(.data(seq: c.ack, length: 1460), within: .seconds(1))
    #expect(peer.snapshot?.congestionWindow == Self.size)
    try peer.expects(.data(seq: c.ack, length: 1460), within: .seconds(2))
    #expect(peer.snapshot?.congestionWindow == Self.size)
    // Slow start holds up to half of the ten that were in flight.
    for (index, segment) in first.prefix(4).enumerated() {
      peer.sends(.ack(seq: c.seq, ack: segment.end))
      #expect(peer.snapshot?.congestionWindow == (index + 2) * Self.size)
    }
    peer.sends(.ack(seq: c.seq, ack: first[4].end))
    #expect((peer.snapshot?.congestionWindow ?? .max) < 6 * Self.size)
  }

  // CC-8
  @Test func `the third duplicate ACK brings the missing segment, the second does not`() throws {
    let peer = peer()
    let (c, _) = try flight(peer)
    for _ in 0..<2 {
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      #expect(try peer.takesSegments().allSatisfy { $0.seq != c.ack })
    }
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    let sent = try peer.takesSegments()
    #expect(sent.filter { $0.seq == c.ack }.map(\.payload.count) == [1460])
  }

  // CC-8
  @Test func `window updates, text and ACKs without anything in flight are not duplicates`() throws
  {
    let peer = peer()
    let (c, _) = try flight(peer)
    for window: UInt16 in 1...5 {
      peer.sends(.ack(seq: c.seq, ack: c.ack, window: 60_000 + window))
    }
    var seq = c.seq
    for _ in 0..<5 {
      peer.sends(.data(seq: seq, ack: c.ack, "x", window: 60_005))
      seq += 1
    }
    #expect(try peer.takesSegments().allSatisfy { $0.seq != c.ack || $0.payload.isEmpty })
    let idle = self.peer()
    let d = try idle.opensConnection()
    for _ in 0..<5 { idle.sends(.ack(seq: d.seq, ack: d.ack)) }
    try idle.expectsNothing()
    #expect(idle.snapshot?.congestionWindow == 10 * Self.size)
  }

  // CC-9
  @Test func `fast recovery inflates by each duplicate and ends at the threshold`() throws {
    let peer = peer()
    let (c, first) = try flight(peer)
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    #expect(peer.snapshot?.congestionWindow == 8 * Self.size)
    for _ in 0..<6 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    #expect(peer.snapshot?.congestionWindow == 14 * Self.size)
    let sent = try peer.takesSegments()
    #expect(sent.count { $0.seq == c.ack } == 1)
    let new = sent.filter { $0.seq - first.last!.end >= 0 }
    #expect(new.count == 4)
    peer.sends(.ack(seq: c.seq, ack: first.last!.end))
    #expect((peer.snapshot?.congestionWindow ?? .max) <= 5 * Self.size + Self.size)
  }

  // CC-10, R9293-MUST-19
  @Test func `three losses of one window are resent on partial ACKs with one cut and no timeout`()
    throws
  {
    let peer = peer()
    let (c, first) = try flight(peer, count: 10 * 1460)
    let lost = [0, 3, 6]
    // What the receiver of the ten says: duplicates for each that arrived out of order.
    for _ in 0..<7 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    var resent = try peer.takesSegments().filter { $0.seq - first.last!.end < 0 }
    #expect(resent.map { $0.seq } == [first[0].seq])
    try peer.advances(by: .milliseconds(5))
    peer.sends(.ack(seq: c.seq, ack: first[3].seq))
    resent += try peer.takesSegments()
    try peer.advances(by: .milliseconds(5))
    peer.sends(.ack(seq: c.seq, ack: first[6].seq))
    resent += try peer.takesSegments()
    #expect(resent.map(\.seq) == lost.map { first[$0].seq })
    peer.sends(.ack(seq: c.seq, ack: first[9].end))
    let window = try #require(peer.snapshot).congestionWindow
    #expect(window <= 6 * Self.size)
    #expect(window >= 2 * Self.size)
    try peer.expectsNothing(for: .seconds(5))
  }

  // CC-10
  @Test func `duplicates below the recovery point do not cut again`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 10 * 1460)
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    _ = try peer.takesAll()
    peer.sends(.ack(seq: c.seq, ack: first[4].end))
    _ = try peer.takesAll()
    for _ in 0..<4 { peer.sends(.ack(seq: c.seq, ack: first[4].end)) }
    _ = try peer.takesAll()
    peer.sends(.ack(seq: c.seq, ack: first[9].end))
    #expect((peer.snapshot?.congestionWindow ?? 0) >= 2 * Self.size)
    #expect((peer.snapshot?.congestionWindow ?? .max) <= 6 * Self.size)
  }

  // CC-12
  @Test func `the loss of a retransmission is a second reduction`() throws {
    let peer = peer()
    let (c, _) = try flight(peer)
    for _ in 0..<3 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    _ = try peer.takesAll()
    try peer.expects(.data(seq: c.ack), within: .seconds(1))
    #expect(peer.snapshot?.congestionWindow == Self.size)
  }

  // CC-14, SYS-24
  @Test func `after an idle RTO the window is at most the initial one`() throws {
    let peer = peer()
    let (c, first) = try flight(peer, count: 30 * 1460)
    for segment in first { peer.sends(.ack(seq: c.seq, ack: segment.end)) }
    for segment in try peer.takesSegments() { peer.sends(.ack(seq: c.seq, ack: segment.end)) }
    try peer.expectsNothing(for: .seconds(5))
    try peer.appWrites(c.id, count: 100_000)
    #expect(try peer.takesSegments().count <= 10)
  }
}
