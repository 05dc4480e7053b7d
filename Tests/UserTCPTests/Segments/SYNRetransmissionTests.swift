// SYN and SYN-ACK that nobody answers (RFC 9293 §3.8.3, RFC 6298, REQUIREMENTS SYS-11, SYS-12).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SYNRetransmissionTests {
  /// Seconds after the first SYN at which another came, and after which the open failed.
  private func schedule(_ settings: StackSettings) throws -> (resends: [Int], failure: Int) {
    let peer = ScriptedPeer(settings: settings)
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    let start = peer.now
    var resends: [Int] = []
    while !peer.takeEvents(id).contains(.closed) {
      for packet in try peer.takesAll(for: .milliseconds(250)) {
        let again = try #require(packet.segment)
        #expect(again.flags == .syn)
        #expect(again.seq == syn.seq)
        resends.append(Int((packet.time - start).nanoseconds / 1_000_000_000))
      }
      try peer.requires(peer.now < start + .seconds(1000), "the SYN never gives up")
    }
    #expect(peer.stack.outcome(id) == .timedOut)
    return (resends, Int((peer.now - start).nanoseconds / 1_000_000_000))
  }

  // R9293-MUST-22, SYS-11, DEC-9
  @Test func `in profile linux a SYN is repeated five times a second apart, then doubled`() throws {
    let (resends, failure) = try schedule(StackSettings())
    #expect(resends == [1, 2, 3, 4, 5, 7, 11, 19, 35, 67])
    #expect(failure == 131)
  }

  // RTO-1, SYS-11
  @Test func `without linear timeouts the SYN's interval doubles from one second`() throws {
    var settings = StackSettings()
    settings.synLinearTimeouts = 0
    let (resends, failure) = try schedule(settings)
    #expect(resends == [1, 3, 7, 15, 31, 63])
    #expect(failure == 127)
  }

  // R9293-MUST-22, R9293-MUST-23, RTO-1, DEC-9
  @Test func `in profile rfc a SYN is repeated for at least three minutes`() throws {
    let (resends, failure) = try schedule(StackSettings(profile: .rfc))
    #expect(resends.starts(with: [1, 3, 7, 15, 31, 63]))
    #expect(failure >= 180)
  }

  // SYS-12, R9293-MUST-22
  @Test func `a SYN-ACK is repeated at 1, 3, 7, 15 and 31 seconds and forgotten at 63`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    let start = peer.now
    var resends: [Int] = []
    for packet in try peer.takesAll(for: .milliseconds(62_900)) {
      let again = try #require(packet.segment)
      #expect(again.flags == [.syn, .ack])
      #expect(again.seq == answer.seq)
      resends.append(Int((packet.time - start).nanoseconds / 1_000_000_000))
    }
    #expect(resends == [1, 3, 7, 15, 31])
    #expect(peer.state == .synReceived)
    try peer.expectsNothing(for: .seconds(2))
    #expect(peer.state == .closed)
  }

  // RTO-6
  @Test func `after a lost SYN the first RTO of the transfer is three seconds`() throws {
    let peer = ScriptedPeer()
    let id = try peer.appConnects()
    try peer.expectsAtOnce(.syn())
    let syn = try peer.expects(.syn(), after: .seconds(1))
    peer.stackPort = syn.sourcePort!
    peer.sends(.synAck(seq: 100, ack: syn.end))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 101))
    try peer.appWrites(id, "hello")
    try peer.expectsAtOnce(.data(seq: syn.end, length: 5))
    try peer.expects(.data(seq: syn.end, length: 5), after: .seconds(3))
  }

  // RTO-6
  @Test func `after a lost SYN-ACK the first RTO of the transfer is three seconds`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    try peer.expects(.synAck(seq: answer.seq, ack: 101), after: .seconds(1))
    peer.sends(.ack(seq: 101, ack: answer.end))
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, "hello")
    try peer.expectsAtOnce(.data(seq: answer.end, length: 5))
    try peer.expects(.data(seq: answer.end, length: 5), after: .seconds(3))
  }

  @Test func `a SYN that is answered in time ends the repetition`() throws {
    let peer = ScriptedPeer()
    _ = try peer.answersConnection()
    try peer.expectsNothing(for: .seconds(300))
    #expect(peer.state == .established)
  }
}
