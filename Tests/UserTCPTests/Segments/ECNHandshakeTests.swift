// Who may use congestion notification: what SYN and SYN-ACK say in both directions (RFC 3168 §6.1.1), under
// each value of `tcp_ecn`, and what cookies keep of it.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ECNHandshakeTests {
  private static let both: SegmentFlags = [.ece, .cwr]

  /// What a segment of new text says in the IP header.
  private func codepoint(_ peer: ScriptedPeer, _ id: ConnectionID) throws -> ECNField {
    try peer.appWrites(id, "x")
    return try peer.expectsAtOnce(.data(length: 1)).ecn
  }

  // SYS-29, ECN-1
  @Test func `our SYN is plain by default`() throws {
    let peer = ScriptedPeer()
    _ = try peer.takesSYNOfProgram()
    #expect(peer.last?.segment?.ecn == .notECT)
    #expect(StackSettings().ecn == .accept && StackSettings().fallsBackFromECN)
  }

  // SYS-29, ECN-1, R9293-SHLD-8
  @Test(arguments: ECNMode.allCases, [[], .ece, .cwr, [.ece, .cwr]] as [SegmentFlags])
  func `a SYN is granted ECN if it asks with both bits and tcp_ecn is not 0`(
    _ mode: ECNMode, _ bits: SegmentFlags
  ) throws {
    let peer = ScriptedPeer(settings: .ecn(mode))
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(bits))
    let isGranted = mode != .off && bits == Self.both
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(isGranted ? .ece : []))
    #expect(answer.ecn == .notECT)
    peer.sends(.ack(seq: 100, ack: answer.end))
    let id = try #require(peer.appAccepts())
    #expect(peer.snapshot?.usesECN == isGranted)
    #expect(try codepoint(peer, id) == (isGranted ? .ect0 : .notECT))
  }

  // ECN-1
  @Test(arguments: [ECNField.ect0, .ect1, .ce])
  func `a SYN that could be marked is not believed`(_ ecn: ECNField) throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.both).marked(ecn))
    try peer.expectsAtOnce(.synAck(ack: 100))
  }

  // ECN-1, SYS-29
  @Test(arguments: [[], .ece, .cwr, [.ece, .cwr]] as [SegmentFlags])
  func `a SYN-ACK agrees with ECE alone`(_ bits: SegmentFlags) throws {
    let peer = ScriptedPeer(settings: .ecn(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    #expect(syn.ecn == .notECT)
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(bits))
    try peer.expectsAtOnce(.ack(ack: 100))
    #expect(peer.snapshot?.usesECN == (bits == .ece))
    #expect(try codepoint(peer, id) == (bits == .ece ? .ect0 : .notECT))
  }

  // ECN-1
  @Test func `a SYN-ACK with ECE to a plain SYN agrees to nothing`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(.ece))
    try peer.expectsAtOnce(.ack(ack: 100))
    #expect(peer.snapshot?.usesECN == false)
    #expect(try codepoint(peer, id) == .notECT)
  }

  // ECN-1
  @Test(arguments: [true, false])
  func `when both open at once both must have asked`(_ peerAsks: Bool) throws {
    let peer = ScriptedPeer(settings: .ecn(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.syn(seq: 99).adding(peerAsks ? Self.both : []))
    let answer = try peer.expectsAtOnce(
      .synAck(seq: syn.seq, ack: 100).with(peerAsks ? .ece : []))
    peer.sends(.synAck(seq: 99, ack: answer.end).adding(peerAsks ? .ece : []))
    _ = try peer.takesAll()
    #expect(peer.state == .established)
    #expect(try codepoint(peer, id) == (peerAsks ? .ect0 : .notECT))
    // The ECE of the peer's SYN-ACK was no echo.
    #expect(peer.stack.counters.tcp.windowsCutByECN == 0)
    #expect(try peer.takesSegments().allSatisfy { !$0.flags.contains(.cwr) })
  }

  // ECN-6
  @Test func `a SYN that was not answered is repeated without ECN`() throws {
    let peer = ScriptedPeer(settings: .ecn(.request))
    _ = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    try peer.expects(.syn(seq: syn.seq), after: .seconds(1))
    try peer.expects(.syn(seq: syn.seq), after: .seconds(1))
  }

  // ECN-6, SYS-29
  @Test func `with tcp_ecn_fallback off every SYN asks`() throws {
    let peer = ScriptedPeer(settings: .ecn(.request) { $0.fallsBackFromECN = false })
    _ = try peer.appConnects()
    try peer.expectsAtOnce(.syn().with(Self.both))
    try peer.expects(.syn().with(Self.both), after: .seconds(1))
  }

  // ECN-6: the answer is to the first SYN, which took longer than our patience.
  @Test func `a late answer to the SYN that asked still agrees`() throws {
    let peer = ScriptedPeer(settings: .ecn(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    peer.stackPort = try #require(syn.sourcePort)
    try peer.expects(.syn(), after: .seconds(1))
    peer.sends(.synAck(seq: 99, ack: syn.end).adding(.ece))
    try peer.expectsAtOnce(.ack(ack: 100))
    #expect(try codepoint(peer, id) == .ect0)
  }

  // ECN-6
  @Test func `a SYN that was reset is sent once more without ECN`() throws {
    let peer = ScriptedPeer(settings: .ecn(.request))
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    try peer.expectsAtOnce(.syn(seq: syn.seq))
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    #expect(peer.stack.outcome(id) == .connectionRefused)
    try peer.expectsNothing(for: .seconds(10))
  }

  // ECN-6
  @Test func `a plain SYN that was reset is not repeated`() throws {
    let peer = ScriptedPeer(settings: .ecn(.request) { $0.fallsBackFromECN = false })
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn().with(Self.both))
    peer.stackPort = try #require(syn.sourcePort)
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    #expect(peer.stack.outcome(id) == .connectionRefused)
  }

  // ECN-1: "received at least one non-ECN-setup SYN … SHOULD NOT set ECT on data packets"
  @Test func `after a plain repetition of its SYN the peer's marks are echoed, but we send no ECT`()
    throws
  {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding(Self.both))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(.ece))
    peer.sends(.syn(seq: 99))
    try peer.expectsAtOnce(.synAck(ack: 100).with(.ece))
    peer.sends(.ack(seq: 100, ack: answer.end))
    let id = try #require(peer.appAccepts())
    #expect(try codepoint(peer, id) == .notECT)
    peer.sends(.data(seq: 100, ack: answer.end + 1, "y").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: 101).with(.ece))
  }

  // AECN-2
  @Test(arguments: [(ECNMode.off, [] as SegmentFlags), (.accept, .ece), (.request, .ece)])
  func `a SYN that asks for accurate ECN gets none, or the classic one`(
    _ mode: ECNMode, _ expected: SegmentFlags
  ) throws {
    let peer = ScriptedPeer(settings: .ecn(mode))
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding([.ae, .cwr, .ece]))
    try peer.expectsAtOnce(.synAck(ack: 100).with(expected))
  }

  // MARK: Cookies

  private static let stamped: [SegmentOption] = [
    .maximumSegmentSize(1460), .windowScale(7), .timestamps(1_000_000, 0),
  ]

  // SEC-19
  @Test(arguments: [true, false])
  func `with timestamps a cookie remembers whether ECN was asked for`(_ asks: Bool) throws {
    let peer = try ScriptedPeer.listening(.always)
    peer.sends(.syn(seq: 99, options: Self.stamped).adding(asks ? Self.both : []))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(asks ? .ece : []))
    peer.sends(.ack(seq: 100, ack: answer.end, options: [peer.stampNow]))
    let id = try #require(peer.appAccepts())
    #expect(peer.snapshot?.usesECN == asks)
    #expect(try codepoint(peer, id) == (asks ? .ect0 : .notECT))
  }

  // SEC-19
  @Test func `without timestamps a cookie grants no ECN`() throws {
    let peer = try ScriptedPeer.listening(.always)
    peer.sends(.syn(seq: 99).adding(Self.both))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    peer.sends(.ack(seq: 100, ack: answer.end))
    let id = try #require(peer.appAccepts())
    #expect(try codepoint(peer, id) == .notECT)
  }

  // SEC-19, SYS-29
  @Test func `a cookie whose ECN was switched off meanwhile brings none`() throws {
    let peer = try ScriptedPeer.listening(.always)
    peer.sends(.syn(seq: 99, options: Self.stamped).adding(Self.both))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100).with(.ece))
    peer.stack.settings.ecn = .off
    peer.sends(.ack(seq: 100, ack: answer.end, options: [peer.stampNow]))
    let id = try #require(peer.appAccepts())
    #expect(try codepoint(peer, id) == .notECT)
  }
}
