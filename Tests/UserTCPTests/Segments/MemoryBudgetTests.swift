// The memory of all connections together (`tcp_mem`, REQUIREMENTS SEC-28): what happens past each of its
// marks, in which order, what is counted, and that all goes on when memory comes back.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct MemoryBudgetTests {
  private static let options: [SegmentOption] = [
    .maximumSegmentSize(1460), .windowScale(7), .sackPermitted,
  ]

  /// A budget of `limit` octets; memory is short from `pressure` on.
  private func settings(limit: Int, pressure: Int? = nil) -> StackSettings {
    var settings = StackSettings()
    let pressure = pressure ?? limit
    settings.memory = MemoryMarks(low: pressure / 2, pressure: pressure, limit: limit)
    settings.invalidReplyInterval = .zero
    return settings
  }

  /// Sends text in order, in segments, to a program that does not read.
  private func send(_ count: Int, _ peer: ScriptedPeer, _ c: inout ScriptedConnection) throws {
    let stop = c.seq + count
    while c.seq < stop {
      let length = min(1460, stop - c.seq)
      peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(length)))
      c.seq += length
    }
  }

  /// Sends until there is not a block of memory left: in order, and then octets far from each other.
  private func exhaust(_ peer: ScriptedPeer, _ c: inout ScriptedConnection) throws {
    try send(20_000, peer, &c)
    for index in 0..<64 {
      peer.sends(.data(seq: c.seq + 10_000 + 2 * index, ack: c.ack, [1]))
    }
    _ = try peer.takesAll(for: .milliseconds(50))
    #expect(peer.stack.bufferedBytes + 512 > peer.stack.settings.memory.limit)
  }

  // SEC-28, SHLD-14
  @Test func `past the second mark windows stop growing, and no edge moves back`() throws {
    let peer = ScriptedPeer(settings: settings(limit: 1 << 20, pressure: 20_000))
    var c = try peer.opensConnection(options: Self.options)
    try send(30_000, peer, &c)
    let answers = try peer.takesSegments(for: .milliseconds(50))
    #expect(peer.stack.counters.tcp.memoryPressures == 1)
    let edges = answers.map { $0.ack + Int($0.window) << c.stackShift }
    let unit = 1 << c.stackShift  // the field is rounded down
    for (before, after) in zip(edges, edges.dropFirst()) { #expect(after > before - unit) }
    // It had 64 KB, and gets no more while the program is behind.
    let edge = try #require(edges.last)
    _ = try peer.appReads(c.id, atMost: 20_000)
    try send(1460, peer, &c)
    for answer in try peer.takesSegments(for: .milliseconds(50)) {
      #expect(abs(answer.ack + Int(answer.window) << c.stackShift - edge) < unit)
    }
    // Memory comes back with the octets that are read, and so does the window.
    try peer.advances(by: .seconds(3))
    _ = try peer.appReads(c.id)
    try peer.advances(by: .milliseconds(1))
    try send(1460, peer, &c)
    let last = try #require(try peer.takesSegments(for: .milliseconds(50)).last)
    #expect(last.ack + Int(last.window) << c.stackShift > edge + unit)
    #expect(peer.stack.counters.tcp.memoryPressures == 1)
    let milliseconds = peer.stack.counters.tcp.memoryPressureMilliseconds
    #expect((3000...3300).contains(milliseconds))
  }

  // SEC-28, SACK-4
  @Test func `past the third mark what waits behind a gap makes room for what is in order`() throws
  {
    let peer = ScriptedPeer(settings: settings(limit: 6200))
    var c = try peer.opensConnection(options: Self.options)
    let start = c.seq
    // Two runs behind a gap, 2 KB each and half one for their table, leave less than a segment takes.
    for distance in [3000, 6000] {
      peer.sends(.data(seq: start + distance, ack: c.ack, ScriptedPeer.pattern(1460)))
    }
    #expect(try peer.takesSegments().last?.sackBlocks.count == 2)
    try send(1460, peer, &c)
    let full = try #require(try peer.takesSegments().last)
    #expect(full.ack == c.seq, "what is in order is taken")
    // The furthest goes first; nobody hears of it again (RFC 2018 §8).
    #expect(full.sackBlocks == [SegmentBlock(start + 3000, start + 4460)])
    try send(1460, peer, &c)
    let last = try #require(try peer.takesSegments().last)
    #expect(last.ack == c.seq)
    #expect(last.sackBlocks.isEmpty)
    let counters = peer.stack.counters.tcp
    #expect(counters.pruneCalls == 2)
    #expect(counters.outOfOrderPruned == 2)
    #expect(counters.receiveQueueDrops == 0)
    #expect(peer.stack.bufferedBytes <= 6200)
  }

  // SEC-28
  @Test func `then text in order is dropped unacknowledged, and taken when it comes again`() throws
  {
    let peer = ScriptedPeer(settings: settings(limit: 8192))
    var c = try peer.opensConnection(options: Self.options)
    let start = c.seq
    try send(20_000, peer, &c)
    let taken = try #require(try peer.takesSegments(for: .milliseconds(50)).last).ack - start
    #expect(taken > 0 && taken <= 8192)
    let counters = peer.stack.counters.tcp
    #expect(counters.receiveQueueDrops >= 1)
    #expect(counters.receivePruned == counters.receiveQueueDrops)
    #expect(counters.pruneCalls >= counters.receivePruned)
    #expect(peer.state == .established)
    // Everything arrives in the end.
    var received: [UInt8] = []
    var acknowledged = taken
    var rounds = 0
    while received.count < 20_000, rounds < 200 {
      rounds += 1
      received += try peer.appReads(c.id)
      let length = min(1460, 20_000 - acknowledged)
      guard length > 0 else { break }
      peer.sends(
        .data(seq: start + acknowledged, ack: c.ack, [UInt8](repeating: 9, count: length)))
      if let answer = try peer.takesSegments(for: .milliseconds(50)).last {
        acknowledged = max(acknowledged, answer.ack - start)
      }
    }
    received += try peer.appReads(c.id)
    #expect(received.count == 20_000)
    #expect(peer.stack.bufferedBytes == 0)
  }

  // SEC-28
  @Test func `without memory nobody is connected, on either side`() throws {
    let peer = ScriptedPeer(settings: settings(limit: 16_384))
    var c = try peer.opensConnection(options: Self.options)
    try exhaust(peer, &c)
    let drops = peer.stack.counters.tcp.listenDrops
    peer.sends(.syn(seq: 99, options: Self.options).from(port: 50_000))
    try peer.expectsNothing(for: .milliseconds(10))
    #expect(peer.stack.counters.tcp.listenDrops == drops + 1)
    #expect(throws: TCPError.limitReached) { try peer.appConnects() }
    // With memory both work again.
    _ = try peer.appReads(c.id)
    _ = try peer.takesAll()
    peer.sends(.syn(seq: 99, options: Self.options).from(port: 50_000))
    try peer.expectsAtOnce(.synAck(ack: 100))
    _ = try peer.appConnects()
  }

  // SEC-28
  @Test func `a program without memory to write waits, and is told when there is some`() throws {
    let peer = ScriptedPeer(settings: settings(limit: 16_384))
    var reader = try peer.opensConnection(options: Self.options)
    peer.port += 1
    let writer = try peer.opensConnection(options: Self.options)
    peer.port -= 1
    try exhaust(peer, &reader)
    #expect(try peer.appWrites(writer.id, "hello") == 0)
    #expect(try peer.appWrites(writer.id, "hello") == 0)
    _ = peer.takeEvents(writer.id)
    try peer.advances(by: .seconds(1))
    #expect(!peer.takeEvents(writer.id).contains(.writable))
    _ = try peer.appReads(reader.id)
    #expect(peer.takeEvents(writer.id).contains(.writable))
    #expect(try peer.appWrites(writer.id, "hello") == 5)
    try peer.advances(by: .seconds(1))
    #expect(!peer.takeEvents(writer.id).contains(.writable), "once")
  }

  // SEC-28, SYS-15
  @Test func `an orphan with text to send is not kept when memory is spent`() throws {
    let peer = ScriptedPeer(settings: settings(limit: 16_384))
    let c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, count: 20_000)
    #expect(peer.stack.bufferedBytes <= 16_384)
    peer.appCloses(c.id)
    _ = try peer.expectsAtOnce(.rstAck())
    #expect(peer.stack.counters.tcp.abortsOnMemory == 1)
    #expect(peer.stack.bufferedBytes == 0)
  }

  // SEC-28
  @Test func `no flood of octets ahead of gaps takes more than the budget`() throws {
    let limit = 250_000
    let peer = ScriptedPeer(settings: settings(limit: limit, pressure: limit / 2))
    try peer.appListens(backlog: 1000)
    var seqs: [(port: UInt16, ack: SequenceNumber)] = []
    for port: UInt16 in 1...100 {
      guard let answer = try? peer.opensHalf(ports: port...port).first else { break }
      peer.sends(.ack(seq: 101, ack: answer.end).from(port: port))
      seqs.append((port, answer.end))
      for offset in stride(from: 1, to: 60_000, by: 2_000) {
        peer.sends(.data(seq: 101 + offset, ack: answer.end, [1]).from(port: port))
      }
      _ = try peer.takesAll()
      #expect(peer.stack.bufferedBytes <= limit)
    }
    #expect(seqs.count >= 10)
    #expect(peer.stack.counters.tcp.outOfOrderDropped > 0)
    // All of them live, and what is in order arrives.
    let (port, ack) = try #require(seqs.first)
    peer.sends(.data(seq: 101, ack: ack, "x").from(port: port))
    #expect(try peer.takesSegments().last?.ack == 103)
  }

  // SEC-28
  @Test func `an octet at the far end of a large window costs what it is`() throws {
    var settings = StackSettings.withReceiveBuffer(8 << 20)
    settings.growsReceiveBuffer = false
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(options: Self.options)
    peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
    _ = try peer.appReads(c.id)
    _ = try peer.takesAll(for: .milliseconds(50))
    peer.sends(.data(seq: c.seq + (8 << 20) - 1000, ack: c.ack, "y"))
    #expect(try peer.takesSegments().last?.sackBlocks.count == 1)
    #expect(peer.stack.bufferedBytes <= 1024)
  }
}
