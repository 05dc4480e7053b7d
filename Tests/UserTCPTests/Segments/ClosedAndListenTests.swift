// Segments for which there is no connection: CLOSED and LISTEN (RFC 9293 §3.10.7.1, §3.10.7.2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ClosedAndListenTests {
  // LC-1
  @Test func `a SYN to a closed port is answered with RST and ACK`() throws {
    let peer = ScriptedPeer()
    peer.sends(.syn(seq: 100))
    try peer.expectsAtOnce(.rstAck(seq: 0, ack: 101))
  }

  // LC-1
  @Test func `the reset of a closed port acknowledges SYN, text and FIN`() throws {
    let peer = ScriptedPeer()
    peer.sends(Segment(flags: [.syn, .fin], seq: 100, payload: [1, 2, 3, 4]))
    try peer.expectsAtOnce(.rstAck(seq: 0, ack: 106))
  }

  // LC-1
  @Test func `an ACK to a closed port is answered with a RST at its acknowledgment number`() throws
  {
    let peer = ScriptedPeer()
    peer.sends(.ack(seq: 5, ack: 777))
    try peer.expectsAtOnce(.rst(seq: 777))
    peer.sends(.data(seq: 5, ack: 778, "text"))
    try peer.expectsAtOnce(.rst(seq: 778))
    peer.sends(.synAck(seq: 5, ack: 779))
    try peer.expectsAtOnce(.rst(seq: 779))
  }

  // LC-1
  @Test func `a RST to a closed port is ignored`() throws {
    let peer = ScriptedPeer()
    peer.sends(.rst(seq: 100))
    peer.sends(.rstAck(seq: 100, ack: 5))
    try peer.expectsNothing()
  }

  // LC-2
  @Test func `a listening port answers any ACK with a RST`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.synAck(seq: 100, ack: 700))
    try peer.expectsAtOnce(.rst(seq: 700))
    peer.sends(.ack(seq: 100, ack: 701))
    try peer.expectsAtOnce(.rst(seq: 701))
    peer.sends(.data(seq: 100, ack: 702, "text"))
    try peer.expectsAtOnce(.rst(seq: 702))
    #expect(peer.state == .closed)
  }

  // LC-2
  @Test func `a listening port ignores a RST, also with SYN or ACK`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.rst(seq: 100))
    peer.sends(.rstAck(seq: 100, ack: 700))
    peer.sends(Segment(flags: [.rst, .syn], seq: 100))
    try peer.expectsNothing()
    #expect(peer.state == .closed)
  }

  // LC-2, LC-15
  @Test func `a listening port drops text, FIN and null segments without ACK`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(Segment(flags: [], seq: 100, payload: [1, 2, 3]))
    peer.sends(Segment(flags: .fin, seq: 100))
    peer.sends(Segment(flags: [], seq: 100))
    try peer.expectsNothing()
  }

  // R9293-MUST-41
  @Test func `listening on a port does not disturb its connections`() throws {
    let peer = ScriptedPeer()
    let local = Endpoint(peer.stackAddress, 5000)
    let id = try peer.appConnects(from: local)
    let syn = try peer.expectsAtOnce(.syn())
    peer.stackPort = 5000
    peer.sends(.synAck(seq: 99, ack: syn.end))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 100))
    try peer.appListens(on: 5000)
    #expect(peer.state == .established)
    peer.sends(.data(seq: 100, ack: syn.end, "hello"))
    try peer.expects(.ack(seq: syn.end, ack: 105))
    #expect(try peer.appReads(id) == Array("hello".utf8))
  }

  // R9293-MUST-42
  @Test func `a port of a connection that is opening can be listened on`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, 5000))
    try peer.expectsAtOnce(.syn())
    try peer.appListens(on: 5000)
    peer.port = 41_000
    peer.stackPort = 5000
    peer.sends(.syn(seq: 9))
    try peer.expectsAtOnce(.synAck(ack: 10))
  }

  @Test func `two listeners cannot share a port`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    #expect(throws: TCPError.addressInUse) { try peer.appListens() }
  }

  @Test func `a port that is no longer listened on is closed`() throws {
    let peer = ScriptedPeer()
    let listener = try peer.appListens()
    peer.stack.stopListening(listener)
    peer.sends(.syn(seq: 100))
    try peer.expectsAtOnce(.rstAck(seq: 0, ack: 101))
  }
}
