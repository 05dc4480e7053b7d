// The checks that run over every packet of every script: each must be able to fail.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct CheckTests {
  let stack = IPv4Address(192, 0, 2, 2)
  let peer = IPv4Address(192, 0, 2, 1)

  func problems(
    _ segment: Segment, offload: OffloadInfo = .none, capabilities: OffloadCapabilities = .none,
    change: (inout IPv4Packet) -> Void = { _ in }
  ) -> [String] {
    var packet = segment.packet(from: stack, to: peer)
    change(&packet)
    return FrameChecks(address: stack, mtu: 1500, offloads: capabilities)
      .inspect(Frame(packet.encoded(), offload: offload), at: .zero).problems
  }

  @Test func `a good segment has no problems`() {
    #expect(problems(.data(seq: 1, ack: 1, "hello", options: [.timestamps(1, 1)])) == [])
  }

  @Test func `options that belong on a SYN are noticed elsewhere`() {
    for option in [SegmentOption.maximumSegmentSize(1), .windowScale(1), .sackPermitted] {
      #expect(problems(.ack(seq: 1, ack: 1, options: [option])).count == 1)
    }
  }

  @Test func `a missing DF, a reserved bit, TTL zero and a foreign source are noticed`() {
    let ack = Segment.ack(seq: 1, ack: 1)
    #expect(problems(ack) { $0.dontFragment = false }.count == 1)
    #expect(problems(ack) { $0.reservedFlag = true }.count == 1)
    #expect(problems(ack) { $0.timeToLive = 0 }.count == 1)
    #expect(problems(ack.adding(.reserved)).count == 1)
    let foreign = problems(ack) {
      $0.source = IPv4Address(192, 0, 2, 77)
      $0.completeChecksum(at: 16)
    }
    #expect(foreign.count == 1)
  }

  @Test func `a super-segment needs the device's consent`() {
    let big = Segment.data(seq: 1, ack: 1, ScriptedPeer.pattern(2000))
    #expect(!problems(big).isEmpty)
    let offload = OffloadInfo(checksum: .partial, segmentSize: 1000)
    let partial: (inout IPv4Packet) -> Void = {
      $0.payload[16] = UInt8($0.pseudoHeaderSum >> 8)
      $0.payload[17] = UInt8($0.pseudoHeaderSum & 0xFF)
    }
    #expect(problems(big, offload: offload, capabilities: .all, change: partial) == [])
    #expect(problems(big, offload: offload, capabilities: .none, change: partial).count == 2)
    #expect(
      problems(big.adding(.urg), offload: offload, capabilities: .all, change: partial).count == 1)
    #expect(problems(big, offload: offload, capabilities: .all).count == 1)
  }

  @Test func `a right edge that moves left is noticed`() {
    var checks = ConversationChecks()
    func out(_ segment: Segment) -> [String] {
      checks.problems(fromStack: segment.from(port: 80).to(port: 4), to: peer)
    }
    checks.note(fromPeer: .syn(seq: 9).from(port: 4).to(port: 80), at: peer)
    #expect(out(.synAck(seq: 1, ack: 10)) == [])
    #expect(out(.ack(seq: 2, ack: 10, window: 1000)) == [])
    #expect(out(.ack(seq: 2, ack: 510, window: 500)) == [])
    #expect(out(.ack(seq: 2, ack: 511, window: 498)).count == 1)
  }

  @Test func `text beyond the peer's window is noticed, a probe is not`() {
    var checks = ConversationChecks()
    func out(_ segment: Segment) -> [String] {
      checks.problems(fromStack: segment.from(port: 80).to(port: 4), to: peer)
    }
    checks.note(fromPeer: .syn(seq: 9).from(port: 4).to(port: 80), at: peer)
    #expect(out(.synAck(seq: 1, ack: 10)) == [])
    checks.note(
      fromPeer: .ack(seq: 10, ack: 2, window: 3).from(port: 4).to(port: 80), at: peer)
    #expect(out(.data(seq: 2, ack: 10, "abc")) == [])
    #expect(out(.data(seq: 5, ack: 10, "d")) == [])
    #expect(out(.data(seq: 2, ack: 10, "abcd")).count == 1)
  }

  @Test func `missing and unasked timestamps are noticed`() {
    var checks = ConversationChecks()
    func out(_ segment: Segment) -> [String] {
      checks.problems(fromStack: segment.from(port: 80).to(port: 4), to: peer)
    }
    let stamp = SegmentOption.timestamps(1, 1)
    checks.note(fromPeer: .syn(seq: 9, options: [stamp]).from(port: 4).to(port: 80), at: peer)
    #expect(out(.synAck(seq: 1, ack: 10, options: [stamp])) == [])
    #expect(out(.ack(seq: 2, ack: 10)).count == 1)
    #expect(out(.ack(seq: 2, ack: 10, options: [stamp])) == [])
    checks.note(fromPeer: .syn(seq: 9).from(port: 5).to(port: 80), at: peer)
    let unasked = Segment.synAck(seq: 1, ack: 10, options: [stamp]).from(port: 80).to(port: 5)
    #expect(checks.problems(fromStack: unasked, to: peer).count == 1)
  }

  /// What is wrong with an ACK of 10 with these blocks, when the peer has sent what `sent` says.
  private func sackProblems(
    _ blocks: [SegmentBlock], sent: [SegmentBlock], permitted: Bool = true
  ) -> [String] {
    var checks = ConversationChecks()
    let options: [SegmentOption] = permitted ? [.sackPermitted] : []
    checks.note(fromPeer: .syn(seq: 9, options: options).from(port: 4).to(port: 80), at: peer)
    let answer = Segment.synAck(seq: 1, ack: 10, options: options).from(port: 80).to(port: 4)
    #expect(checks.problems(fromStack: answer, to: peer) == [])
    for block in sent {
      let text = Segment.data(seq: block.left, ack: 2, ScriptedPeer.pattern(block.length))
      checks.note(fromPeer: text.from(port: 4).to(port: 80), at: peer)
    }
    return checks.problems(
      fromStack: .ack(seq: 2, ack: 10).sack(blocks).from(port: 80).to(port: 4), to: peer)
  }

  @Test func `SACK blocks of what was never sent, of nothing, unasked or on a SYN are noticed`() {
    let sent = [SegmentBlock(20, 30), SegmentBlock(40, 50)]
    #expect(sackProblems([sent[1], sent[0]], sent: sent) == [])
    #expect(sackProblems([sent[1], SegmentBlock(20, 31)], sent: sent).count == 1)
    #expect(sackProblems([sent[1]], sent: sent, permitted: false).count == 1)
    #expect(problems(.synAck(seq: 1, ack: 1).sack(SegmentBlock(3, 4))).count == 1)
    #expect(problems(.ack(seq: 1, ack: 1).sack(SegmentBlock(4, 4))).count == 1)
    #expect(problems(.ack(seq: 1, ack: 1).sack(SegmentBlock(3, 4))) == [])
  }

  @Test func `SACK blocks that touch, reach the acknowledgment or hide the newest are noticed`() {
    let sent = [SegmentBlock(20, 30), SegmentBlock(40, 50)]
    #expect(sackProblems([sent[0], sent[1]], sent: sent).count == 1)
    #expect(sackProblems([SegmentBlock(40, 45), SegmentBlock(45, 50)], sent: sent).count == 1)
    #expect(sackProblems([SegmentBlock(10, 20)], sent: [SegmentBlock(10, 20)]).count == 1)
  }

  @Test func `a duplicate may stand before the newest SACK block, but only there`() {
    let sent = [SegmentBlock(5, 10), SegmentBlock(20, 30), SegmentBlock(40, 50)]
    #expect(sackProblems([sent[0], sent[2], sent[1]], sent: sent) == [])
    #expect(sackProblems([SegmentBlock(42, 44), sent[2], sent[1]], sent: sent) == [])
    #expect(sackProblems([sent[2], sent[0]], sent: sent).count == 1)
  }
}
