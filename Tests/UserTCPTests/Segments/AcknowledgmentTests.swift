// When the receiver acknowledges: delayed, at once, aggregated, duplicated (RFC 9293 §3.8.6.3,
// §3.10.7.4, RFC 5681 §4.2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct AcknowledgmentTests {
  // R9293-MUST-40, R9293-SHLD-18
  @Test func `the ACK of one small segment is delayed, by less than half a second`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsNothing(for: .milliseconds(10))
    try peer.expects(.ack(seq: c.ack, ack: c.seq + 5), within: .milliseconds(485))
    try peer.expectsNothing()
  }

  // R9293-MUST-40
  @Test func `the delay of an ACK is the one that was set`() throws {
    var settings = StackSettings.withoutQuickAcknowledgments()
    settings.delayedAcknowledgment = .milliseconds(100)
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expects(.ack(ack: c.seq + 5), after: .milliseconds(100))
  }

  @Test func `at the start of a connection segments are acknowledged at once`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 5))
  }

  // R9293-SHLD-19
  @Test func `the second full segment is acknowledged at once`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1460)))
    try peer.expectsNothing(for: .milliseconds(1))
    peer.sends(.data(seq: c.seq + 1460, ack: c.ack, ScriptedPeer.pattern(1460)))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 2920))
  }

  // R9293-SHLD-19
  @Test func `four half segments get at least one ACK at once`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    for index in 0..<4 {
      peer.sends(.data(seq: c.seq + index * 730, ack: c.ack, ScriptedPeer.pattern(730)))
    }
    #expect(try peer.takesSegments().count >= 1)
  }

  @Test func `a delayed ACK rides on text`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.appWrites(c.id, "answer")
    try peer.expectsAtOnce(.data(seq: c.ack, ack: c.seq + 5, length: 6))
    peer.sends(.ack(seq: c.seq + 5, ack: c.ack + 6))
    try peer.expectsNothing()
  }

  // R9293-MUST-58, OFF-7
  @Test func `ten segments in one batch are acknowledged together`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sendsBatch(
      (0..<10).map { .data(seq: c.seq + $0 * 1000, ack: c.ack, ScriptedPeer.pattern(1000)) })
    let answers = try peer.takesSegments(for: .seconds(1))
    #expect((1...5).contains(answers.count))
    #expect(answers.last?.ack == c.seq + 10_000)
  }

  // R9293-MUST-59
  @Test func `segments of a batch are all processed before the last ACK`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sendsBatch([
      .data(seq: c.seq + 5, ack: c.ack, "world"), .data(seq: c.seq, ack: c.ack, "hello"),
    ])
    // Without SACK the segment out of order may still get its own duplicate (OFF-8).
    let answers = try peer.takesSegments(for: .seconds(1))
    #expect((1...2).contains(answers.count))
    #expect(answers.last?.ack == c.seq + 10)
    #expect(try peer.appReads(c.id) == Array("helloworld".utf8))
  }

  // R9293-SHLD-31, R9293-MAY-13, CC-13
  @Test func `a segment out of order is kept and answered with a duplicate ACK at once`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "world"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(try peer.appReads(c.id) == [])
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 10))
    #expect(try peer.appReads(c.id) == Array("helloworld".utf8))
  }

  // CC-13
  @Test func `a segment that fills part of a gap is acknowledged at once`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq + 20, ack: c.ack, "late"))
    try peer.expectsAtOnce(.ack(ack: c.seq))
    peer.sends(.data(seq: c.seq, ack: c.ack, "0123456789"))
    try peer.expectsAtOnce(.ack(ack: c.seq + 10))
  }

  // CC-13
  @Test func `repeated text is acknowledged at once`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expects(.ack(ack: c.seq + 5))
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq + 5))
    #expect(try peer.appReads(c.id) == Array("hello".utf8))
  }

  // CC-13
  @Test func `no segment gets more than one ACK`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for index in 0..<50 {
      peer.sends(.data(seq: c.seq + index * 100, ack: c.ack, ScriptedPeer.pattern(100)))
      #expect(try peer.takesSegments().count <= 1)
    }
    #expect(try peer.takesSegments(for: .seconds(1)).count <= 1)
  }

  // OFF-8
  @Test func `without SACK each segment out of order gets its duplicate ACK, in a batch too`()
    throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sendsBatch(
      (1..<10).map { .data(seq: c.seq + $0 * 1000, ack: c.ack, ScriptedPeer.pattern(1000)) })
    let duplicates = try peer.takesSegments()
    #expect(duplicates.count >= 3)
    #expect(duplicates.count <= 9)
    #expect(duplicates.allSatisfy { $0.ack == c.seq && $0.payload.isEmpty })
    #expect(Set(duplicates.map(\.window)).count == 1, "duplicates have one window")
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1000)))
    try peer.expectsAtOnce(.ack(ack: c.seq + 10_000))
  }

  @Test func `overlapping segments in any order deliver each octet once`() throws {
    let text = ScriptedPeer.pattern(600)
    var random = SeededRandom(seed: 11)
    for _ in 0..<50 {
      let peer = ScriptedPeer()
      let c = try peer.opensConnection()
      var pieces = (0..<60).map {
        $0 * 10..<min(600, $0 * 10 + Int.random(in: 10...60, using: &random))
      }
      pieces.shuffle(using: &random)
      for piece in pieces {
        peer.sends(.data(seq: c.seq + piece.lowerBound, ack: c.ack, Array(text[piece])))
      }
      #expect(try peer.appReads(c.id) == text)
      #expect(try peer.takesSegments(for: .seconds(1)).last?.ack == c.seq + 600)
    }
  }

  // R9293-MAY-17
  @Test func `text can be read before a PSH arrives`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(Segment(flags: .ack, seq: c.seq, ack: c.ack, payload: Array("no push".utf8)))
    #expect(peer.takeEvents(c.id).contains(.readable))
    #expect(try peer.appReads(c.id) == Array("no push".utf8))
  }
}
