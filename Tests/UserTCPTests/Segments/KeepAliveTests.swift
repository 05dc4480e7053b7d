// Keep-alive: off by default, per connection, and what a probe looks like (RFC 9293 §3.8.4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct KeepAliveTests {
  private func options(_ idle: UInt32, every interval: UInt16 = 75, probes: UInt8 = 9)
    -> ConnectionOptions
  {
    var keepAlive = KeepAlive()
    keepAlive.idleSeconds = idle
    keepAlive.intervalSeconds = interval
    keepAlive.probes = probes
    var options = ConnectionOptions()
    options.keepAlive = keepAlive
    return options
  }

  // R9293-MUST-25
  @Test func `an idle connection is silent for ten hours by default`() throws {
    let peer = ScriptedPeer()
    _ = try peer.opensConnection()
    try peer.expectsNothing(for: .seconds(36_000))
    #expect(peer.state == .established)
  }

  // R9293-MUST-24, R9293-MUST-27, R9293-SHLD-12, R9293-MAY-5, R9293-MAY-6
  @Test func `a probe comes after the interval, without text, just below SND.NXT`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options(10))
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(10))
  }

  // SYS-20, R9293-MUST-27
  @Test func `a connection that names no times follows the settings`() throws {
    var settings = StackSettings()
    settings.keepAlive.idleSeconds = 30
    let peer = ScriptedPeer(settings: settings)
    var options = ConnectionOptions()
    options.followsKeepAliveSettings = true
    let c = try peer.opensConnection(connectionOptions: options)
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(30))
  }

  // R9293-MUST-24
  @Test func `only the connection that asked is probed`() throws {
    let peer = ScriptedPeer()
    let probed = try peer.opensConnection()
    peer.port = 40_001
    let quiet = try peer.opensConnection()
    try peer.appConfigures(probed.id) { $0.keepAlive = options(10).keepAlive }
    let probes = try peer.takesAll(for: .seconds(60)).compactMap(\.segment)
    #expect(!probes.isEmpty)
    #expect(probes.allSatisfy { $0.destinationPort == 40_000 })
    try peer.appConfigures(probed.id) { $0.keepAlive = nil }
    try peer.expectsNothing(for: .seconds(3600))
    #expect(peer.stack.outcome(quiet.id) == nil)
  }

  // R9293-MUST-28, R9293-MUST-29, SYS-20
  @Test func `with defaults probes come at 7200 + 75 k seconds and the ninth in vain is the end`()
    throws
  {
    var connectionOptions = ConnectionOptions()
    connectionOptions.keepAlive = KeepAlive()
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: connectionOptions)
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(7200))
    for _ in 1..<9 {
      try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), after: .seconds(75))
    }
    #expect(peer.state == .established)
    try peer.expects(.anyReset(seq: c.ack), after: .seconds(75))
    #expect(peer.takeEvents(c.id).contains(.closed))
    #expect(peer.stack.outcome(c.id) == .timedOut)
    #expect(peer.state == .closed)
  }

  // R9293-MUST-29
  @Test func `an answer to the last probe keeps the connection and starts the count anew`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options(10, every: 5, probes: 3))
    for _ in 0..<5 {
      try peer.expects(.ack(seq: c.ack - 1), after: .seconds(10))
      try peer.expects(.ack(seq: c.ack - 1), after: .seconds(5))
      try peer.expects(.ack(seq: c.ack - 1), after: .seconds(5))
      peer.sends(.ack(seq: c.seq, ack: c.ack))
    }
    #expect(peer.state == .established)
  }

  // R9293-MUST-26
  @Test func `whatever arrives restarts the interval`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options(10))
    try peer.expectsNothing(for: .seconds(9))
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.expectsNothing(for: .milliseconds(9_990))
    try peer.expects(.ack(seq: c.ack - 1, ack: c.seq), within: .milliseconds(15))
  }

  // R9293-MUST-26
  @Test func `nothing is probed while text is unacknowledged`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options(2))
    try peer.appWrites(c.id, "hello")
    for segment in try peer.takesSegments(for: .seconds(20)) {
      #expect(segment.seq == c.ack)
      #expect(segment.payload.count == 5)
    }
  }

  // R9293-MUST-24
  @Test func `keep-alive can be turned on for an idle connection`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.expectsNothing(for: .seconds(100))
    try peer.appConfigures(c.id) { $0.keepAlive = options(200).keepAlive }
    let probe = try peer.expects(.ack(seq: c.ack - 1), within: .seconds(201))
    #expect(probe.payload.isEmpty)
  }
}
