// What a trace tells of a connection: in order, with reasons, with a bound, and without changing anything.

import Testing
import UserTCPSimulation

@testable import UserTCP

extension ProtocolStack {
  fileprivate mutating func takeTrace() -> [TraceEvent] {
    var events: [TraceEvent] = []
    while let event = nextTraceEvent() { events.append(event) }
    return events
  }
}

extension TraceEvent {
  /// What it is about, in a word; segments and states with what matters of them.
  fileprivate var word: String {
    switch what {
    case .segmentSent(let segment): "sent \(segment.length)"
    case .segmentReceived(let segment): "received \(segment.length)"
    case .segmentDropped(let reason): "dropped \(reason)"
    case .stateChanged(let old, let new): "\(old) to \(new)"
    case .negotiated: "negotiated"
    case .roundTripMeasured: "measured"
    case .windowChanged(_, _, let reason): "window \(reason)"
    case .recoveryChanged(let old, let new): "recovery \(old) to \(new)"
    case .lossDetected: "lost"
    case .probeSent(let kind): "probe \(kind)"
    case .timerSet(let timer, _): "set \(timer)"
    case .timerCancelled(let timer): "cancelled \(timer)"
    case .timerFired(let timer): "fired \(timer)"
    }
  }
}

@Suite struct TraceTests {
  @Test func `a connection's life is told from its first segment to its end`() throws {
    let peer = ScriptedPeer()
    peer.stack.startTracing()
    var c = try peer.opensConnection(roundTrip: .milliseconds(10))
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    c.ack = c.ack + 5
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.closesAfterStack(&c)
    let words = peer.stack.takeTrace().map(\.word)
    let expected = [
      "received 0", "sent 0", "received 0", "SYN_RECV to ESTABLISHED", "negotiated",
      "window initial", "sent 5", "set retransmission", "received 0", "cancelled retransmission",
      "ESTABLISHED to FIN_WAIT1", "sent 0", "FIN_WAIT1 to FIN_WAIT2", "FIN_WAIT2 to TIME_WAIT",
    ]
    var rest = words[...]
    for word in expected {
      let place = rest.firstIndex(of: word)
      #expect(place != nil, "'\(word)' is missing, or out of order, in \(words)")
      if let place { rest = rest[(place + 1)...] }
    }
  }

  @Test func `what the SYNs have agreed on is told once`() throws {
    let peer = ScriptedPeer()
    peer.stack.startTracing()
    _ = try peer.opensConnection(
      options: [.maximumSegmentSize(1000), .sackPermitted, .windowScale(5)])
    let agreements = peer.stack.takeTrace().compactMap { event in
      if case .negotiated(let agreement) = event.what { agreement } else { nil }
    }
    #expect(agreements.count == 1)
    let agreement = try #require(agreements.first)
    #expect(agreement.segmentSize == 1000 && agreement.usesSACK && !agreement.usesTimestamps)
    #expect(agreement.sendWindowShift == 5)
  }

  @Test func `a timeout is told with the timer that fired, the backoff and the cut window`() throws
  {
    let peer = ScriptedPeer(settings: .forLossTests())
    let c = try peer.opensConnection(roundTrip: .milliseconds(100))
    peer.stack.startTracing()
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    try peer.expects(.data(seq: c.ack), within: .seconds(2))
    let events = peer.stack.takeTrace()
    let words = events.map(\.word)
    #expect(words.contains("fired retransmission"))
    #expect(words.contains("window timeout"))
    #expect(
      events.contains {
        if case .segmentSent(let segment) = $0.what { segment.isRetransmission } else { false }
      })
    #expect(
      events.contains {
        if case .roundTripMeasured(let measured) = $0.what { measured.backoff == 1 } else { false }
      })
  }

  @Test func `a segment that is not taken names its reason`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.stack.startTracing()
    peer.sends(.data(seq: c.seq + 1_000_000, ack: c.ack, Array("far".utf8)))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 100_000))
    let drops = peer.stack.takeTrace().filter {
      if case .segmentDropped = $0.what { true } else { false }
    }
    #expect(drops.map(\.word) == ["dropped outOfWindow", "dropped acknowledgmentOfNothing"])
    #expect(drops.allSatisfy { $0.remote.port.rawValue == 40_000 && $0.local.port.rawValue == 80 })
  }

  @Test func `events that nobody takes have a bound and are counted beyond it`() throws {
    let peer = ScriptedPeer()
    peer.stack.startTracing(limit: 5)
    let c = try peer.opensConnection()
    for _ in 0..<20 { peer.sends(.ack(seq: c.seq, ack: c.ack)) }
    #expect(peer.stack.lostTraceEvents >= 15)
    #expect(peer.stack.takeTrace().count == 5)
  }

  @Test func `nothing is kept before tracing begins nor after it has ended`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    #expect(peer.stack.takeTrace().isEmpty)
    peer.stack.startTracing()
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    peer.stack.stopTracing()
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    #expect(peer.stack.takeTrace().map(\.word).filter { $0 == "received 0" }.count == 1)
  }

  // MARK: Over a link

  private var lossyLink: LinkSettings {
    var link = LinkSettings()
    link.rate = 2_500_000
    link.queueLimit = 100_000
    link.loss = 0.01
    return link
  }

  @Test func `a loss, its recovery and the end of it are told with the window's reasons`() throws {
    var transfer = try Transfer(octets: 1_000_000, over: lossyLink, seed: 5)
    transfer.network.hosts[0].stack.startTracing(limit: 1 << 20)
    transfer.run(until: .seconds(60))
    transfer.check()
    let events = transfer.network.hosts[0].stack.takeTrace()
    let words = Set(events.map(\.word))
    for word in [
      "lost", "recovery open to recovery", "recovery recovery to open", "window slowStart",
      "window recovery", "window recoveryEnded", "window congestionAvoidance",
    ] {
      #expect(words.contains(word), "'\(word)' is missing in \(words.sorted())")
    }
    let resent = events.filter {
      if case .segmentSent(let segment) = $0.what { segment.isRetransmission } else { false }
    }
    #expect(UInt64(resent.count) == transfer.sender.retransmissions)
    #expect(zip(events, events.dropFirst()).allSatisfy { $0.time <= $1.time })
  }

  @Test func `tracing changes nothing`() throws {
    func run(traced: Bool) throws -> (Transcript, TCPCounters) {
      var transfer = try Transfer(octets: 300_000, over: lossyLink, seed: 7)
      if traced { for host in transfer.network.hosts { host.stack.startTracing(limit: 100) } }
      transfer.run(until: .seconds(60))
      transfer.check()
      return (transfer.network.transcript, transfer.sender)
    }
    let (plain, traced) = (try run(traced: false), try run(traced: true))
    #expect(plain.0.description == traced.0.description)
    #expect(plain.1.segmentsOut == traced.1.segmentsOut)
  }
}
