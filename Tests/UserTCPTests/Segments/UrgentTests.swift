// Urgent data (RFC 9293 §3.8.5): announced, counted and delivered in line.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct UrgentTests {
  // R9293-MUST-30, R9293-MUST-33, SYS-38
  @Test func `urgent text is signalled, counted and delivered in order`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "0123456789").urgent(upTo: 3))
    #expect(peer.takeEvents(c.id).contains(.urgent))
    #expect(peer.stack.urgentBytes(c.id) == 3)
    #expect(try peer.appReads(c.id, atMost: 2) == Array("01".utf8))
    #expect(peer.stack.urgentBytes(c.id) == 1)
    #expect(try peer.appReads(c.id, atMost: 1) == Array("2".utf8))
    #expect(peer.stack.urgentBytes(c.id) == 0)
    #expect(try peer.appReads(c.id) == Array("3456789".utf8))
  }

  // R9293-MUST-31
  @Test func `urgent text may span segments that are still to come`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "aaaaa").urgent(upTo: 15))
    #expect(peer.takeEvents(c.id).contains(.urgent))
    #expect(peer.stack.urgentBytes(c.id) == 15)
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "bbbbb").urgent(upTo: 10))
    peer.sends(.data(seq: c.seq + 10, ack: c.ack, "ccccc").urgent(upTo: 5))
    #expect(!peer.takeEvents(c.id).contains(.urgent), "the pointer has not moved")
    #expect(try peer.appReads(c.id, atMost: 14).count == 14)
    #expect(peer.stack.urgentBytes(c.id) == 1)
    #expect(try peer.appReads(c.id).count == 1)
    #expect(peer.stack.urgentBytes(c.id) == 0)
  }

  // R9293-MUST-32
  @Test func `a pointer that advances is signalled again, the same or an older one is not`() throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "aaaaa").urgent(upTo: 5))
    #expect(peer.takeEvents(c.id).contains(.urgent))
    peer.sends(.data(seq: c.seq + 5, ack: c.ack, "bbbbb").urgent(upTo: 0))
    #expect(!peer.takeEvents(c.id).contains(.urgent))
    peer.sends(.data(seq: c.seq + 10, ack: c.ack, "ccccc").urgent(upTo: 5))
    #expect(peer.takeEvents(c.id).contains(.urgent))
    #expect(peer.stack.urgentBytes(c.id) == 15)
  }

  // R9293-MUST-62
  @Test func `the urgent pointer we send is the octet after the last urgent one`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "12345", urgent: true)
    let segment = try peer.expectsAtOnce(.urgent(seq: c.ack, length: 5))
    #expect(segment.urgentPointer == 5)
  }

  // R9293-MUST-62, R9293-MUST-31
  @Test func `the pointer counts from each segment, and text after it is not urgent`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, [UInt8](repeating: 1, count: 2000), urgent: true)
    let segments = try peer.takesSegments()
    #expect(!segments.isEmpty)
    for segment in segments {
      #expect(segment.flags.contains(.urg))
      #expect(segment.seq + Int(segment.urgentPointer) == c.ack + 2000)
    }
    peer.sends(.ack(seq: c.seq, ack: segments.last!.end))
    let rest = try peer.takesSegments()
    let end = rest.last?.end ?? segments.last!.end
    #expect(end == c.ack + 2000)
    peer.sends(.ack(seq: c.seq, ack: end))
    try peer.appWrites(c.id, "plain")
    try peer.expectsAtOnce(.data(seq: end, length: 5))
  }
}
