// Fast Open at a connection that is opened here (RFC 7413 §4.2.2, §4.1.3): when text goes on the SYN, what
// becomes of it when it is not taken, and what is remembered of a server.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct FastOpenClientTests {
  private let text = [UInt8]("hello".utf8)
  private let cookie: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

  private func peer(_ change: (inout StackSettings) -> Void = { _ in }) -> ScriptedPeer {
    ScriptedPeer(settings: .changed(.linux, change))
  }

  private func counters(_ peer: ScriptedPeer) -> TCPCounters { peer.stack.counters.tcp }

  /// The program connects with text to send; its SYN, from whose port the peer is spoken to from now on.
  private func connects(
    _ peer: ScriptedPeer, sending text: [UInt8]? = nil,
    options: ConnectionOptions = ConnectionOptions()
  ) throws -> (id: ConnectionID, syn: Segment) {
    _ = try peer.takesAll()
    let id = try peer.appConnects(sending: text ?? self.text, options: options)
    let syn = try peer.expectsAtOnce(.syn())
    peer.stackPort = try #require(syn.sourcePort)
    return (id, syn)
  }

  /// The peer answers `syn` up to `ack`, or all of it.
  private func answers(
    _ peer: ScriptedPeer, _ syn: Segment, ack: SequenceNumber? = nil, cookie: [UInt8]? = nil,
    mss: UInt16 = 1460
  ) {
    let options = [.maximumSegmentSize(mss)] + (cookie.map { [SegmentOption.fastOpen($0)] } ?? [])
    peer.sends(.synAck(seq: 999, ack: ack ?? syn.end, options: options))
  }

  /// A first connection, which brings the cookie, reset afterwards.
  private func learns(
    _ peer: ScriptedPeer, _ cookie: [UInt8]? = nil, mss: UInt16 = 1460
  ) throws {
    let (id, syn) = try connects(peer)
    answers(peer, syn, cookie: cookie ?? self.cookie, mss: mss)
    _ = try peer.takesAll()
    peer.appAborts(id)
    _ = try peer.takesAll()
  }

  // TFO-1
  @Test func `nothing of it happens unless the program asks and the operator allows`() throws {
    let peer = peer()
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).fastOpen == nil)
    peer.stack.settings.fastOpen = .server
    let (id, syn) = try connects(peer)
    #expect(syn.fastOpen == nil && syn.payload.isEmpty)
    // What was written waits for the handshake (RFC 9293 §3.10.2).
    answers(peer, syn)
    try peer.expectsAtOnce(.data(seq: syn.end, ack: 1000, text))
    #expect(peer.takeEvents(id).contains(.established))
  }

  // TFO-1
  @Test func `the first connection asks for a cookie, the second sends text on its SYN`() throws {
    let peer = peer()
    let (_, first) = try connects(peer)
    #expect(first.fastOpen == [] && first.payload.isEmpty)
    answers(peer, first, cookie: cookie)
    try peer.expectsAtOnce(.data(seq: first.end, ack: 1000, text))
    #expect(counters(peer).fastOpenActive == 0)

    let (id, syn) = try connects(peer)
    #expect(syn.fastOpen == cookie)
    #expect(syn.payload == text)
    answers(peer, syn)
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 1000))
    #expect(counters(peer).fastOpenActive == 1)
    #expect(peer.stack.snapshot(id)?.usesFastOpen == true)
    #expect(peer.stack.snapshot(id)?.bytesSent == 5)
    #expect(peer.takeEvents(id).contains(.established))
    try peer.appWrites(id, "more")
    try peer.expectsAtOnce(.data(seq: syn.end, ack: 1000, Array("more".utf8)))
  }

  // TFO-2
  @Test func `text that the SYN-ACK does not cover goes out again at once, with the ACK`() throws {
    for sack in [true, false] {
      let peer = peer { $0.usesSACK = sack }
      try learns(peer)
      let (id, syn) = try connects(peer)
      answers(peer, syn, ack: syn.seq + 1, cookie: [9, 9, 9, 9])
      let again = try peer.expectsAtOnce(.data(seq: syn.seq + 1, ack: 1000, text))
      #expect(counters(peer).fastOpenActiveFails == 1 && counters(peer).fastOpenActive == 0)
      #expect(peer.stack.snapshot(id)?.bytesSent == 5)
      #expect(peer.stack.snapshot(id)?.congestionWindow == 10 * 1460)
      peer.sends(.ack(seq: 1000, ack: again.end))
      try peer.expectsNothing(for: .seconds(10))
      // The new cookie is the one to use.
      #expect(try connects(peer).syn.fastOpen == [9, 9, 9, 9])
    }
  }

  // TFO-2
  @Test func `what is left of text that was taken in part follows`() throws {
    let peer = peer()
    try learns(peer)
    let (_, syn) = try connects(peer)
    answers(peer, syn, ack: syn.seq + 3)
    try peer.expectsAtOnce(.data(seq: syn.seq + 3, ack: 1000, Array("llo".utf8)))
    #expect(counters(peer).fastOpenActive == 1)
  }

  // TFO-2
  @Test func `a server that takes text no more is not tried again for a while`() throws {
    let peer = peer()
    try learns(peer)
    let (_, syn) = try connects(peer)
    answers(peer, syn, ack: syn.seq + 1)
    #expect(try connects(peer).syn.fastOpen == nil)
    try peer.advances(by: .seconds(61))
    _ = try peer.takesAll()
    #expect(try connects(peer).syn.fastOpen == [])
  }

  // TFO-2
  @Test func `a SYN that is repeated is plain, and its server is left alone for a while`() throws {
    let peer = peer()
    try learns(peer)
    let (_, syn) = try connects(peer)
    let plain = try peer.expects(.syn(seq: syn.seq), after: .seconds(1))
    #expect(plain.fastOpen == nil && plain.payload.isEmpty)
    answers(peer, plain)
    try peer.expectsAtOnce(.data(seq: plain.end, ack: 1000, text))
    #expect(counters(peer).fastOpenActiveFails == 1)
    #expect(try connects(peer).syn.fastOpen == nil)
    // The cookie may be good yet: the network may have lost the SYN.
    try peer.advances(by: .seconds(61))
    _ = try peer.takesAll()
    #expect(try connects(peer).syn.fastOpen == cookie)
  }

  // TFO-2
  @Test func `when only the SYN-ACK was lost the text is not sent twice`() throws {
    let peer = peer()
    try learns(peer)
    let (id, syn) = try connects(peer)
    try peer.expects(.syn(seq: syn.seq), after: .seconds(1))
    answers(peer, syn)
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 1000))
    #expect(counters(peer).fastOpenActive == 1)
    try peer.expectsNothing(for: .seconds(10))
    #expect(peer.stack.snapshot(id)?.sendQueue == 0)
  }

  // TFO-2
  @Test func `silence doubles with each failure in a row`() throws {
    let peer = peer()
    try learns(peer)
    for minutes: Int64 in [1, 2, 4] {
      let (first, syn) = try connects(peer)
      #expect(syn.fastOpen == cookie)
      answers(peer, try peer.expects(.syn(seq: syn.seq), after: .seconds(1)))
      peer.appAborts(first)
      try peer.advances(by: .seconds(minutes * 60 - 2))
      let (second, plain) = try connects(peer)
      #expect(plain.fastOpen == nil)
      peer.appAborts(second)
      try peer.advances(by: .seconds(3))
    }
  }

  // TFO-2
  @Test func `no answer at all, and an ICMP error, are remembered too`() throws {
    for isError in [true, false] {
      let peer = peer { $0.synRetries = 1 }
      try learns(peer)
      let (id, syn) = try connects(peer)
      if isError {
        peer.sendsError(type: 3, code: 3, aboutSegment: syn)
        #expect(peer.stack.outcome(id) == .connectionRefused)
      } else {
        try peer.advances(by: .seconds(30))
        #expect(peer.stack.outcome(id) == .timedOut)
      }
      _ = try peer.takesAll()
      #expect(counters(peer).fastOpenActiveFails == 1)
      #expect(try connects(peer).syn.fastOpen == nil)
    }
  }

  // TFO-1
  @Test func `a server that gives no cookie is not asked again for a while`() throws {
    let peer = peer()
    let (_, syn) = try connects(peer)
    answers(peer, syn)
    #expect(try connects(peer).syn.fastOpen == nil)
  }

  // TFO-1
  @Test func `a cookie of a length that cannot be, or that nobody asked for, is not kept`() throws {
    for bad in [[1], [1, 2], [1, 2, 3, 4, 5], [UInt8](repeating: 1, count: 18)] as [[UInt8]] {
      let peer = peer()
      let (_, syn) = try connects(peer)
      answers(peer, syn, cookie: bad)
      #expect(counters(peer).fastOpenOptionsIgnored == 1)
      #expect(try connects(peer).syn.fastOpen == nil)
    }
    let peer = peer()
    _ = try peer.appConnects()
    let syn = try peer.expectsAtOnce(.syn())
    peer.stackPort = try #require(syn.sourcePort)
    answers(peer, syn, cookie: cookie)
    _ = try peer.takesAll()
    #expect(try connects(peer).syn.fastOpen == [])
  }

  // TFO-1, R9293-MUST-16, UTO-1
  @Test func `the SYN holds what its options leave of the server's segment`() throws {
    var options = ConnectionOptions()
    options.noDelay = true
    for count in [4, 6, 8, 16] {
      let peer = peer { $0.userTimeoutLimit = .seconds(1000) }
      let cookie = ScriptedPeer.pattern(count)
      try learns(peer, cookie, mss: 600)
      let (_, syn) = try connects(
        peer, sending: ScriptedPeer.pattern(3000), options: options)
      #expect(syn.fastOpen == cookie)
      let packet = try #require(peer.last?.ip)
      #expect(packet.payload.count == 20 + 600)
      #expect(syn.payload == ScriptedPeer.pattern(syn.payload.count))
      answers(peer, syn, mss: 600)
      let rest = try peer.takesSegments().flatMap(\.payload)
      try peer.requires(
        syn.payload + rest == ScriptedPeer.pattern(3000), "text is missing, or comes twice")
    }
  }

  // SYS-30
  @Test func `without cookies text goes on the first SYN already`() throws {
    let peer = peer { $0.fastOpen = [.client, .clientWithoutCookie] }
    let (_, syn) = try connects(peer)
    #expect(syn.fastOpen == nil && syn.payload == text)
    answers(peer, syn)
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 1000))
    #expect(counters(peer).fastOpenActive == 1)
  }

  // SYS-30
  @Test func `three timeouts in a row can stop all attempts for a time`() throws {
    let peer = peer { $0.fastOpenBlackHolePause = .seconds(100) }
    try learns(peer)
    peer.port += 1  // another port of the same server
    let (id, _) = try connects(peer)
    try peer.advances(by: .milliseconds(2500))
    #expect(counters(peer).fastOpenBlackHoles == 0)
    try peer.advances(by: .seconds(1))
    #expect(counters(peer).fastOpenBlackHoles == 1)
    peer.appAborts(id)
    _ = try peer.takesAll()
    #expect(try connects(peer).syn.fastOpen == nil)
    try peer.advances(by: .seconds(101))
    _ = try peer.takesAll()
    #expect(try connects(peer).syn.fastOpen == cookie)
  }

  // TFO-2, R9293-MUST-10
  @Test func `both ends open at once, one with text on its SYN`() throws {
    for isTaken in [true, false] {
      let peer = peer()
      try learns(peer)
      let (_, syn) = try connects(peer)
      peer.sends(.syn(seq: 999))
      try peer.expectsAtOnce(.synAck(seq: syn.seq, ack: 1000))
      peer.sends(.synAck(seq: 999, ack: isTaken ? syn.end : syn.seq + 1))
      #expect(peer.state == .established)
      let sent = try peer.takesSegments().flatMap(\.payload)
      #expect(sent == (isTaken ? [] : text))
    }
  }

  // TFO-1
  @Test func `the cache of servers is bounded, and a newer one takes an older one's place`() {
    var cache = FastOpenCache(secrets: HostSecrets(StackSecret(1, 2, 3, 4)))
    let ends = (0..<5000).map { number in
      ConnectionKey(
        remoteAddress: IPv4Address(bits: 0xC612_0000 + UInt32(number)), remotePort: 80,
        localAddress: IPv4Address(192, 0, 2, 2), localPort: 1)
    }
    for (number, end) in ends.enumerated() {
      cache.learn(FastOpenCookie(UInt64(number)), segmentSize: 1000, from: end)
    }
    let known = ends.indices.filter {
      switch cache.knowledge(of: ends[$0], at: .zero) {
      case .cookie(let cookie, let segmentSize):
        cookie == FastOpenCookie(UInt64($0)) && segmentSize == 1000
      case .nothing, .failure: false
      }
    }
    #expect((900...1024).contains(known.count), "\(known.count)")
    #expect(known.contains(4999))
  }

  // TFO-1
  @Test func `a cookie belongs to the address we come from`() {
    var cache = FastOpenCache(secrets: HostSecrets(StackSecret(1, 2, 3, 4)))
    var ends = ConnectionKey(
      remoteAddress: IPv4Address(192, 0, 2, 1), remotePort: 80,
      localAddress: IPv4Address(192, 0, 2, 2), localPort: 1)
    cache.learn(FastOpenCookie(7), segmentSize: 1000, from: ends)
    ends.remotePort = 443
    #expect(cache.knowledge(of: ends, at: .zero) != .nothing)
    ends.localAddress = IPv4Address(192, 0, 2, 3)
    #expect(cache.knowledge(of: ends, at: .zero) == .nothing)
  }
}
