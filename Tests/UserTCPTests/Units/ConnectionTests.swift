// Rare orders of events at one connection, each of which once left it in a wrong place: what the tables
// of the units cannot show and the scripts of a requirement do not ask for.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ConnectionTests {
  // LC-16
  @Test func `CLOSE in the middle of a retransmission pass ends in FIN-WAIT-2`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 3 * 1460)
    #expect(try peer.takesSegments().count == 3)  // all lost
    try peer.advances(by: .milliseconds(300))
    #expect(try peer.takesSegments().map(\.seq) == [c.ack])
    try peer.appFinishes(c.id)
    c.ack += 1460
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    let rest = try peer.takesSegments()
    #expect(rest.reduce(0) { $0 + $1.payload.count } == 2 * 1460)
    #expect(rest.filter { $0.flags.contains(.fin) }.count == 1)
    c.ack += 2 * 1460 + 1
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    #expect(peer.state == .finWait2)
  }

  // R9293-MUST-21
  @Test func `a user timeout ends an active open without a burst of SYNs`() throws {
    let peer = ScriptedPeer()
    var options = ConnectionOptions()
    options.userTimeout = .milliseconds(4500)
    let id = try peer.appConnects(options: options)
    try peer.advances(by: .milliseconds(4499))
    let syns = try peer.takesSegments().count
    #expect(peer.stack.outcome(id) == nil)
    try peer.advances(by: .milliseconds(5))
    #expect(peer.stack.outcome(id) == .timedOut)
    try peer.advances(by: .seconds(10))
    #expect(try peer.takesSegments().isEmpty)
    #expect((4...6).contains(syns), "\(syns) SYNs")
  }

  // TS-2
  @Test func `the window of the SYN-ACK in a simultaneous open is not scaled`() throws {
    let peer = ScriptedPeer()
    let options: [SegmentOption] = [.maximumSegmentSize(1460), .windowScale(7)]
    let id = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    peer.stackPort = syn.sourcePort ?? 0
    peer.sends(.syn(seq: 99, options: options))
    _ = try peer.takesSegments()
    peer.sends(.synAck(seq: 99, ack: syn.end, window: 5000, options: options))
    #expect(peer.stack.snapshot(id)?.state == .established)
    #expect(peer.stack.snapshot(id)?.sendWindow == 5000)
  }

  // R9293-MUST-34, R9293-MUST-35, R9293-SHLD-17
  @Test func `text thrown away behind a shrunk window goes out when it opens, long probing or not`()
    throws
  {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 4 * 1460)
    _ = try peer.takesSegments()
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
    for _ in 0..<600 {  // ten minutes of probes, each answered
      try peer.advances(by: .seconds(1))
      for segment in try peer.takesSegments() where segment.payload.isEmpty {
        peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
      }
    }
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 65_535))
    let bytes = try peer.acknowledges(&c, count: 4 * 1460, for: .seconds(2))
    #expect(bytes == ScriptedPeer.pattern(4 * 1460))
  }

  // R9293-MUST-25, TW-16
  @Test func `keep-alive set on a connection that is over probes nobody`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    try peer.reaches(.timeWait, &c)
    var keepAlive = KeepAlive()
    keepAlive.idleSeconds = 1
    keepAlive.intervalSeconds = 1
    keepAlive.probes = 2
    try peer.appConfigures(c.id) { $0.keepAlive = keepAlive }
    try peer.advances(by: .seconds(30))
    #expect(try peer.takesSegments().isEmpty)
    #expect(peer.stack.outcome(c.id) == .closed)
  }

  // IP4-5
  @Test func `127 slash 8 opens nothing to the outside`() {
    let peer = ScriptedPeer()
    #expect(throws: TCPError.addressNotAvailable) {
      try peer.appConnects(from: Endpoint(IPv4Address(127, 0, 0, 1), 0))
    }
  }

  // R9293-MUST-16
  @Test func `segments fit the smallest MTU there is`() throws {
    var settings = StackSettings()
    settings.mtu = 68
    let peer = ScriptedPeer(settings: settings)  // checks every frame against the MTU
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 500)
    let bytes = try peer.acknowledges(&c, count: 500)
    #expect(bytes == ScriptedPeer.pattern(500))
  }

  // R9293-MUST-37, SHLD-9
  @Test func `a peer that answers window probes raises no doubt of the path`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 0)
    try peer.appWrites(c.id, count: 10)
    for _ in 0..<120 {
      try peer.advances(by: .seconds(1))
      for _ in try peer.takesSegments() {
        peer.sends(.ack(seq: c.seq, ack: c.ack, window: 0))
      }
    }
    #expect(peer.stack.takeSoftError(c.id) == nil)
    #expect(peer.state == .established)
  }
}

struct IdentificationSequenceTests {
  // IP4-11
  @Test func `no identification repeats within 65,536 packets and they do not count up`() {
    var sequence = IdentificationSequence(key: (1, 2))
    var seen = [Bool](repeating: false, count: 65_536)
    var repeats = 0
    var follows = 0
    var previous: UInt16 = 0
    for _ in 0..<65_536 {
      let next = sequence.next()
      if seen[Int(next)] { repeats += 1 }
      if next == previous &+ 1 { follows += 1 }
      seen[Int(next)] = true
      previous = next
    }
    #expect(repeats == 0)
    #expect(follows < 20)
  }
}
