// What an operator can change about TIME-WAIT, each change made on a running stack: its length, its
// limit, what restarts it, and which active opens may take a pair over (REQUIREMENTS SYS-3, SYS-5 to
// SYS-7, SYS-9, TW-1).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TimeWaitKnobTests {
  private func inTimeWait(
    _ settings: StackSettings = StackSettings()
  ) throws -> (ScriptedPeer, ScriptedConnection) {
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    return (peer, c)
  }

  // SYS-7, TW-1
  @Test func `just after the close the timer of TIME-WAIT shows sixty seconds`() throws {
    let (peer, _) = try inTimeWait()
    let row = try #require(peer.snapshot)
    #expect(row.timer == .timeWait)
    #expect(row.timerLeft > .milliseconds(59_800))
    #expect(row.timerLeft < .milliseconds(60_200))
    try peer.advances(by: .seconds(20))
    let later = try #require(peer.snapshot).timerLeft
    #expect(later > .milliseconds(39_800))
    #expect(later < .milliseconds(40_200))
  }

  // SYS-7, SYS-9
  @Test func `TIME-WAIT does not follow the FIN timeout`() throws {
    let (peer, _) = try inTimeWait(.changed { $0.finTimeout = .seconds(5) })
    try peer.expectsNothing(for: .milliseconds(59_800))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(400))
    #expect(peer.state == .closed)
  }

  // TW-1
  @Test func `another length acts on what enters TIME-WAIT from then on`() throws {
    let (peer, _) = try inTimeWait()
    peer.stack.settings.timeWaitInterval = .seconds(10)
    peer.port = 40_001
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    try peer.expectsNothing(for: .milliseconds(10_200))
    #expect(peer.state == .closed)
    peer.port = 40_000
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(50_000))
    #expect(peer.state == .closed)
  }

  /// Whether 2MSL of a minute starts anew when `segment` comes half way.
  private func restarts(
    _ profile: Profile, _ segment: (ScriptedConnection) -> Segment
  ) throws -> Bool {
    let (peer, c) = try inTimeWait(.changed(profile) { $0.timeWaitInterval = .seconds(60) })
    try peer.advances(by: .seconds(30))
    peer.sends(segment(c))
    _ = try peer.takesAll(for: .seconds(31))
    defer { #expect(peer.stack.timeWaitCount == 0 || peer.state == .timeWait) }
    if peer.state == .closed { return false }
    _ = try peer.takesAll(for: .milliseconds(28_700))
    #expect(peer.state == .timeWait, "the new time is shorter than the first")
    try peer.expectsNothing(for: .milliseconds(500))
    #expect(peer.state == .closed)
    return true
  }

  // SYS-7
  @Test(arguments: Profile.allCases)
  func `an ACK in its place restarts 2MSL in profile linux only`(_ profile: Profile) throws {
    let restarted = try restarts(profile) { .ack(seq: $0.seq, ack: $0.ack) }
    #expect(restarted == (profile == .linux))
  }

  // SYS-7
  @Test(arguments: Profile.allCases)
  func `an old segment with ACK restarts 2MSL in profile linux only`(_ profile: Profile) throws {
    let restarted = try restarts(profile) { .data(seq: $0.seq - 500, ack: $0.ack - 1, "old") }
    #expect(restarted == (profile == .linux))
  }

  // SYS-7, TW-2
  @Test(arguments: Profile.allCases)
  func `a repeated FIN restarts 2MSL in both profiles`(_ profile: Profile) throws {
    #expect(try restarts(profile) { .fin(seq: $0.seq - 1, ack: $0.ack) })
  }

  // SYS-7, TW-12
  @Test(arguments: Profile.allCases)
  func `a SYN without ACK never restarts 2MSL`(_ profile: Profile) throws {
    #expect(try !restarts(profile) { .syn(seq: $0.seq - 100) })
  }

  // SYS-7
  @Test func `an ACK in its place is not answered`() throws {
    let (peer, c) = try inTimeWait()
    try peer.advances(by: .seconds(1))
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.expectsNothing()
  }

  // SYS-5, TW-4
  @Test func `RFC 1337's protection can be turned on and off while a pair waits`() throws {
    let (peer, c) = try inTimeWait()
    peer.stack.settings.ignoresResetInTimeWait = true
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .timeWait)
    #expect(peer.stack.counters.tcp.timeWaitKilled == 0)
    peer.stack.settings.ignoresResetInTimeWait = false
    peer.sends(.rst(seq: c.seq))
    #expect(peer.state == .closed)
    #expect(peer.stack.counters.tcp.timeWaitKilled == 1)
  }

  /// Opens and closes a connection from each port; the last one's numbers.
  private func closes(_ ports: ClosedRange<UInt16>, on peer: ScriptedPeer) throws
    -> ScriptedConnection?
  {
    var last: ScriptedConnection?
    for port in ports {
      peer.port = port
      var c = try peer.opensConnection()
      peer.appCloses(c.id)
      c.ack = try peer.expectsAtOnce(.fin(seq: c.ack)).end
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      peer.sends(.fin(seq: c.seq, ack: c.ack))
      c.seq += 1
      _ = try peer.takesAll()
      last = c
    }
    return last
  }

  // SYS-6, CNT-3
  @Test func `above its limit a connection skips TIME-WAIT`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumTimeWait = 10 })
    _ = try closes(1...10, on: peer)
    #expect(peer.stack.timeWaitCount == 10)
    #expect(peer.stack.counters.tcp.timeWaitOverflow == 0)
    let c = try #require(try closes(11...11, on: peer))
    #expect(peer.stack.timeWaitCount == 10)
    #expect(peer.state == .closed)
    #expect(peer.stack.counters.tcp.timeWaitOverflow == 1)
    peer.sends(.fin(seq: c.seq - 1, ack: c.ack))
    try peer.expectsAtOnce(.rst(seq: c.ack))
  }

  // SYS-6
  @Test func `the limit acts at once on a running stack and takes nothing away`() throws {
    let peer = ScriptedPeer()
    _ = try closes(1...8, on: peer)
    peer.stack.settings.maximumTimeWait = 4
    #expect(peer.stack.timeWaitCount == 8)
    _ = try closes(9...9, on: peer)
    #expect(peer.stack.timeWaitCount == 8)
    peer.stack.settings.maximumTimeWait = 9
    _ = try closes(10...11, on: peer)
    #expect(peer.stack.timeWaitCount == 9)
    #expect(peer.stack.counters.tcp.timeWaitOverflow == 2)
    try peer.advances(by: .seconds(61))
    #expect(peer.stack.timeWaitCount == 0)
    #expect(peer.stack.counters.tcp.timeWaitExpired == 9)
  }

  // SYS-6
  @Test func `with a limit of zero nothing waits`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumTimeWait = 0 })
    _ = try closes(1...3, on: peer)
    #expect(peer.stack.timeWaitCount == 0)
    #expect(peer.stack.connectionCount == 0)
    #expect(peer.stack.counters.tcp.timeWaitOverflow == 3)
  }

  // SYS-9, LC-21, CNT-6
  @Test func `the FIN timeout ends an orphan in FIN-WAIT-2, and text meets a reset before`() throws
  {
    for sendsText in [false, true] {
      let peer = ScriptedPeer()
      let c = try peer.opensConnection()
      peer.stack.settings.finTimeout = .seconds(5)
      peer.appCloses(c.id)
      try peer.expectsAtOnce(.fin(seq: c.ack))
      peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
      try peer.expectsNothing(for: .milliseconds(4_800))
      #expect(peer.state == .finWait2)
      if sendsText {
        peer.sends(.data(seq: c.seq, ack: c.ack + 1, "too late"))
        try peer.expectsAtOnce(.anyReset(seq: c.ack + 1))
        #expect(peer.state == .closed)
        #expect(peer.stack.counters.tcp.abortsOnData == 1)
      } else {
        try peer.expectsNothing(for: .milliseconds(400))
        #expect(peer.state == .closed)
        #expect(peer.stack.connectionCount == 0)
      }
    }
  }
}
