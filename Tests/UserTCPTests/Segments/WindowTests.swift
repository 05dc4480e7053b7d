// Flow control: windows that shrink, close and open again, probes, silly windows at both ends, and
// the receiver's right edge (RFC 9293 §3.8.6, RFC 7323 §2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SendWindowTests {
  /// A window probe: one octet beyond the window, or none just before SND.NXT.
  private func expectsProbe(
    _ peer: ScriptedPeer, _ c: ScriptedConnection, after delay: Interval,
    line: UInt = #line
  ) throws {
    let probe = try peer.expects(
      .anything, after: delay, tolerance: .milliseconds(6), line: line)
    let isOctet = probe.seq == c.ack && probe.payload.count == 1
    let isEmpty = probe.seq == c.ack - 1 && probe.payload.isEmpty
    try peer.requires(isOctet || isEmpty, "not a window probe: \(probe)", line: line)
  }

  // R9293-MUST-1
  @Test func `a window above 32767 is not negative`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(window: 65_535)
    #expect(peer.snapshot?.sendWindow == 65_535)
    try peer.appWrites(c.id, count: 60_000)
    #expect(try peer.acknowledges(&c, count: 60_000) == ScriptedPeer.pattern(60_000))
  }

  // R9293-REC-1, TS-1
  @Test func `a window field of 65535 with shift 14 is a gigabyte`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(
      window: 65_535, options: [.maximumSegmentSize(1460), .windowScale(14)])
    #expect(c.peerShift == 14)
    #expect(peer.snapshot?.sendWindow == 1_073_725_440)
  }

  // R9293-MUST-34, R9293-SHLD-15
  @Test func `a window that shrinks below what is in flight stops new text`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 4096)
    let flight = try peer.takesSegments().reduce(0) { $0 + $1.payload.count }
    #expect(flight >= 2920)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 1000))
    try peer.appWrites(c.id, count: 20_000)
    for segment in try peer.takesSegments(for: .seconds(3)) {
      #expect(segment.end - c.ack <= flight)
    }
    #expect(peer.state == .established)
  }

  // R9293-SHLD-16, R9293-MAY-7, TS-5
  @Test(arguments: [false, true])
  func `after the window shrank old text inside it is retransmitted, clipped to it`(
    _ sack: Bool
  ) throws {
    var settings = StackSettings()
    settings.usesTailLossProbe = false
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(
      options: [.maximumSegmentSize(1460)] + (sack ? [.sackPermitted] : []))
    try peer.appWrites(c.id, count: 2920)
    #expect(try peer.takesSegments().count == 2)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 1000))
    let first = try peer.expects(.data(seq: c.ack), within: .seconds(1))
    #expect(first.payload.count <= 1460)
    for _ in 0..<3 {
      let later = try peer.expects(.data(seq: c.ack), within: .seconds(3))
      #expect(later.payload.count <= 1000)
    }
  }

  // R9293-SHLD-17
  @Test func `text beyond a shrunk window does not time the connection out`() throws {
    var settings = StackSettings()
    settings.retries2 = 8
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 2920)
    #expect(try peer.takesSegments().count == 2)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 0))
    for _ in 0..<600 {
      let sent = try peer.takesSegments(for: .seconds(1))
      if !sent.isEmpty { peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 0)) }
    }
    #expect(peer.state == .established)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 65_535))
    try peer.expects(.data(seq: c.ack + 1000), within: .seconds(121))
  }

  // R9293-MUST-36, R9293-SHLD-29, R9293-SHLD-30
  @Test func `a zero window is probed after one RTO, then ever more rarely`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(window: 0, roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    for seconds: Int64 in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
      try expectsProbe(peer, c, after: .seconds(seconds))
      peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    }
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    try peer.expectsAtOnce(.data(seq: c.ack, Array("hello".utf8)))
  }

  // R9293-MUST-35, R9293-MUST-36
  @Test func `a window that shrank to zero is probed and the transfer resumes`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 1000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    c.ack += 1000
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    try peer.appWrites(c.id, count: 3000)
    try expectsProbe(peer, c, after: .milliseconds(200))
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    try expectsProbe(peer, c, after: .milliseconds(400))
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 60_000))
    #expect(try peer.acknowledges(&c, count: 3000) == ScriptedPeer.pattern(3000))
  }

  // R9293-MUST-36
  @Test func `an octet that a probe carried may be accepted`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, count: 3000)
    let probe = try peer.expects(.anything, within: .seconds(2))
    c.ack += probe.payload.count
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 60_000))
    let rest = try peer.acknowledges(&c, count: 3000 - probe.payload.count)
    #expect(probe.payload + rest == ScriptedPeer.pattern(3000))
  }

  // R9293-MUST-37
  @Test func `a peer that answers probes with a zero window for a day keeps the connection`() throws
  {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, "hello")
    let end = peer.now + .seconds(86_400)
    while peer.now < end {
      try peer.expects(.anything, within: .seconds(125))
      peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    }
    #expect(peer.state == .established)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    try peer.expectsAtOnce(.data(seq: c.ack, length: 5))
  }

  // R9293-MUST-36
  @Test func `unanswered probes end the connection after R2`() throws {
    var settings = StackSettings()
    settings.retries2 = 5
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, "hello")
    try peer.takesAll(for: .seconds(600))
    #expect(peer.stack.outcome(c.id) == .timedOut)
  }

  // R9293-MUST-38
  @Test func `a window that opens by a hundred octets is not used at once`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(window: 10_000)
    try peer.appWrites(c.id, count: 30_000)
    let full = try peer.takesSegments()
    #expect(full.map(\.payload.count) == [Int](repeating: 1460, count: 6))
    c.ack += 6 * 1460
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    try peer.expectsNothing(for: .milliseconds(99))
    // The override of 0.1 to 1 s, or a probe, may now send what fits.
    let small = try peer.expects(.anything, within: .milliseconds(905))
    #expect(small.payload.count <= 100)
  }

  // R9293-MUST-38
  @Test func `a window that opens by a full segment is used at once`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(window: 10_000)
    try peer.appWrites(c.id, count: 30_000)
    #expect(try peer.takesSegments().count == 6)
    c.ack += 6 * 1460
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 100))
    try peer.expectsNothing(for: .milliseconds(20))
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 1460))
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1460))
  }

  // R9293-MUST-38
  @Test func `half of the largest window is worth a segment`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 1000)
    try peer.appWrites(c.id, count: 5000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 400))
    try peer.expectsNothing(for: .milliseconds(90))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1000, window: 500))
    try peer.expectsAtOnce(.data(seq: c.ack + 1000, length: 500))
  }

  // R9293-MUST-38
  @Test func `the last text is sent when all of it fits into the window`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 10_000)
    try peer.appWrites(c.id, count: 50)
    try peer.expectsAtOnce(.pushed(seq: c.ack, length: 50))
  }
}

@Suite struct ReceiveWindowTests {
  // R9293-MUST-39
  @Test func `reading one octet of a full buffer opens no window, a segment's worth does`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(14_600))
    var c = try peer.opensConnection()
    try peer.fillsReceiveWindow(&c)
    _ = try peer.appReads(c.id, atMost: 1)
    try peer.expectsNothing()
    _ = try peer.appReads(c.id, atMost: 1458)
    try peer.expectsNothing()
    _ = try peer.appReads(c.id, atMost: 1)
    let update = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(update.window == 1460)
  }

  // R9293-MUST-39
  @Test func `with a small buffer half of it opens the window`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(2000))
    var c = try peer.opensConnection()
    try peer.fillsReceiveWindow(&c)
    _ = try peer.appReads(c.id, atMost: 999)
    try peer.expectsNothing()
    _ = try peer.appReads(c.id, atMost: 1)
    let update = try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    #expect(update.window == 1000)
  }

  // R9293-MAY-8, SEC-10, R9293-SHLD-14
  @Test func `a program that never reads keeps the window closed for hours`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
    var c = try peer.opensConnection()
    try peer.fillsReceiveWindow(&c)
    for _ in 0..<300 {
      try peer.advances(by: .seconds(60))
      peer.sends(.data(seq: c.seq, ack: c.ack, [7]))
      try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq, window: 0))
    }
    #expect(peer.state == .established)
    #expect(try peer.appReads(c.id).count == 2920)
  }

  // R9293-SHLD-14
  @Test func `a buffer that is cut does not take the right edge back`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.stack.settings.receiveBuffer = 1000
    peer.stack.settings.maximumReceiveBuffer = 1000
    var seq = c.seq
    let edge = c.seq + Int(c.stackSYN.window)
    for _ in 0..<10 {
      peer.sends(.data(seq: seq, ack: c.ack, ScriptedPeer.pattern(1000)))
      seq += 1000
      let answer = try peer.expects(.ack(ack: seq))
      #expect(answer.ack + Int(answer.window) >= edge)
    }
  }

  // TS-4, R9293-SHLD-14
  @Test func `what lies inside any window ever advertised is taken`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(300_000))
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    var edge = c.seq + Int(c.stackSYN.window)
    var seq = c.seq
    // The window may grow at once beyond what the SYN-ACK's unscaled field could say.
    _ = try peer.takesAll()
    // Lengths that are no multiple of the shift's unit make the field round.
    for _ in 0..<20 {
      peer.sends(.data(seq: seq, ack: c.ack, ScriptedPeer.pattern(333)))
      seq += 333
      let answer = try peer.expects(.ack(ack: seq))
      edge = .latest(edge, answer.ack + Int(answer.window) << c.stackShift)
    }
    while edge - seq > 0 {
      let count = min(1460, edge - seq)
      peer.sends(.data(seq: seq, ack: c.ack, ScriptedPeer.pattern(count)))
      seq += count
    }
    let last = try #require(try peer.takesSegments(for: .seconds(1)).last)
    #expect(last.ack == edge)
  }

  // R9293-SHLD-14
  @Test func `the window grows while the reader keeps up`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    var seq = c.seq
    var largest = 0
    for _ in 0..<2000 {
      peer.sends(.data(seq: seq, ack: c.ack, [UInt8](repeating: 5, count: 1460)))
      seq += 1460
      _ = try peer.appReads(c.id)
      if (seq - c.seq) % 58_400 == 0 { try peer.advances(by: .milliseconds(1)) }
      for answer in try peer.takesSegments() {
        largest = max(largest, Int(answer.window) << c.stackShift)
      }
    }
    #expect(largest >= 128 << 10)
  }

  // R9293-MUST-66
  @Test func `an urgent pointer is processed while the window is closed`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(2920))
    var c = try peer.opensConnection()
    try peer.fillsReceiveWindow(&c)
    _ = peer.takeEvents(c.id)
    peer.sends(.ack(seq: c.seq, ack: c.ack).urgent(upTo: 100))
    #expect(peer.takeEvents(c.id).contains(.urgent))
  }

  // TS-2
  @Test func `the window of a SYN-ACK is not scaled, later ones are`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(60_000))
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    #expect(c.stackSYN.windowScale != nil)
    #expect((1460 * 10...65_535).contains(Int(c.stackSYN.window)))
    peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
    let answer = try peer.expects(.ack(ack: c.seq + 1))
    let edge = answer.ack + Int(answer.window) << c.stackShift
    #expect(abs(edge - (c.seq + Int(c.stackSYN.window))) <= 1 << c.stackShift)
  }

  // TS-2
  @Test func `the peer's window on a SYN is not scaled, later ones are`() throws {
    let peer = ScriptedPeer()
    let c = try peer.answersConnection(
      window: 5000, options: [.maximumSegmentSize(1460), .windowScale(3)])
    #expect(peer.snapshot?.sendWindow == 5000)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 5000))
    #expect(peer.snapshot?.sendWindow == 40_000)
  }
}
