// `tcp_tw_recycle`, which Linux had until 4.12: a short TIME-WAIT, and timestamps compared per host, which
// shuts out one of two hosts behind one address (REQUIREMENTS SYS-4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct TimeWaitRecycleTests {
  /// A connection with timestamps up to `1_000_000` that the stack closed first, and its RTO.
  private func closed(
    recycles: Bool, timestamps: Bool = true
  ) throws -> (peer: ScriptedPeer, timeout: Interval) {
    let peer = ScriptedPeer(settings: .changed { $0.recyclesTimeWait = recycles })
    let stamps: [SegmentOption] = timestamps ? [.timestamps(1_000_000, 0)] : []
    var c = try peer.opensConnection(options: [.maximumSegmentSize(1460)] + stamps)
    let timeout = try #require(peer.snapshot).retransmissionTimeout
    try peer.closesAfterStack(&c)
    return (peer, timeout)
  }

  private func syn(stamped value: UInt32, from port: UInt16) -> Segment {
    .syn(seq: 500, options: [.maximumSegmentSize(1460), .timestamps(value, 0)]).from(port: port)
  }

  // SYS-4
  @Test func `with timestamps TIME-WAIT lasts three and a half RTOs`() throws {
    let (peer, timeout) = try closed(recycles: true)
    let length = Interval(nanoseconds: timeout.nanoseconds * 7 / 2)
    try peer.expectsNothing(for: length - .milliseconds(130))
    #expect(peer.state == .timeWait)
    try peer.expectsNothing(for: .milliseconds(330))
    #expect(peer.state == .closed)
  }

  // SYS-4
  @Test func `without timestamps, or without the knob, it lasts a minute`() throws {
    for (recycles, timestamps) in [(true, false), (false, true)] {
      let (peer, _) = try closed(recycles: recycles, timestamps: timestamps)
      try peer.expectsNothing(for: .milliseconds(59_800))
      #expect(peer.state == .timeWait)
      try peer.expectsNothing(for: .milliseconds(400))
      #expect(peer.state == .closed)
    }
  }

  // SYS-4, CNT-3
  @Test func `a second host behind the same address, with an older clock, is shut out`() throws {
    let (peer, _) = try closed(recycles: true)
    peer.sends(syn(stamped: 400_000, from: 40_001))
    peer.sends(syn(stamped: 999_998, from: 40_002))
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.pawsRejectedSYNs == 2)
    #expect(peer.stack.halfOpenCount == 0)
    // The same host, as far as anyone can tell, is served.
    peer.sends(syn(stamped: 1_000_005, from: 40_003))
    try peer.expectsAtOnce(.synAck(ack: 501))
  }

  // SYS-4
  @Test func `one tick older is not too old, and a SYN without timestamps is served`() throws {
    let (peer, _) = try closed(recycles: true)
    peer.sends(syn(stamped: 999_999, from: 40_001))
    try peer.expectsAtOnce(.synAck(ack: 501))
    peer.sends(.syn(seq: 500).from(port: 40_002))
    try peer.expectsAtOnce(.synAck(ack: 501))
  }

  // SYS-4
  @Test func `another address is served whatever its clock says`() throws {
    let (peer, _) = try closed(recycles: true)
    peer.sends(syn(stamped: 1, from: 40_001), from: IPv4Address(192, 0, 2, 50))
    try peer.expectsAtOnce(.synAck(ack: 501))
  }

  // SYS-4
  @Test func `after a minute the host is forgotten`() throws {
    let (peer, _) = try closed(recycles: true)
    try peer.advances(by: .seconds(55))
    peer.sends(syn(stamped: 400_000, from: 40_001))
    #expect(try peer.takesSegments().isEmpty)
    try peer.advances(by: .seconds(10))
    peer.sends(syn(stamped: 400_000, from: 40_001))
    try peer.expectsAtOnce(.synAck(ack: 501))
  }

  // SYS-4
  @Test func `without the knob nobody is shut out`() throws {
    let (peer, _) = try closed(recycles: false)
    peer.sends(syn(stamped: 400_000, from: 40_001))
    try peer.expectsAtOnce(.synAck(ack: 501))
    #expect(peer.stack.counters.tcp.pawsRejectedSYNs == 0)
  }

  // SYS-4
  @Test func `the knob acts at once on a running stack`() throws {
    let (peer, _) = try closed(recycles: true)
    peer.sends(syn(stamped: 400_000, from: 40_001))
    #expect(try peer.takesSegments().isEmpty)
    peer.stack.settings.recyclesTimeWait = false
    peer.sends(syn(stamped: 400_000, from: 40_001))
    try peer.expectsAtOnce(.synAck(ack: 501))
  }
}
