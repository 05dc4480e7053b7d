// What an echo of congestion does to a sender (RFC 3168 §6.1.2): the window is cut once a round trip as after
// a loss, the next new text says so, and nothing is sent again.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ECNSenderTests {
  private static let withoutSACK: [SegmentOption] = [.maximumSegmentSize(1460), .windowScale(8)]
  private static let withSACK: [SegmentOption] = withoutSACK + [.sackPermitted]

  private func flight(
    sack: Bool = true, _ settings: StackSettings = .forLossTests(),
    offloads: OffloadCapabilities = .none
  ) throws -> Flight {
    try Flight(
      settings, offloads: offloads, withECN: true,
      options: sack ? Self.withSACK : Self.withoutSACK)
  }

  // MARK: Which packets may be marked

  // ECN-2, IP4-9
  @Test func `new text is ECT, and nothing else is`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(withECN: true)
    try peer.appConfigures(c.id) { $0.dscp = 10 }
    try peer.appWrites(c.id, count: 1460)
    #expect(try peer.expectsAtOnce(.data(length: 1460)).ecn == .ect0)
    #expect(peer.last?.ip.typeOfService == 42)
    // The same text again.
    try peer.advances(by: .seconds(2))
    let again = try peer.takesSegments()
    #expect(!again.isEmpty && again.allSatisfy { $0.seq == c.ack && $0.ecn == .notECT })
    // A pure ACK.
    peer.sends(.data(seq: c.seq, ack: c.ack + 1460, "x"))
    #expect(try peer.expects(.ack(ack: c.seq + 1)).ecn == .notECT)
    // A window probe.
    peer.sends(.ack(seq: c.seq + 1, ack: c.ack + 1460, window: 0))
    try peer.appWrites(c.id, count: 100)
    #expect(try peer.expects(.ack(seq: c.ack + 1459), within: .seconds(5)).ecn == .notECT)
    // A reset.
    peer.appAborts(c.id)
    #expect(try peer.takesSegments().last?.ecn == .notECT)
  }

  // ECN-2
  @Test func `a FIN is ECT with text and not alone`() throws {
    for count in [0, 10] {
      let peer = ScriptedPeer()
      let c = try peer.opensConnection(withECN: true)
      if count > 0 { try peer.appConfigures(c.id) { $0.noDelay = false } }
      try peer.appWrites(c.id, count: 5)
      peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
      _ = try peer.takesAll()
      _ = try unsafe peer.stack.write(c.id, ScriptedPeer.pattern(count).span.bytes)
      try peer.appFinishes(c.id)
      let fin = try #require(try peer.takesSegments().last)
      #expect(fin.flags.contains(.fin) && fin.payload.count == count)
      #expect(fin.ecn == (count > 0 ? .ect0 : .notECT))
    }
  }

  // ECN-2
  @Test func `a connection without ECN sends no ECT`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 5000)
    #expect(try peer.takesSegments().allSatisfy { $0.ecn == .notECT })
  }

  // MARK: Once a window

  // ECN-4, R9293-SHLD-8
  @Test(arguments: [true, false])
  func `five echoes in one round trip cut the window once and bring one CWR`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    for index in first..<first + 5 { f.echoes(index + 1) }
    for index in first + 5..<first + 20 { f.acks(index + 1) }
    #expect(f.counters.windowsCutByECN == 1)
    #expect(f.threshold == 10)
    #expect(f.window == 10)
    let text = try f.takesText()
    #expect(text.filter { $0.flags.contains(.cwr) }.count == 1)
    #expect(text.first?.flags.contains(.cwr) == true)
    #expect(text.count == 10)
    #expect(f.counters.retransmissions == 0)
  }

  // ECN-4: an ACK at the recovery point still echoes the mark of before; CWR has not arrived.
  @Test(arguments: [true, false])
  func `the last ACK of the old window is no reason to cut again`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    for index in first..<first + 20 { f.echoes(index + 1) }
    #expect(f.counters.windowsCutByECN == 1)
    #expect(f.threshold == 10)
    // What was sent after the cut, with CWR first, has arrived: an echo now is of a new mark.
    let next = first + 20
    f.acks(next + 1)
    f.echoes(next + 2)
    #expect(f.counters.windowsCutByECN == 2)
    #expect(f.threshold == 5)
  }

  // ECN-4
  @Test(arguments: [true, false])
  func `an ACK that echoes does not let the window grow`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    try f.writes(40)
    let before = f.octets
    f.echoes(1)
    #expect(f.octets <= before)
    let after = f.octets
    for index in 1..<9 { f.echoes(index + 1) }
    #expect(f.octets <= after)
  }

  // ECN-4
  @Test func `with SACK the window shrinks in step with what arrives`() throws {
    let f = try flight()
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    var out = 0
    f.echoes(first + 1)
    out += try f.takesText().count
    for index in first + 1..<first + 20 {
      f.acks(index + 1)
      out += try f.takesText().count
      // Half as much goes out as arrives, never a pause of the whole round trip.
      #expect(abs(out - (index - first + 1) / 2) <= 1, "\(out) after \(index - first + 1)")
    }
    #expect(out == 10)
  }

  // ECN-4, OFF-3
  @Test func `CWR is on the first part of a super-segment only`() throws {
    let f = try flight(offloads: .all)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    f.echoes(first + 10)
    f.acks(first + 20)
    var pieces: [Segment] = []
    for packet in try f.peer.takesAll() where packet.segment?.payload.isEmpty == false {
      let isSuper = packet.segment!.payload.count > f.size
      #expect(packet.frame.offload.carriesCWR == (isSuper && packet.segment!.flags.contains(.cwr)))
      for piece in try Segmenter.cut(packet.frame) {
        pieces.append(try #require(try CapturedPacket(reading: piece, at: f.peer.now).segment))
      }
    }
    #expect(pieces.count > 2)
    #expect(pieces.first?.flags.contains(.cwr) == true)
    #expect(pieces.dropFirst().allSatisfy { !$0.flags.contains(.cwr) })
    #expect(pieces.allSatisfy { $0.ecn == .ect0 })
  }

  // MARK: Small windows

  /// Echoes every ACK until the window is one segment; the number of the first not sent yet. Nothing is in
  /// flight then.
  private func shrinks(_ f: Flight) throws -> Int {
    try f.peer.appWrites(f.c.id, count: 100 * f.size)
    var next = 0
    var rounds = 0
    while f.window > 1 {
      if let last = try f.takes(for: .milliseconds(100)).last { next = last + 1 }
      f.echoes(next)
      rounds += 1
      try f.peer.requires(rounds < 40, "the window stays at \(f.window)")
    }
    return next
  }

  // CUB-3, ECN-4
  @Test(arguments: [CongestionAlgorithm.cubic, .reno], [true, false])
  func `echoes take the window down to one segment, and the threshold to two`(
    _ algorithm: CongestionAlgorithm, _ sack: Bool
  ) throws {
    let f = try flight(sack: sack, .forLossTests { $0.congestionAlgorithm = algorithm })
    var next = try shrinks(f)
    for _ in 0..<20 {
      guard let sent = try f.takes(for: .milliseconds(100)).first else { continue }
      #expect(sent == next)
      next = sent + 1
      f.echoes(next)
    }
    #expect(f.octets == f.size)
    #expect(f.threshold == 2)
    #expect(f.counters.windowsCutByECN >= 6)
  }

  // ECN-4
  @Test(arguments: [true, false])
  func `at a window of one segment an echo delays the next by a timeout`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    var next = try shrinks(f)
    next += try f.takes(for: .milliseconds(100)).count
    f.echoes(next)
    try f.peer.expectsNothing(for: .milliseconds(190))
    let sent = try f.peer.expects(.data(length: f.size).with(.cwr), within: .milliseconds(400))
    #expect(sent.seq == f.seq(next))
    #expect(f.counters.timeouts == 0)
    // Without an echo the window opens again.
    f.acks(next + 1)
    #expect(try f.takesText().count == 2)
  }

  // ECN-4: the peer's window shuts and opens while we hold back.
  @Test func `who holds back goes on when the peer's window opens`() throws {
    let f = try flight()
    var next = try shrinks(f)
    next += try f.takes(for: .milliseconds(100)).count
    f.echoes(next)
    f.acks(next, window: 0)
    f.acks(next, window: 65_535)
    #expect(try f.takesText(for: .seconds(2)).first?.payload.count == f.size)
  }

  // MARK: Marks and losses

  // ECN-4
  @Test(arguments: [true, false])
  func `a mark and then a loss in one window are one cut`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    f.echoes(first + 1)
    #expect(f.threshold == 10)
    // Segment first+1 is lost.
    for count in 2..<8 {
      if sack {
        f.echoes(first + 1, sack: first + 2..<first + 1 + count)
      } else {
        f.echoes(first + 1)
      }
    }
    try f.peer.advances(by: .milliseconds(40))
    #expect(f.counters.fastRetransmissions == 1)
    #expect(f.threshold == 10)
    f.acks(first + 20)
    #expect(f.threshold == 10)
    #expect(f.counters.windowsCutByECN == 1)
  }

  // ECN-4
  @Test(arguments: [true, false])
  func `a loss and then a mark in one window are one cut`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    for count in 1..<6 {
      if sack { f.acks(first, sack: first + 1..<first + 1 + count) } else { f.acks(first) }
    }
    try f.peer.advances(by: .milliseconds(40))
    #expect(f.counters.fastRetransmissions == 1)
    #expect(f.threshold == 10)
    f.echoes(first, sack: first + 1..<first + 8)
    f.echoes(first + 20)
    #expect(f.threshold == 10)
    #expect(f.counters.windowsCutByECN == 0)
  }

  // ECN-4, CC-7
  @Test(arguments: [true, false])
  func `a timeout in a window that a mark has cut leaves the threshold`(_ sack: Bool) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    f.echoes(first + 1)
    #expect(f.threshold == 10)
    try f.peer.advances(by: .seconds(2))
    #expect(f.counters.timeouts > 0)
    #expect(f.window == 1)
    #expect(f.threshold == 10)
  }

  // ECN-4: "reduces its congestion window for any reason"
  @Test(arguments: [true, false])
  func `after a loss the next new text carries CWR, and the retransmission does not`(
    _ sack: Bool
  ) throws {
    let f = try flight(sack: sack)
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    for count in 1..<12 {
      if sack { f.acks(first, sack: first + 1..<first + 1 + count) } else { f.acks(first) }
    }
    try f.peer.advances(by: .milliseconds(40))
    var text = try f.takesText()
    f.peer.sends(
      .ack(seq: f.c.seq, ack: text.map(\.end).reduce(f.seq(first + 20), SequenceNumber.latest)))
    text += try f.takesText()
    let new = text.filter { $0.seq >= f.seq(first + 20) }
    let old = text.filter { $0.seq < f.seq(first + 20) }
    #expect(!old.isEmpty && old.allSatisfy { !$0.flags.contains(.cwr) && $0.ecn == .notECT })
    #expect(new.filter { $0.flags.contains(.cwr) }.count == 1)
  }

  // ECN-4
  @Test func `a duplicate report does not take a mark's cut back`() throws {
    let f = try flight(.forLossTests { $0.timestamps = .off })
    let first = try f.grows(to: 20)
    try f.sendsWindow()
    for count in 1..<6 { f.acks(first, sack: first + 1..<first + 1 + count) }
    try f.peer.advances(by: .milliseconds(40))
    f.acks(first + 20)
    #expect(f.threshold == 10)
    try f.peer.advances(by: .milliseconds(100))
    f.acks(first + 22)
    f.echoes(first + 24)
    #expect(f.threshold == 5)
    // The retransmission was in vain: too late to matter.
    f.peer.sends(
      .ack(seq: f.c.seq, ack: f.seq(first + 24)).sack([f.block(first..<first + 1)]))
    #expect(f.threshold == 5)
    #expect(f.counters.undoneRecoveries == 0)
  }

  // ECN-4
  @Test func `marked segments that arrived are counted`() throws {
    let f = try flight()
    try f.writes(10)
    f.echoes(4)
    f.acks(8)
    #expect(f.counters.deliveredMarked == 4)
  }

  // MARK: Bad input

  // ECN-1
  @Test(arguments: [true, false])
  func `an echo that nobody agreed on changes nothing and is counted`(_ sack: Bool) throws {
    let f = try Flight(options: sack ? Self.withSACK : Self.withoutSACK)
    try f.writes(40)
    let before = f.octets
    for index in 0..<10 { f.echoes(index + 1) }
    #expect(f.octets == before + 10 * f.size)
    #expect(f.counters.ecnNotAgreed == 10)
    #expect(f.counters.windowsCutByECN == 0)
    #expect(try f.takesText().allSatisfy { !$0.flags.contains(.cwr) && $0.ecn == .notECT })
  }

  // ECN-4
  @Test func `a storm of echoes without anything in flight changes nothing`() throws {
    let f = try flight()
    let before = f.octets
    for _ in 0..<1_000 { f.echoes(0) }
    #expect(f.octets == before)
    #expect(f.counters.windowsCutByECN == 0)
    #expect(try f.writes(3) == [0, 1, 2])
  }

  // ECN-4, SEC-6
  @Test func `echoes on old and on impossible ACKs are not believed`() throws {
    let f = try flight()
    try f.writes(40)
    f.acks(5)
    let before = f.octets
    f.echoes(3)
    f.echoes(5_000)
    #expect(f.octets == before)
    #expect(f.counters.windowsCutByECN == 0)
  }

  // ECN-3
  @Test func `a storm of CWR does no harm`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(withECN: true)
    for offset in 0..<200 {
      peer.sends(
        .data(seq: c.seq + offset, ack: c.ack, "x").adding(.cwr)
          .marked(offset % 3 == 0 ? .ce : .ect0))
    }
    let answers = try peer.takesSegments()
    #expect(answers.last?.ack == c.seq + 200)
    #expect(answers.count <= 200)
    #expect(answers.last?.flags.contains(.ece) == false)
    #expect(try peer.appReads(c.id).count == 200)
  }

  // ECN-2, ECN-3: the network clears the field half way.
  @Test func `text that is no more ECT is taken, and an echo that is owed stays owed`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(withECN: true)
    peer.sends(.data(seq: c.seq, ack: c.ack, "a").marked(.ce))
    try peer.expectsAtOnce(.ack(ack: c.seq + 1).with(.ece))
    for offset in 1..<20 {
      peer.sends(.data(seq: c.seq + offset, ack: c.ack, "x"))
      try peer.expects(.ack(ack: c.seq + offset + 1).with(.ece))
    }
    peer.sends(.data(seq: c.seq + 20, ack: c.ack, "b").adding(.cwr))
    try peer.expectsAtOnce(.ack(ack: c.seq + 21))
  }
}

extension Flight {
  /// Fills the window, with as much again behind it; the ACKs of the first round trip may come now.
  fileprivate func sendsWindow() throws {
    let sent = try writes(80)
    try peer.requires(sent.count == 20, "\(sent.count) segments instead of 20 were sent")
    try peer.advances(by: .milliseconds(100))
  }
}
