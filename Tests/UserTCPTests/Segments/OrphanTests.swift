// Orphans: connections whose program is gone and that TCP still has to finish. How many there may be,
// how long each may take, and how they look (REQUIREMENTS SYS-15, SYS-16, SEC-31).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct OrphanTests {
  /// A connection from `port` with text that the peer does not acknowledge.
  private func connection(
    _ peer: ScriptedPeer, _ port: UInt16, window: UInt16 = 65_535
  ) throws -> ScriptedConnection {
    _ = try peer.takesAll()
    peer.port = port
    let c = try peer.opensConnection(window: window)
    try peer.appWrites(c.id, "pending")
    _ = try peer.takesAll()
    return c
  }

  // SYS-15, CNT-6
  @Test func `beyond the limit an orphan is reset at once`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumOrphans = 5 })
    for port: UInt16 in 1...5 { peer.appCloses(try connection(peer, port).id) }
    _ = try peer.takesAll()
    let c = try connection(peer, 6)
    peer.appCloses(c.id)
    #expect(peer.stack.orphanCount == 5)
    #expect(peer.stack.connectionCount == 5)
    #expect(peer.stack.counters.tcp.abortsOnMemory == 1)
    #expect(peer.state == .closed)
    let resets = try peer.takesSegments().filter { $0.flags.contains(.rst) }
    #expect(resets.count == 1)
    #expect(resets.first?.destinationPort == 6)
    #expect(try #require(resets.first).seq - c.ack >= 0)
  }

  // SYS-15
  @Test func `an orphan that ends makes room`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumOrphans = 1 })
    let first = try connection(peer, 1)
    let second = try connection(peer, 2)
    peer.appCloses(first.id)
    peer.sends(.rst(seq: first.seq).from(port: 1))
    #expect(peer.stack.orphanCount == 0)
    peer.appCloses(second.id)
    #expect(peer.stack.orphanCount == 1)
    #expect(peer.stack.counters.tcp.abortsOnMemory == 0)
  }

  // SYS-15
  @Test func `the limit acts at once on a running stack and takes nothing away`() throws {
    let peer = ScriptedPeer()
    for port: UInt16 in 1...4 { peer.appCloses(try connection(peer, port).id) }
    #expect(peer.stack.orphanCount == 4)
    peer.stack.settings.maximumOrphans = 2
    #expect(peer.stack.orphanCount == 4)
    peer.appCloses(try connection(peer, 5).id)
    #expect(peer.stack.orphanCount == 4)
    peer.stack.settings.maximumOrphans = 5
    peer.appCloses(try connection(peer, 6).id)
    #expect(peer.stack.orphanCount == 5)
    #expect(peer.stack.counters.tcp.abortsOnMemory == 1)
  }

  // SYS-15
  @Test func `a connection that its program holds is no orphan, nor is one in TIME-WAIT`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumOrphans = 0 })
    var c = try peer.opensConnection()
    try peer.reaches(.finWait2, &c)
    #expect(peer.stack.orphanCount == 0)
    #expect(peer.snapshot?.isOrphan == false)
    peer.sends(.fin(seq: c.seq, ack: c.ack))
    #expect(peer.state == .timeWait)
    peer.appCloses(c.id)
    #expect(peer.state == .timeWait)
    #expect(peer.stack.counters.tcp.abortsOnMemory == 0)
  }

  // SYS-15
  @Test func `an orphan's row says so and has no handle`() throws {
    let peer = ScriptedPeer()
    let c = try connection(peer, 1)
    #expect(try #require(peer.snapshot).handle != 0)
    peer.appCloses(c.id)
    let row = try #require(peer.snapshot)
    #expect(row.isOrphan)
    #expect(row.handle == 0)
    #expect(row.state == .finWait1)
  }

  // SYS-9, CNT-6
  @Test(arguments: [-1, 3])
  func `a connection may say how long it waits in FIN-WAIT-2 without its program`(
    _ seconds: Int16
  ) throws {
    var options = ConnectionOptions()
    options.finWaitSeconds = seconds
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options)
    peer.appCloses(c.id)
    try peer.expectsAtOnce(.fin(seq: c.ack))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    if seconds < 0 {
      try peer.expectsAtOnce(.anyReset(seq: c.ack + 1))
      #expect(peer.stack.counters.tcp.abortsOnLinger == 1)
    } else {
      try peer.expectsNothing(for: .milliseconds(2_900))
      #expect(peer.state == .finWait2)
      try peer.expectsNothing(for: .milliseconds(200))
      #expect(peer.stack.counters.tcp.abortsOnLinger == 0)
    }
    #expect(peer.state == .closed)
  }

  /// Seconds after which an orphan whose peer is silent is gone, and how often its text was sent.
  private func life(_ peer: ScriptedPeer) throws -> (seconds: Int, copies: Int) {
    let start = peer.now
    var copies = 0
    while peer.stack.connectionCount > 0 {
      copies += try peer.takesSegments(for: .milliseconds(100)).count { !$0.flags.contains(.rst) }
      try peer.requires(peer.now < start + .seconds(3_000), "the orphan never dies")
    }
    return (Int((peer.now - start).nanoseconds / 1_000_000_000), copies)
  }

  // SYS-16, CNT-6
  @Test func `an orphan dies after eight retransmissions by default`() throws {
    let peer = ScriptedPeer()
    peer.appCloses(try connection(peer, 1).id)
    _ = try peer.takesAll()
    let (seconds, copies) = try life(peer)
    // 0.2 s doubled eight times: resends up to 51 s, the end at 102 s.
    #expect((7...9).contains(copies))
    #expect((50...110).contains(seconds))
    #expect(peer.stack.counters.tcp.abortsOnTimeout == 1)
    #expect(peer.stack.orphanCount == 0)
  }

  // SYS-16
  @Test(arguments: [1, 2, 4])
  func `the number of an orphan's retransmissions acts at once`(_ retries: Int) throws {
    let peer = ScriptedPeer()
    peer.appCloses(try connection(peer, 1).id)
    _ = try peer.takesAll()
    peer.stack.settings.orphanRetries = retries
    let (_, copies) = try life(peer)
    #expect((retries - 1...retries + 1).contains(copies))
  }

  // SYS-16
  @Test func `a host that a router calls unreachable ends its orphan once nothing waits longer`()
    throws
  {
    func copies(withError: Bool) throws -> Int {
      let peer = ScriptedPeer(settings: .changed { $0.orphanRetries = 30 })
      let c = try connection(peer, 1)
      if withError {
        peer.sendsError(type: 3, code: 1, aboutSegment: .ack(seq: c.ack, ack: c.seq))
      }
      peer.appCloses(c.id)
      _ = try peer.takesAll()
      return try life(peer).copies
    }
    // 0.2 s doubled ten times reaches 120 s; without the error thirty repetitions go on from there.
    #expect((9...12).contains(try copies(withError: true)))
    #expect((29...31).contains(try copies(withError: false)))
  }

  // SEC-31, SYS-15, SYS-16
  @Test func `peers that never open their window cannot pin many orphans`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumOrphans = 50 })
    for port: UInt16 in 1...500 {
      peer.appCloses(try connection(peer, port, window: 0).id)
      try peer.requires(peer.stack.orphanCount <= 50, "\(peer.stack.orphanCount) orphans")
      try peer.requires(peer.stack.connectionCount <= 50, "more connections than orphans")
    }
    #expect(peer.stack.counters.tcp.abortsOnMemory >= 450)
    _ = try peer.takesAll(for: .seconds(1_800))
    #expect(peer.stack.orphanCount == 0)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.bufferedBytes == 0)
  }

  // SEC-31, SYS-16
  @Test(arguments: [0, 3, 30])
  func `a peer that answers every probe with a closed window does not pin an orphan`(
    _ retries: Int
  ) throws {
    let peer = ScriptedPeer(settings: .changed { $0.orphanRetries = retries })
    let c = try connection(peer, 1, window: 0)
    peer.appCloses(c.id)
    _ = try peer.takesAll()
    let start = peer.now
    while peer.stack.connectionCount > 0 {
      for segment in try peer.takesSegments(for: .milliseconds(200))
      where !segment.flags.contains(.rst) {
        peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
      }
      try peer.requires(peer.now < start + .seconds(8_000), "the orphan is pinned")
    }
  }
}
