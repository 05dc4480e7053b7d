// The retransmission timer (RFC 6298) and what happens when it is in vain (RFC 9293 §3.8.1, §3.8.3).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct RetransmissionTests {
  // RTO-2
  @Test func `the estimator weighs samples as RFC 6298 says`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(100))
    #expect(peer.snapshot?.smoothedRoundTripTime == .milliseconds(100))
    #expect(peer.snapshot?.retransmissionTimeout == .milliseconds(300))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    try peer.advances(by: .milliseconds(200))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    let snapshot = try #require(peer.snapshot)
    // SRTT 7/8 * 100 + 1/8 * 200, RTTVAR 3/4 * 50 + 1/4 * 100.
    #expect(abs(snapshot.smoothedRoundTripTime.nanoseconds - 112_500_000) < 1_000_000)
    #expect(abs(snapshot.retransmissionTimeout.nanoseconds - 362_500_000) < 1_000_000)
    try peer.appWrites(c.id, "again")
    try peer.expectsAtOnce(.data(seq: c.ack + 5))
    try peer.expects(.data(seq: c.ack + 5), after: .milliseconds(362))
  }

  // SYS-25
  @Test func `the shortest and the longest RTO are what the settings say`() throws {
    var settings = StackSettings()
    settings.minimumRetransmissionTimeout = .milliseconds(50)
    settings.maximumRetransmissionTimeout = .milliseconds(150)
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    for wait: Int64 in [50, 100, 150, 150, 150] {
      try peer.expects(
        .data(seq: c.ack), after: .milliseconds(wait), tolerance: .milliseconds(6))
    }
  }

  // RTO-3, SYS-25, DEC-9
  @Test func `the floor of the RTO is one second in profile rfc and 200 ms in profile linux`()
    throws
  {
    for profile in Profile.allCases {
      let peer = ScriptedPeer(settings: StackSettings(profile: profile))
      let c = try peer.opensConnection(roundTrip: .milliseconds(1))
      try peer.appWrites(c.id, "hello")
      try peer.expectsAtOnce(.data(seq: c.ack))
      try peer.expects(
        .data(seq: c.ack), after: profile == .rfc ? .seconds(1) : .milliseconds(200),
        tolerance: .milliseconds(6))
    }
  }

  // RTO-4, R9293-MUST-18, R9293-MUST-19
  @Test func `the RTO doubles with each expiry up to its ceiling`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    for seconds: Int64 in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
      try peer.expects(.data(seq: c.ack, length: 5), after: .seconds(seconds))
    }
  }

  // RTO-4, R9293-MUST-18
  @Test func `the ACK of a retransmission is no sample and the RTO stays backed off`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(roundTrip: .milliseconds(100))
    let before = try #require(peer.snapshot).smoothedRoundTripTime
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    try peer.expects(.data(seq: c.ack), after: .seconds(1))
    try peer.expects(.data(seq: c.ack), after: .seconds(2))
    try peer.advances(by: .milliseconds(50))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    #expect(peer.snapshot?.smoothedRoundTripTime == before)
    try peer.appWrites(c.id, "again")
    try peer.expectsAtOnce(.data(seq: c.ack + 5))
    // Two expiries made it four seconds; no valid sample has come since.
    try peer.expects(.data(seq: c.ack + 5), after: .seconds(4))
  }

  // RTO-4
  @Test func `a valid sample ends the backing off`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(roundTrip: .milliseconds(100))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    try peer.expects(.data(seq: c.ack), after: .seconds(1))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    try peer.appWrites(c.id, "again")
    try peer.expectsAtOnce(.data(seq: c.ack + 5))
    try peer.advances(by: .milliseconds(100))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 10))
    try peer.appWrites(c.id, "third")
    try peer.expectsAtOnce(.data(seq: c.ack + 10))
    try peer.expects(.data(seq: c.ack + 10), after: .seconds(1))
  }

  // RTO-5
  @Test func `an ACK of new data restarts the timer, the last ACK stops it`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, count: 2 * 1460)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1460))
    try peer.expectsAtOnce(.data(seq: c.ack + 1460, length: 1460))
    try peer.expectsNothing(for: .milliseconds(900))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1460))
    // The sample of 900 ms moves the RTO; it must not be less than one second from here.
    try peer.expectsNothing(for: .milliseconds(990))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 2920))
    try peer.expectsNothing(for: .seconds(300))
  }

  // RTO-5
  @Test func `nothing is resent before a full RTO after its last transmission`() throws {
    let peer = ScriptedPeer(settings: StackSettings(profile: .rfc))
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, count: 1460)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1460))
    try peer.expectsNothing(for: .milliseconds(600))
    try peer.appWrites(c.id, count: 1460)
    try peer.expectsAtOnce(.data(seq: c.ack + 1460, length: 1460))
    try peer.expectsNothing(for: .milliseconds(300))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1460))
    try peer.expectsNothing(for: .milliseconds(990))
  }

  // R9293-MUST-20, R9293-SHLD-9, R9293-SHLD-10
  @Test func `after R1 the program is told, before the connection ends`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    for expiry in 1...3 {
      try peer.expects(.data(seq: c.ack), within: .seconds(2))
      let isTold = peer.takeEvents(c.id).contains(.softError)
      if expiry < 3 { #expect(!isTold, "told after \(expiry) retransmissions") }
      if expiry == 3 {
        try peer.advances(by: .milliseconds(1_590))
        #expect(isTold || peer.takeEvents(c.id).contains(.softError))
      }
    }
    #expect(peer.stack.outcome(c.id) == nil)
    #expect(peer.stack.takeSoftError(c.id) == .timedOut)
  }

  // R9293-MUST-20, R9293-SHLD-11, LC-20, SYS-14
  @Test func `beyond R2 the connection is over, with defaults after 924 s`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    let start = peer.now
    while !peer.takeEvents(c.id).contains(.closed) {
      try peer.takesAll(for: .seconds(1))
      try peer.requires(peer.now < start + .seconds(2000), "R2 never passes")
    }
    let seconds = (peer.now - start).nanoseconds / 1_000_000_000
    #expect((100...1100).contains(seconds))
    #expect((924...1050).contains(seconds))
    #expect(peer.stack.outcome(c.id) == .timedOut)
    #expect(throws: TCPError.timedOut) { try peer.appWrites(c.id, "x") }
    #expect(peer.state == .closed)
  }

  // R9293-MUST-21, LC-20
  @Test func `a user timeout of five seconds ends the connection then`() throws {
    var options = ConnectionOptions()
    options.userTimeout = .seconds(5)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1), connectionOptions: options)
    try peer.appWrites(c.id, "hello")
    try peer.takesAll(for: .milliseconds(4_900))
    #expect(peer.stack.outcome(c.id) == nil)
    try peer.takesAll(for: .milliseconds(300))
    #expect(peer.stack.outcome(c.id) == .timedOut)
    #expect(peer.state == .closed)
  }

  // R9293-MUST-21
  @Test func `an infinite user timeout never ends the connection`() throws {
    var options = ConnectionOptions()
    options.userTimeout = .forever
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1), connectionOptions: options)
    try peer.appWrites(c.id, "hello")
    try peer.takesAll(for: .seconds(3600))
    #expect(peer.stack.outcome(c.id) == nil)
    try peer.expects(.data(seq: c.ack, length: 5), within: .seconds(121))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    try peer.expectsNothing(for: .seconds(300))
    #expect(peer.state == .established)
  }

  // R9293-MUST-21
  @Test func `the user timeout can be set while the connection lives`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appConfigures(c.id) { $0.userTimeout = .seconds(3) }
    try peer.appWrites(c.id, "hello")
    try peer.takesAll(for: .milliseconds(3_300))
    #expect(peer.stack.outcome(c.id) == .timedOut)
  }

  // R9293-MUST-18
  @Test func `what the peer has is not sent again`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, count: 3 * 1460)
    #expect(try peer.takesSegments().count == 3)
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1460))
    try peer.expects(.data(seq: c.ack + 1460), within: .seconds(1))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 3 * 1460))
    _ = try peer.takesAll()
    try peer.expectsNothing(for: .seconds(10))
  }

  // SYS-16
  @Test func `an orphan with unacknowledged text dies after eight retransmissions`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, "hello")
    peer.appCloses(c.id)
    let segments = try peer.takesSegments(for: .seconds(400))
    #expect((8...11).contains(segments.count))
    #expect(peer.stack.connectionCount == 0)
  }
}
