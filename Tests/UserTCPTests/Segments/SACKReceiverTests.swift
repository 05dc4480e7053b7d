// What the stack reports of text that came out of order or twice (RFC 2018 §3-§5, RFC 2883).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SACKReceiverTests {
  private static let permitted: [SegmentOption] = [.maximumSegmentSize(1460), .sackPermitted]

  /// A peer that sends segments of 100 octets by number.
  private struct Sender {
    let peer: ScriptedPeer
    let c: ScriptedConnection

    init(_ settings: StackSettings = StackSettings(), timestamps: Bool = false) throws {
      peer = ScriptedPeer(settings: settings)
      c = try peer.opensConnection(
        options: SACKReceiverTests.permitted + (timestamps ? [.timestamps(1, 0)] : []))
      peer.stampsSegments = timestamps
    }

    func seq(_ index: Int) -> SequenceNumber { c.seq + index * 100 }
    func block(_ range: Range<Int>) -> SegmentBlock {
      SegmentBlock(seq(range.lowerBound), seq(range.upperBound))
    }
    /// Sends text and returns the last answer to it.
    @discardableResult func sends(_ range: Range<Int>) throws -> Segment {
      peer.sends(
        .data(
          seq: seq(range.lowerBound), ack: c.ack,
          ScriptedPeer.pattern(range.count * 100, from: range.lowerBound * 100)))
      let answer = try peer.takesSegments().last
      return try #require(answer, "no answer at once\n\(peer.transcript)")
    }
  }

  // SACK-1
  @Test func `a SYN-ACK permits SACK only if the SYN did, and blocks come only then`() throws {
    for isAsked in [true, false] {
      let peer = ScriptedPeer()
      let c = try peer.opensConnection(
        options: isAsked ? Self.permitted : [.maximumSegmentSize(1460)])
      #expect(c.stackSYN.options.contains(.sackPermitted) == isAsked)
      peer.sends(.data(seq: c.seq + 100, ack: c.ack, "ahead"))
      let answer = try peer.expectsAtOnce(.ack(ack: c.seq))
      #expect(
        answer.sackBlocks == (isAsked ? [SegmentBlock(c.seq + 100, c.seq + 105)] : []))
    }
  }

  // SACK-1
  @Test func `a SYN of ours asks for SACK, and blocks come only when the answer agrees`() throws {
    for isGranted in [true, false] {
      let peer = ScriptedPeer()
      let c = try peer.answersConnection(
        options: isGranted ? Self.permitted : [.maximumSegmentSize(1460)])
      #expect(c.stackSYN.options.contains(.sackPermitted))
      peer.sends(.data(seq: c.seq + 100, ack: c.ack, "ahead"))
      #expect(try peer.expectsAtOnce(.ack(ack: c.seq)).sackBlocks.isEmpty == !isGranted)
    }
  }

  // SACK-1
  @Test func `permission after the handshake is none`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq + 100, ack: c.ack, "ahead", options: [.sackPermitted]))
    #expect(try peer.expectsAtOnce(.ack(ack: c.seq)).sackBlocks.isEmpty)
  }

  // SACK-1, SYS-22
  @Test func `with SACK switched off nobody is asked and nobody is answered`() throws {
    var settings = StackSettings()
    settings.usesSACK = false
    let server = ScriptedPeer(settings: settings)
    let c = try server.opensConnection(options: Self.permitted)
    #expect(!c.stackSYN.options.contains(.sackPermitted))
    let client = ScriptedPeer(settings: settings)
    #expect(!(try client.takesSYNOfProgram().syn.options.contains(.sackPermitted)))
  }

  // SACK-2
  @Test func `the newest block comes first, then the others by age, as many as fit`() throws {
    for timestamps in [true, false] {
      let sender = try Sender(timestamps: timestamps)
      for index in [2, 4, 6] { try sender.sends(index..<index + 1) }
      let answer = try sender.sends(8..<9)
      #expect(answer.ack == sender.c.seq)
      let all = [8..<9, 6..<7, 4..<5, 2..<3].map { sender.block($0) }
      #expect(answer.sackBlocks == Array(all.prefix(timestamps ? 3 : 4)))
    }
  }

  // SACK-2
  @Test func `the block that a segment joins comes first, and whole`() throws {
    let sender = try Sender()
    for index in [2, 6, 4] { try sender.sends(index..<index + 1) }
    #expect(try sender.sends(3..<4).sackBlocks == [2..<5, 6..<7].map { sender.block($0) })
    #expect(try sender.sends(6..<8).sackBlocks.contains(sender.block(6..<8)))
  }

  // SACK-2
  @Test func `a segment that moves the acknowledgment leaves the others in their order`() throws {
    let sender = try Sender()
    for index in [1, 5, 3] { try sender.sends(index..<index + 1) }
    let answer = try sender.sends(0..<1)
    #expect(answer.ack == sender.seq(2))
    #expect(answer.sackBlocks == [3..<4, 5..<6].map { sender.block($0) })
  }

  // SACK-3
  @Test func `while a gap persists every ACK without text carries the blocks`() throws {
    let sender = try Sender()
    try sender.sends(3..<4)
    let block = [sender.block(3..<4)]
    // In order, below the gap: the ACK moves, the gap stays.
    #expect(try sender.sends(0..<1).sackBlocks == block)
    // With text of ours waiting, the ACK of something out of order still goes alone.
    try sender.peer.appWrites(sender.c.id, count: 40_000)
    _ = try sender.peer.takesSegments()
    #expect(try sender.sends(3..<4).sackBlocks == block + block)
    // The window's update.
    _ = try sender.peer.appReads(sender.c.id)
    let updates = try sender.peer.takesSegments().filter(\.payload.isEmpty)
    #expect(updates.allSatisfy { $0.sackBlocks == block })
    // An answer to what lies outside the window.
    sender.peer.sends(.ack(seq: sender.c.seq + (1 << 24), ack: sender.c.ack))
    #expect(try sender.peer.expectsAtOnce(.ack()).sackBlocks == block)
    #expect(try sender.sends(1..<3).sackBlocks == [])
  }

  // SACK-4, SHLD-31
  @Test(arguments: 0..<40 as Range<UInt64>)
  func `what was reported is not forgotten`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let sender = try Sender(timestamps: random.happens(0.5))
    var reported: Set<Int> = []
    for index in (1..<200).shuffled(using: &random).prefix(150) {
      let answer = try sender.sends(index..<index + 1)
      #expect(answer.ack == sender.c.seq)
      for block in answer.sackBlocks {
        for octet in stride(
          from: block.left - sender.c.seq, to: block.right - sender.c.seq, by: 100)
        { reported.insert(octet / 100) }
      }
    }
    // The peer sends what it was not told of, and nothing else.
    var last = sender.c.seq
    for index in 0..<200 where !reported.contains(index) {
      last = try sender.sends(index..<index + 1).ack
    }
    #expect(last == sender.seq(200))
    #expect(try sender.peer.appReads(sender.c.id) == ScriptedPeer.pattern(20_000))
  }

  // SACK-4
  @Test func `a block that found no room is not reported`() throws {
    let sender = try Sender()
    var last: Segment?
    for index in 1...2000 {
      let seq = sender.c.seq + 2 * index
      sender.peer.sends(.data(seq: seq, ack: sender.c.ack, "x"))
      last = try sender.peer.takesSegments().last
      guard let block = last?.sackBlocks.first else { continue }
      if sender.peer.stack.counters.tcp.outOfOrderDropped > 0 {
        #expect(block.left != seq, "dropped and reported")
        break
      }
      #expect(block.left == seq)
    }
    #expect(sender.peer.stack.counters.tcp.outOfOrderDropped == 1, "islands have a limit")
  }

  // SACK-8
  @Test func `a duplicate of what was acknowledged is reported once, before all others`() throws {
    for hasIsland in [false, true] {
      let sender = try Sender()
      try sender.sends(0..<2)
      if hasIsland { try sender.sends(5..<6) }
      let islands = hasIsland ? [sender.block(5..<6)] : []
      let answer = try sender.sends(0..<1)
      #expect(answer.ack == sender.seq(2))
      #expect(answer.sackBlocks == [sender.block(0..<1)] + islands)
      // Once: the next ACK says no more of it.
      #expect(try sender.sends(2..<3).sackBlocks == islands)
      // Again means again.
      #expect(try sender.sends(0..<1).sackBlocks.first == sender.block(0..<1))
    }
  }

  // SACK-8
  @Test func `a duplicate inside an island is followed by the island`() throws {
    let sender = try Sender()
    try sender.sends(2..<5)
    try sender.sends(8..<9)
    let answer = try sender.sends(3..<4)
    #expect(answer.sackBlocks == [3..<4, 2..<5, 8..<9].map { sender.block($0) })
  }

  // SACK-8
  @Test func `two duplicates get two reports`() throws {
    let sender = try Sender()
    try sender.sends(0..<3)
    #expect(try sender.sends(0..<1).sackBlocks == [sender.block(0..<1)])
    #expect(try sender.sends(1..<2).sackBlocks == [sender.block(1..<2)])
    #expect(sender.peer.stack.counters.tcp.duplicatesSent == 2)
  }

  // SACK-8
  @Test func `of a segment that is half old only the old half is a duplicate`() throws {
    let sender = try Sender()
    try sender.sends(0..<2)
    let answer = try sender.sends(1..<3)
    #expect(answer.ack == sender.seq(3))
    #expect(answer.sackBlocks == [sender.block(1..<2)])
  }

  // SACK-8, SACK-2
  @Test func `a duplicate with timestamps leaves room for two islands`() throws {
    let sender = try Sender(timestamps: true)
    try sender.sends(0..<1)
    for index in [3, 5, 7] { try sender.sends(index..<index + 1) }
    let answer = try sender.sends(0..<1)
    #expect(answer.sackBlocks == [0..<1, 7..<8, 5..<6].map { sender.block($0) })
  }

  // SACK-8, SYS-22
  @Test func `with D-SACK switched off a duplicate gets a plain ACK`() throws {
    var settings = StackSettings()
    settings.reportsDuplicates = false
    let sender = try Sender(settings)
    try sender.sends(0..<2)
    #expect(try sender.sends(0..<1).sackBlocks == [])
    try sender.sends(4..<6)
    #expect(try sender.sends(4..<5).sackBlocks == [sender.block(4..<6)])
  }
}
