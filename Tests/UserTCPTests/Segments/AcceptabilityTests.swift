// Which segments are taken: the sequence check, the acknowledgment check and the order of both
// (RFC 9293 §3.10.7.4, RFC 5961 §5).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct AcceptabilityTests {
  /// Initial numbers of the peer: in the middle of the circle and just before its end.
  static let isns: [SequenceNumber] = [99, 0x7FFF_FFFE, 0xFFFF_FFFE, 0xFFFF_F000]

  // LC-6, LC-7
  @Test(arguments: isns)
  func `an empty segment is acceptable inside the window only`(_ isn: SequenceNumber) throws {
    for (offset, isAcceptable) in [(-1, false), (0, true), (2919, true), (2920, false)] {
      let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
      let c = try peer.opensConnection(isn: isn)
      #expect(c.stackSYN.window == 2920)
      peer.sends(.ack(seq: c.seq + offset, ack: c.ack))
      if isAcceptable {
        try peer.expectsNothing()
      } else {
        try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      }
    }
  }

  // LC-6, LC-7
  @Test(arguments: isns)
  func `with a closed window only an empty segment at RCV.NXT is acceptable`(
    _ isn: SequenceNumber
  ) throws {
    for (offset, length, isAcceptable) in [
      (-1, 0, false), (0, 0, true), (1, 0, false), (0, 1, false), (0, 1460, false), (-1, 1, false),
    ] {
      let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
      var c = try peer.opensConnection(isn: isn)
      try peer.fillsReceiveWindow(&c)
      peer.sends(
        length == 0
          ? .ack(seq: c.seq + offset, ack: c.ack)
          : .data(seq: c.seq + offset, ack: c.ack, ScriptedPeer.pattern(length)))
      if isAcceptable {
        try peer.expectsNothing()
      } else {
        try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq, window: 0))
      }
      #expect(try peer.appReads(c.id).count == 2920)
    }
  }

  // LC-6, LC-8, R9293-SHLD-31
  @Test(arguments: isns)
  func `the last octet of the window is taken, the one after it is not`(
    _ isn: SequenceNumber
  ) throws {
    for (offset, isTaken) in [(2919, true), (2920, false)] {
      let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
      let c = try peer.opensConnection(isn: isn)
      let text = ScriptedPeer.pattern(2921)
      peer.sends(.data(seq: c.seq + offset, ack: c.ack, [text[offset]]))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
      peer.sends(.data(seq: c.seq, ack: c.ack, Array(text[..<1460])))
      peer.sends(.data(seq: c.seq + 1460, ack: c.ack, Array(text[1460..<2919])))
      let last = try #require(try peer.takesSegments(for: .seconds(1)).last)
      #expect(last.ack == c.seq + (isTaken ? 2920 : 2919))
      #expect(try peer.appReads(c.id) == Array(text[..<(isTaken ? 2920 : 2919)]))
    }
  }

  // LC-8
  @Test(arguments: isns)
  func `a segment over the left edge delivers its new octets once`(_ isn: SequenceNumber) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(isn: isn)
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello"))
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello world"))
    let last = try #require(try peer.takesSegments(for: .seconds(1)).last)
    #expect(last.ack == c.seq + 11)
    #expect(try peer.appReads(c.id) == Array("hello world".utf8))
  }

  // LC-8
  @Test func `a segment over the right edge is clipped and its FIN is not taken`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
    let c = try peer.opensConnection()
    let text = ScriptedPeer.pattern(2930)
    peer.sends(.data(seq: c.seq, ack: c.ack, Array(text[..<1480])))
    peer.sends(.fin(seq: c.seq + 1480, ack: c.ack, Array(text[1480...])))
    let last = try #require(try peer.takesSegments(for: .seconds(1)).last)
    #expect(last.ack == c.seq + 2920)
    #expect(peer.state == .established)
    #expect(try peer.appReads(c.id) == Array(text[..<2920]))
    _ = try peer.takesAll()
    peer.sends(.fin(seq: c.seq + 2920, ack: c.ack, Array(text[2920...])))
    try peer.expectsAtOnce(.ack(ack: c.seq + 2931))
    #expect(try peer.appReads(c.id) == Array(text[2920...]))
    #expect(peer.state == .closeWait)
  }

  // LC-7
  @Test func `old text is answered with an ACK and dropped`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1200)))
    c.seq += 1200
    _ = try peer.takesAll(for: .seconds(1))
    peer.sends(.data(seq: c.seq - 1000, ack: c.ack, ScriptedPeer.pattern(10)))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(try peer.appReads(c.id).count == 1200)
  }

  // LC-9
  @Test func `text without ACK is dropped in every synchronised state`() throws {
    for state in [TCPState.established, .finWait1, .finWait2, .closeWait, .lastAck, .closing] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.reaches(state, &c)
      peer.sends(Segment(flags: .psh, seq: c.seq, payload: [1, 2, 3]))
      peer.sends(Segment(flags: .fin, seq: c.seq))
      try peer.expectsNothing(for: .milliseconds(150))
      #expect(peer.state == state)
      if state == .established { #expect(try peer.appReads(c.id) == []) }
    }
  }

  // LC-11, SEC-6
  @Test func `an ACK of what was never sent is answered with an ACK and its text not taken`() throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack + 1, "text"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(try peer.appReads(c.id) == [])
    #expect(peer.state == .established)
  }

  // SEC-32
  @Test func `a young connection takes no ACK from before it began`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack - 2, "ghost"))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(try peer.appReads(c.id) == [])
    peer.sends(.data(seq: c.seq, ack: c.ack - 1, "taken"))
    #expect(try peer.appReads(c.id) == Array("taken".utf8))
  }

  // SEC-6, LC-11, R9293-MAY-12
  @Test func `an old ACK counts back to the largest window ever seen`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(window: 2000)
    // Old numbers must lie after the ISS, so that nothing but the range decides.
    for _ in 0..<4 {
      try peer.appWrites(c.id, count: 1000)
      _ = try peer.acknowledges(&c, count: 1000, window: 2000)
    }
    peer.sends(.data(seq: c.seq, ack: c.ack - 2001, "bad", window: 2000))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(try peer.appReads(c.id) == [])
    peer.sends(.data(seq: c.seq, ack: c.ack - 2000, "good", window: 2000))
    try peer.expects(.ack(seq: c.ack, ack: c.seq + 4))
    #expect(try peer.appReads(c.id) == Array("good".utf8))
  }

  // SEC-6, TS-1
  @Test func `the largest window ever seen is the scaled one`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(
      window: 2000, options: [.maximumSegmentSize(1460), .windowScale(2)])
    #expect(c.peerShift == 2)
    for _ in 0..<8 {
      try peer.appWrites(c.id, count: 1000)
      _ = try peer.acknowledges(&c, count: 1000, window: 1000)
    }
    peer.sends(.data(seq: c.seq, ack: c.ack - 8001, "bad", window: 1000))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    peer.sends(.data(seq: c.seq, ack: c.ack - 4000, "good", window: 1000))
    try peer.expects(.ack(seq: c.ack, ack: c.seq + 4))
    #expect(try peer.appReads(c.id) == Array("good".utf8))
  }

  // LC-12
  @Test func `an older ACK does not change the send window`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 1000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 5000))
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    #expect(peer.snapshot?.sendWindow == 5000)
    try peer.appWrites(c.id, count: 2920)
    #expect(try peer.takesSegments().map(\.payload.count) == [1460, 1460])
  }

  // LC-12
  @Test func `a window of an earlier sequence number does not replace a later one`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.ack(seq: c.seq + 10, ack: c.ack, window: 5000))
    peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(10), window: 100))
    #expect(peer.snapshot?.sendWindow == 5000)
  }

  // LC-12
  @Test func `the window of the SYN-ACK is the first send window`() throws {
    let peer = ScriptedPeer()
    let c = try peer.answersConnection(window: 3000)
    #expect(peer.snapshot?.sendWindow == 3000)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 4000))
    #expect(peer.snapshot?.sendWindow == 4000)
  }
}
