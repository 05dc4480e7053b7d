// Marks on what arrives (RFC 3168 §6.1.3): echoed on every ACK until the sender says that it has heard.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ECNReceiverTests {
  private func connection() throws -> (ScriptedPeer, ScriptedConnection) {
    let peer = ScriptedPeer()
    return (peer, try peer.opensConnection(withECN: true))
  }

  // ECN-3
  @Test func `a mark is echoed on every ACK until CWR arrives`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ect0))
    try peer.expects(.ack(ack: c.seq + 1))
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "b").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 2).with(.ece))
    for offset in 2..<6 {
      peer.sends(.data(seq: c.seq + offset, ack: c.ack, "c").marked(.ect0))
      try peer.expects(.ack(ack: c.seq + offset + 1).with(.ece))
    }
    peer.sends(.data(seq: c.seq + 6, ack: c.ack, "d").adding(.cwr).marked(.ect0))
    try peer.expectsAtOnce(.ack(ack: c.seq + 7))
    peer.sends(.data(seq: c.seq + 7, ack: c.ack, "e").marked(.ect0))
    try peer.expects(.ack(ack: c.seq + 8))
  }

  // ECN-3
  @Test func `a mark on the segment that carries CWR is a new one`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 1).with(.ece))
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "b").adding(.cwr).marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 2).with(.ece))
    peer.sends(.data(seq: c.seq + 2, ack: c.ack, "c").marked(.ect0))
    try peer.expects(.ack(ack: c.seq + 3).with(.ece))
  }

  // ECN-3
  @Test func `text that we send echoes a mark, too`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 1).with(.ece))
    try peer.appWrites(c.id, "x")
    try peer.expectsAtOnce(.data(ack: c.seq + 1, length: 1).with(.ece))
  }

  // ECN-3
  @Test func `a mark is not kept until a delayed ACK is due`() throws {
    let peer = ScriptedPeer(settings: .withoutQuickAcknowledgments())
    let c = try peer.opensConnection(withECN: true)
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ect0))
    try peer.expectsNothing(for: .milliseconds(10))
    peer.sends(.data(seq: c.seq + 1, ack: c.ack, "b").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 2).with(.ece))
  }

  // ECN-3
  @Test func `a mark on text out of order is echoed`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "late").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq).with(.ece))
  }

  // ECN-3, OFF-3
  @Test func `a marked super-segment is echoed, and CWR on one counts`() throws {
    let peer = ScriptedPeer(offloads: .all)
    let c = try peer.opensConnection(withECN: true)
    func sendsSuper(at offset: Int, _ flags: SegmentFlags, _ ecn: ECNField) {
      var packet = peer.packet(
        of: .data(seq: c.seq + offset, ack: c.ack, ScriptedPeer.pattern(4380))
          .adding(flags).marked(ecn))
      packet.payload[16] = UInt8(packet.pseudoHeaderSum >> 8)
      packet.payload[17] = UInt8(packet.pseudoHeaderSum & 0xFF)
      peer.sends(
        packet,
        offload: OffloadInfo(
          checksum: .partial, segmentSize: 1460, carriesCWR: flags.contains(.cwr)))
    }
    sendsSuper(at: 0, [], .ce)
    try peer.expects(.ack(ack: c.seq + 4380).with(.ece))
    sendsSuper(at: 4380, .cwr, .ect0)
    try peer.expects(.ack(ack: c.seq + 8760))
    sendsSuper(at: 8760, .cwr, .ce)
    try peer.expects(.ack(ack: c.seq + 13140).with(.ece))
  }

  // ECN-5
  @Test func `a mark on text outside the window is ignored`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "abc").marked(.ect0))
    try peer.expects(.ack(ack: c.seq + 3))
    peer.sends(.data(seq: c.seq, ack: c.ack, "abc").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 3))
    peer.sends(.data(seq: c.seq + 1_000_000, ack: c.ack, "abc").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 3))
  }

  // ECN-5
  @Test func `CWR on an old duplicate does not end an echo`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "abc").marked(.ect0))
    try peer.expects(.ack(ack: c.seq + 3))
    peer.sends(.data(seq: c.seq + 3, ack: c.ack, "def").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 6).with(.ece))
    peer.sends(.data(seq: c.seq, ack: c.ack, "abc").adding(.cwr))
    try peer.expectsAtOnce(.ack(ack: c.seq + 6).with(.ece))
  }

  // ECN-2, ECN-3: an ACK is never ECT, so this mark is nobody's.
  @Test func `a mark on an ACK without text is ignored`() throws {
    let (peer, c) = try connection()
    peer.sends(.ack(seq: c.seq, ack: c.ack).marked(.ce))
    peer.sends(.data(seq: c.seq, ack: c.ack, "a"))
    try peer.expects(.ack(ack: c.seq + 1))
  }

  // ECN-3
  @Test func `a reset echoes nothing`() throws {
    let (peer, c) = try connection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 1).with(.ece))
    peer.appAborts(c.id)
    try peer.expectsAtOnce(.rstAck(ack: c.seq + 1))
  }

  @Test func `what came by codepoint is counted, and that the peer uses them is known`() throws {
    let (peer, c) = try connection()
    let before = peer.stack.counters.ip
    #expect(peer.snapshot?.hasSeenECN == false)
    for (offset, ecn) in [ECNField.ect0, .ect0, .ect1, .ce, .notECT].enumerated() {
      peer.sends(.data(seq: c.seq + offset, ack: c.ack, "x").marked(ecn))
    }
    let after = peer.stack.counters.ip
    #expect(after.ect0 - before.ect0 == 2)
    #expect(after.ect1 - before.ect1 == 1)
    #expect(after.congestionExperienced - before.congestionExperienced == 1)
    #expect(after.notECT - before.notECT == 1)
    #expect(peer.snapshot?.hasSeenECN == true)
  }
}
