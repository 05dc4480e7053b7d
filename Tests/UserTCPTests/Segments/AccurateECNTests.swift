// Accurate ECN (RFC 9768): who agrees on it, how marks are counted, told and answered, and what is done about
// paths that change the bits.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct AccurateECNTests {
  private static func settings(_ mode: ECNMode) -> StackSettings {
    .ecn(mode) { $0.usesAccurateECN = true }
  }

  /// AE, CWR and ECE as a number.
  private static func bits(_ number: UInt16) -> SegmentFlags { SegmentFlags(rawValue: number << 6) }
  private static func number(_ segment: Segment) -> UInt16 {
    segment.flags.intersection([.ae, .cwr, .ece]).rawValue >> 6
  }

  /// The peer opens and asks; everything as a faithful path has it.
  private func opened(
    _ settings: StackSettings = settings(.accept), firstACK: UInt16 = 0b010
  ) throws -> (ScriptedPeer, ConnectionID, seq: SequenceNumber, ack: SequenceNumber) {
    let peer = ScriptedPeer(settings: settings)
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.bits(0b111)))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(Self.bits(0b010)))
    peer.sends(.ack(seq: 100, ack: answer.end).adding(Self.bits(firstACK)))
    return (peer, try #require(peer.appAccepts()), 100, answer.end)
  }

  // MARK: Negotiation

  // AECN-1
  @Test(
    arguments: [
      (0b000, 0b000), (0b011, 0b001), (0b111, 0b010), (0b100, 0b010), (0b010, 0b010),
      (0b001, 0b010), (0b101, 0b010), (0b110, 0b010),
    ] as [(UInt16, UInt16)])
  func `a SYN is answered as the table has it, unknown questions like 111`(
    _ asked: UInt16, _ answered: UInt16
  ) throws {
    let peer = ScriptedPeer(settings: Self.settings(.accept))
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.bits(asked)))
    // The checks of every conversation would take AE on the answer to such a SYN for unasked.
    try peer.expectsAtOnce(.synAck(ack: 100).with(Self.bits(answered)))
  }

  // AECN-1
  @Test(
    arguments: [
      (ECNField.notECT, 0b010), (.ect1, 0b011), (.ect0, 0b100), (.ce, 0b110),
    ] as [(ECNField, UInt16)])
  func `the SYN-ACK tells how the SYN came`(_ ecn: ECNField, _ answered: UInt16) throws {
    let peer = ScriptedPeer(settings: Self.settings(.accept))
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.bits(0b111)).marked(ecn))
    #expect(
      try peer.expectsAtOnce(.synAck(ack: 100).with(Self.bits(answered))).ecn == .notECT)
  }

  // AECN-2, SYS-29
  @Test func `with tcp_ecn 0 nobody gets it`() throws {
    let peer = ScriptedPeer(settings: Self.settings(.off))
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.bits(0b111)))
    try peer.expectsAtOnce(.synAck(ack: 100))
  }

  // AECN-1
  @Test(
    arguments: [
      (0b000, false, false), (0b001, true, false), (0b010, true, true), (0b101, true, false),
      (0b111, false, false),
    ] as [(UInt16, Bool, Bool)])
  func `what a SYN-ACK agrees to`(_ answer: UInt16, _ ecn: Bool, _ accurate: Bool) throws {
    let peer = ScriptedPeer(settings: Self.settings(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.bits(0b111)))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(Self.bits(answer)))
    try peer.expectsAtOnce(.ack(ack: 100).with(accurate ? Self.bits(0b010) : []))
    #expect(peer.snapshot?.usesECN == ecn)
    #expect(peer.snapshot?.usesAccurateECN == accurate)
    try peer.appWrites(id, "x")
    let text = try peer.expectsAtOnce(
      .data(length: 1).with(accurate ? Self.bits(0b101) : []))
    #expect(text.ecn == (ecn ? .ect0 : .notECT))
  }

  // AECN-1
  @Test(
    arguments: [
      (ECNField.notECT, 0b010, 5), (.ect1, 0b011, 5), (.ect0, 0b100, 5), (.ce, 0b110, 6),
    ] as [(ECNField, UInt16, UInt16)])
  func `the first ACK tells how the SYN-ACK came, and goes alone`(
    _ ecn: ECNField, _ told: UInt16, _ count: UInt16
  ) throws {
    let peer = ScriptedPeer(settings: Self.settings(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.bits(0b111)))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(Self.bits(0b010)).marked(ecn))
    try peer.expectsAtOnce(.ack(ack: 100).with(Self.bits(told)))
    try peer.appWrites(id, "x")
    try peer.expectsAtOnce(.data(length: 1).with(Self.bits(count)))
  }

  // AECN-1, ECN-6: RFC 9768 §3.1.4.1, "at least one more time".
  @Test func `a SYN asks twice before it falls back`() throws {
    let peer = ScriptedPeer(settings: Self.settings(.request))
    _ = try peer.appConnects()
    try peer.expectsAtOnce(.syn().with(Self.bits(0b111)))
    try peer.expects(.syn().with(Self.bits(0b111)), after: .seconds(1))
    try peer.expects(.syn(), after: .seconds(1))
  }

  // AECN-1
  @Test func `when both open at once each tells how the other's SYN came`() throws {
    let peer = ScriptedPeer(settings: Self.settings(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.bits(0b111)))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.syn(seq: 99).adding(Self.bits(0b111)))
    let answer = try peer.expectsAtOnce(.synAck(seq: syn.seq, ack: 100).with(Self.bits(0b010)))
    peer.sends(.synAck(seq: 99, ack: answer.end).adding(Self.bits(0b010)))
    _ = try peer.takesAll()
    #expect(peer.state == .established)
    try peer.appWrites(id, "x")
    #expect(try peer.takesSegments().last?.ecn == .ect0)
  }

  // SEC-19
  @Test func `a cookie grants the classic form instead`() throws {
    let peer = ScriptedPeer(
      settings: .ecn(.accept) {
        $0.usesAccurateECN = true
        $0.synCookies = .always
      })
    try peer.appListens()
    peer.sends(
      .syn(seq: 99, options: [.maximumSegmentSize(1460), .timestamps(1, 0)])
        .adding(Self.bits(0b111)))
    try peer.expectsAtOnce(.synAck(ack: 100).with(.ece))
  }

  // MARK: Receiving

  // AECN-1
  @Test func `the counter starts at five, and three marks take it to zero`() throws {
    let (peer, _, seq, ack) = try opened()
    peer.sends(.data(seq: seq, ack: ack, "a").adding(Self.bits(5)).marked(.ect0))
    try peer.expects(.ack(ack: seq + 1).with(Self.bits(5)))
    for (offset, count) in [(1, 6), (2, 7), (3, 0), (4, 1)] as [(Int, UInt16)] {
      peer.sends(.data(seq: seq + offset, ack: ack, "b").adding(Self.bits(5)).marked(.ce))
      try peer.expects(.ack(ack: seq + offset + 1).with(Self.bits(count)))
    }
    peer.sends(.data(seq: seq + 5, ack: ack, "c").adding(Self.bits(5)).marked(.ect0))
    try peer.expects(.ack(ack: seq + 6).with(Self.bits(1)))
  }

  // AECN-1: "ACK on CE transition, n <= 7"
  @Test func `the first mark of a run and every second one are acknowledged at once`() throws {
    var settings = Self.settings(.accept)
    settings.quickAcknowledgments = 0
    let (peer, _, seq, ack) = try opened(settings)
    func sends(_ offset: Int, _ ecn: ECNField) {
      peer.sends(.data(seq: seq + offset, ack: ack, "x").adding(Self.bits(5)).marked(ecn))
    }
    // The size of a full segment is one octet to us; two are acknowledged at once anyway.
    sends(0, .ect0)
    try peer.expectsNothing(for: .milliseconds(10))
    sends(1, .ce)
    try peer.expectsAtOnce(.ack(ack: seq + 2).with(Self.bits(6)))
    sends(2, .ce)
    try peer.expectsNothing(for: .milliseconds(10))
    sends(3, .ce)
    try peer.expectsAtOnce(.ack(ack: seq + 4).with(Self.bits(0)))
  }

  // AECN-1
  @Test func `marks on ACKs without text are counted, and the third is told at once`() throws {
    let (peer, _, seq, ack) = try opened()
    for _ in 0..<2 { peer.sends(.ack(seq: seq, ack: ack).adding(Self.bits(5)).marked(.ce)) }
    try peer.expectsNothing(for: .milliseconds(100))
    peer.sends(.ack(seq: seq, ack: ack).adding(Self.bits(5)).marked(.ce))
    try peer.expectsAtOnce(.ack(ack: seq).with(Self.bits(0)))
  }

  // AECN-1, ECN-5
  @Test func `a mark outside the window is not counted`() throws {
    let (peer, _, seq, ack) = try opened()
    peer.sends(.data(seq: seq + 1_000_000, ack: ack, "x").adding(Self.bits(5)).marked(.ce))
    try peer.expectsAtOnce(.ack(ack: seq).with(Self.bits(5)))
  }

  // MARK: Sending

  /// A full window out, ready to be acknowledged.
  private func flight() throws -> (ScriptedPeer, seq: SequenceNumber, ack: SequenceNumber) {
    var settings = Self.settings(.accept)
    settings.congestionAlgorithm = .reno
    settings.sendBuffer = 1 << 20
    let (peer, id, seq, ack) = try opened(settings)
    try peer.appWrites(id, count: 100_000)
    let sent = try peer.takesSegments()
    #expect(sent.count == 10)
    #expect(sent.allSatisfy { $0.ecn == .ect0 && Self.number($0) == 5 })
    return (peer, seq, ack)
  }

  // AECN-1, ECN-4
  @Test func `marks that are told cut the window once a round trip, without CWR`() throws {
    let (peer, seq, ack) = try flight()
    for (index, count) in [(1, 6), (2, 7), (3, 7), (4, 0)] as [(Int, UInt16)] {
      peer.sends(.ack(seq: seq, ack: ack + index * 1460).adding(Self.bits(count)))
    }
    #expect(peer.stack.counters.tcp.windowsCutByECN == 1)
    #expect(peer.snapshot?.slowStartThreshold == 5 * 1460)
    #expect(try peer.takesSegments().allSatisfy { Self.number($0) == 5 })
    // All of the old window, and no new mark.
    peer.sends(.ack(seq: seq, ack: ack + 10 * 1460).adding(Self.bits(0)))
    let sent = try peer.takesSegments()
    #expect(!sent.isEmpty)
    peer.sends(.ack(seq: seq, ack: try #require(sent.last).end).adding(Self.bits(1)))
    #expect(peer.stack.counters.tcp.windowsCutByECN == 2)
  }

  // AECN-1
  @Test func `an ACK overtaken by others is not believed to tell of marks`() throws {
    let (peer, seq, ack) = try flight()
    peer.sends(.ack(seq: seq, ack: ack + 4 * 1460).adding(Self.bits(5)))
    let window = peer.snapshot?.congestionWindow
    peer.sends(.ack(seq: seq, ack: ack + 2 * 1460).adding(Self.bits(4)))
    peer.sends(.ack(seq: seq, ack: ack + 4 * 1460).adding(Self.bits(3)))
    #expect(peer.snapshot?.congestionWindow == window)
    #expect(peer.stack.counters.tcp.windowsCutByECN == 0)
  }

  // AECN-1, OFF-3: a super-segment's later parts would lose CWR.
  @Test func `a counter with CWR's bit is not sent on super-segments`() throws {
    var settings = Self.settings(.accept)
    settings.sendBuffer = 1 << 20
    let peer = ScriptedPeer(settings: settings, offloads: .all)
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.bits(0b111)))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(Self.bits(0b010)))
    peer.sends(.ack(seq: 100, ack: answer.end).adding(Self.bits(0b010)))
    let id = try #require(peer.appAccepts())
    peer.sends(.data(seq: 100, ack: answer.end, "x").adding(Self.bits(5)).marked(.ce))
    try peer.expectsAtOnce(.ack(ack: 101).with(Self.bits(6)))
    try peer.appWrites(id, count: 10 * 1460)
    let packets = try peer.takesAll()
    #expect(packets.count == 10)
    #expect(packets.allSatisfy { $0.frame.offload.segmentSize == 0 })
  }

  // MARK: Paths that change the bits

  /// What new text says in the IP header.
  private func codepoint(_ peer: ScriptedPeer, _ id: ConnectionID) throws -> ECNField {
    try peer.appWrites(id, "x")
    return try #require(try peer.takesSegments().last { !$0.payload.isEmpty }).ecn
  }

  // AECN-1: RFC 9768 §3.2.2.4
  @Test func `a counter that begins at zero has been cleared: no ECT, and no answer to it`() throws
  {
    let (peer, id, seq, ack) = try opened(firstACK: 0b000)
    #expect(try codepoint(peer, id) == .notECT)
    peer.sends(.ack(seq: seq, ack: ack + 1).adding(Self.bits(3)))
    #expect(peer.stack.counters.tcp.windowsCutByECN == 0)
    // What the peer's own packets meet is still told.
    peer.sends(.data(seq: seq, ack: ack + 1, "y").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: seq + 1).with(Self.bits(6)))
  }

  // AECN-1: RFC 9768 §3.2.2.3
  @Test(arguments: [0b011, 0b100, 0b110] as [UInt16])
  func `a first ACK that says our SYN-ACK was ECT shows that the path writes there`(
    _ told: UInt16
  ) throws {
    let (peer, id, _, _) = try opened(firstACK: told)
    #expect(try codepoint(peer, id) == .notECT)
  }

  // AECN-1: RFC 9768 §3.2.2.3
  @Test(arguments: [0b011, 0b100, 0b110] as [UInt16])
  func `a SYN-ACK that says our SYN was ECT shows the same`(_ told: UInt16) throws {
    let peer = ScriptedPeer(settings: Self.settings(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.bits(0b111)))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(Self.bits(told)))
    try peer.expectsAtOnce(.ack(ack: 100).with(Self.bits(0b010)))
    #expect(peer.snapshot?.usesAccurateECN == true)
    #expect(try codepoint(peer, id) == .notECT)
  }

  // AECN-1
  @Test func `the field and its numbers are each other's inverse`() {
    for count: UInt8 in 0..<8 {
      #expect(TCPFlags(congestionCount: count).congestionCount == count)
    }
    for codepoint: ECNCodepoint in [.notECT, .ect0, .ect1, .ce] {
      #expect(TCPFlags(handshakeCodepoint: codepoint).handshakeCodepoint == codepoint)
    }
  }
}
