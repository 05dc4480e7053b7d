// Fast Open at a listener (RFC 7413 §4.2): who gets a cookie, what a good one opens, and that everybody else
// has an ordinary handshake.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct FastOpenServerTests {
  private let request = [UInt8]("GET / HTTP/1.0".utf8)
  private let mss = SegmentOption.maximumSegmentSize(1460)

  private func peer(
    limit: Int = 8, _ change: (inout StackSettings) -> Void = { _ in }
  ) throws -> ScriptedPeer {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.fastOpen = [.client, .server]
        change(&$0)
      })
    try peer.appListens(fastOpenBacklog: limit)
    return peer
  }

  /// An ordinary handshake, half way, that asks for a cookie.
  private func takesCookie(_ peer: ScriptedPeer, port: UInt16 = 50_000) throws -> [UInt8] {
    peer.sends(.syn(seq: 700, options: [mss, .fastOpen([])]).from(port: port))
    let cookie = try peer.expectsAtOnce(.synAck(ack: 701)).fastOpen
    peer.sends(.rst(seq: 701).from(port: port))
    return try #require(cookie)
  }

  private func syn(_ cookie: [UInt8], _ text: [UInt8]? = nil) -> Segment {
    .syn(seq: 99, options: [mss, .fastOpen(cookie)], payload: text ?? request)
  }

  /// A SYN with a good cookie, and the SYN-ACK that covers its text.
  private func opens(_ peer: ScriptedPeer, _ cookie: [UInt8]) throws -> (ConnectionID, Segment) {
    peer.sends(syn(cookie))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100 + request.count))
    return (try #require(peer.appAccepts()), answer)
  }

  private func counters(_ peer: ScriptedPeer) -> TCPCounters { peer.stack.counters.tcp }

  // MARK: Cookies

  // TFO-1, SYS-30
  @Test func `nobody gets a cookie unless the operator and the program want it`() throws {
    for (mode, limit) in [(FastOpenMode.client, 8), ([.client, .server], 0)] {
      let peer = try peer(limit: limit) { $0.fastOpen = mode }
      peer.sends(syn([]))
      #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == nil)
      #expect(counters(peer).fastOpenCookieRequests == 1)
      #expect(counters(peer).synTextsIgnored == 1)
    }
  }

  // TFO-1
  @Test func `an empty option is answered with a cookie, and the handshake is an ordinary one`()
    throws
  {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    #expect(cookie.count == 8)
    #expect(counters(peer).fastOpenCookieRequests == 1)
    #expect(counters(peer).fastOpenPassive == 0)
    #expect(peer.stack.connectionCount == 0)
    // Text that comes with the request is for later (§4.2.1).
    peer.sends(syn([]))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(answer.fastOpen == cookie)
    peer.sends(.data(seq: 100, ack: answer.end, request))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == request)
  }

  // TFO-1
  @Test func `a cookie is its client's alone`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    #expect(try takesCookie(peer, port: 50_001) == cookie)
    let other = IPv4Address(192, 0, 2, 77)
    peer.sends(.syn(seq: 1, options: [mss, .fastOpen([])]), from: other)
    #expect(try peer.expectsAtOnce(.synAck()).fastOpen != cookie)
    peer.sends(syn(cookie).from(port: 50_002), from: other)
    try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(counters(peer).fastOpenPassiveFails == 1)
  }

  // TFO-1
  @Test func `a SYN-ACK that is repeated has no cookie`() throws {
    let peer = try peer()
    peer.sends(syn([], []))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(answer.fastOpen != nil)
    #expect(try peer.expects(.synAck(seq: answer.seq), after: .seconds(1)).fastOpen == nil)
    peer.sends(.syn(seq: 99, options: [mss]))
    #expect(try peer.expectsAtOnce(.synAck(seq: answer.seq)).fastOpen == nil)
  }

  // TFO-1, SYS-30
  @Test func `a key can be changed without shutting anybody out`() throws {
    let (old, new) = (FastOpenKeys.Key(1, 2), FastOpenKeys.Key(3, 4))
    let peer = try peer { $0.fastOpenKeys = FastOpenKeys(current: old) }
    let cookie = try takesCookie(peer)
    peer.stack.settings.fastOpenKeys = FastOpenKeys(current: new, previous: old)
    let (_, answer) = try opens(peer, cookie)
    let newCookie = try #require(answer.fastOpen)
    #expect(newCookie != cookie)
    #expect(counters(peer).fastOpenPassiveOldKeys == 1)
    peer.stack.settings.fastOpenKeys = FastOpenKeys(current: new)
    peer.sends(syn(cookie).from(port: 50_001))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == newCookie)
    peer.sends(syn(newCookie).from(port: 50_002))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100 + request.count)).fastOpen == nil)
  }

  // MARK: Opening

  // TFO-2
  @Test func `text with a good cookie is read before the handshake is done`() throws {
    let peer = try peer()
    let (id, answer) = try opens(peer, takesCookie(peer))
    #expect(answer.payload.isEmpty && answer.fastOpen == nil)
    #expect(peer.state == .synReceived)
    #expect(try peer.appReads(id) == request)
    peer.sends(.ack(seq: 100 + request.count, ack: answer.end))
    #expect(peer.state == .established)
    #expect(peer.snapshot?.usesFastOpen == true)
    #expect(counters(peer).fastOpenPassive == 1)
    // Accepted long ago: nothing more to tell.
    #expect(!peer.takeEvents(id).contains(.established))
    peer.sends(.data(seq: 100 + request.count, ack: answer.end, "more"))
    #expect(try peer.appReads(id) == Array("more".utf8))
  }

  // TFO-2
  @Test func `the answer may leave before the client's ACK, as far as the initial window`() throws {
    let peer = try peer { $0.sendBuffer = 1 << 18 }
    let (id, answer) = try opens(peer, takesCookie(peer))
    _ = try peer.appReads(id)
    try peer.appWrites(id, count: 40 * 1460)
    let early = try peer.takesSegments().filter { !$0.payload.isEmpty }
    #expect(early.count == 10)
    #expect(early.first?.seq == answer.end && early.first?.ack == 100 + request.count)
    #expect(peer.state == .synReceived)
    // The SYN-ACK's timer is the only one, and repeats the SYN-ACK alone.
    let again = try peer.expects(
      .synAck(seq: answer.seq, ack: 100 + request.count), after: .seconds(1))
    #expect(again.payload.isEmpty)
    peer.sends(.ack(seq: 100 + request.count, ack: answer.end + 10 * 1460))
    #expect(try peer.takesSegments().contains { $0.seq == answer.end + 10 * 1460 })
  }

  // TFO-2
  @Test func `early text that was lost is sent again after the handshake`() throws {
    for options in [[mss], [mss, .sackPermitted]] {
      let peer = try peer()
      let cookie = try takesCookie(peer)
      peer.sends(.syn(seq: 99, options: options + [.fastOpen(cookie)], payload: request))
      let answer = try peer.expectsAtOnce(.synAck(ack: 100 + request.count))
      let id = try #require(peer.appAccepts())
      try peer.appWrites(id, "answer")
      try peer.expectsAtOnce(.data(seq: answer.end, length: 6))
      peer.sends(.ack(seq: 100 + request.count, ack: answer.end))
      let again = try peer.expects(.data(seq: answer.end, length: 6), within: .seconds(2))
      peer.sends(.ack(seq: 100 + request.count, ack: again.end))
      try peer.expectsNothing(for: .seconds(30))
    }
  }

  // TFO-2
  @Test func `a program may close before the handshake is done`() throws {
    let peer = try peer()
    let (id, answer) = try opens(peer, takesCookie(peer))
    _ = try peer.appReads(id)
    try peer.appWrites(id, "answer")
    peer.appCloses(id, discardingInputFor: .seconds(2))
    try peer.expectsAtOnce(.data(seq: answer.end, length: 6))
    peer.sends(.ack(seq: 100 + request.count, ack: answer.end + 6))
    try peer.expectsAtOnce(.fin(seq: answer.end + 6))
    peer.sends(.fin(seq: 100 + request.count, ack: answer.end + 7))
    try peer.expectsAtOnce(.ack(seq: answer.end + 7))
    #expect(peer.state == .timeWait)
  }

  // TFO-2
  @Test func `a SYN that comes again, with its text or without, is answered again`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    let (id, answer) = try opens(peer, cookie)
    for again in [syn(cookie), .syn(seq: 99, options: [mss])] {
      peer.sends(again)
      try peer.expectsAtOnce(.synAck(seq: answer.seq, ack: 100 + request.count))
    }
    #expect(try peer.appReads(id) == request)
    #expect(peer.stack.connectionCount == 1)
  }

  // TFO-2
  @Test func `text beyond the window is left for the client to send again`() throws {
    let peer = try peer {
      $0.receiveBuffer = 1000
      $0.maximumReceiveBuffer = 1000
    }
    let cookie = try takesCookie(peer)
    peer.sends(syn(cookie, ScriptedPeer.pattern(1400)))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100 + 1000, window: 0))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == ScriptedPeer.pattern(1000))
    _ = try peer.takesAll()
    peer.sends(.data(seq: 1100, ack: answer.end, ScriptedPeer.pattern(400, from: 1000)))
    #expect(try peer.appReads(id) == ScriptedPeer.pattern(400, from: 1000))
  }

  // TFO-2
  @Test func `timestamps, scaling and SACK are agreed as in any handshake`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    peer.sends(
      .syn(
        seq: 99,
        options: [mss, .sackPermitted, .timestamps(7, 0), .windowScale(7), .fastOpen(cookie)],
        payload: request))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100 + request.count))
    #expect(answer.timestamps?.echo == 7)
    #expect(answer.options.contains(.sackPermitted) && answer.windowScale != nil)
    peer.sends(
      .ack(
        seq: 100 + request.count, ack: answer.end,
        options: [.timestamps(8, answer.timestamps?.value ?? 0)]))
    #expect(peer.state == .established)
  }

  // MARK: No good cookie

  // TFO-2
  @Test func `a forged cookie opens nothing, and a good one comes back`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    for forged in [cookie.map { $0 ^ 1 }, cookie + [0, 0], Array(cookie.prefix(4))] {
      peer.port += 1
      peer.sends(syn(forged))
      #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == cookie)
      #expect(peer.stack.connectionCount == 0)
    }
    #expect(counters(peer).fastOpenPassiveFails == 3)
    #expect(counters(peer).synTextsIgnored == 3)
  }

  // TFO-1
  @Test(arguments: [1, 2, 3, 5, 7, 15, 17, 18])
  func `an option of a length that cannot be is ignored`(count: Int) throws {
    let peer = try peer()
    peer.sends(
      .syn(
        seq: 99, options: [mss, .fastOpen([UInt8](repeating: 7, count: count))], payload: request))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == nil)
    #expect(counters(peer).fastOpenOptionsIgnored == 1)
    #expect(counters(peer).synTextsIgnored == 1)
    #expect(counters(peer).fastOpenPassiveFails == 0)
  }

  // TFO-1
  @Test func `an option on a segment without SYN is ignored`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello", options: [.fastOpen(cookie)]))
    #expect(try peer.appReads(c.id) == Array("hello".utf8))
    #expect(counters(peer).fastOpenOptionsIgnored == 1)
    #expect(counters(peer).fastOpenPassive == 0)
  }

  // TFO-2
  @Test func `text without a cookie is sent again after the handshake`() throws {
    let peer = try peer()
    peer.sends(.syn(seq: 99, payload: request))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(counters(peer).synTextsIgnored == 1)
    peer.sends(.data(seq: 100, ack: answer.end, request))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == request)
  }

  // SYS-30
  @Test func `where no cookie is needed text is taken without one`() throws {
    let peer = try peer { $0.fastOpen = [.server, .serverWithoutCookie] }
    peer.sends(.syn(seq: 99, payload: request))
    try peer.expectsAtOnce(.synAck(ack: 100 + request.count))
    let id = try #require(peer.appAccepts())
    #expect(try peer.appReads(id) == request)
  }

  // SYS-30
  @Test func `with the bit for all listeners none has to ask`() throws {
    let peer = try peer(limit: 0) { $0.fastOpen = [.server, .allListeners] }
    let (id, _) = try opens(peer, takesCookie(peer))
    #expect(try peer.appReads(id) == request)
    peer.stack.settings.fastOpen = [.allListeners]
    peer.port += 1
    peer.sends(syn([]))
    #expect(try peer.expectsAtOnce(.synAck(ack: 100)).fastOpen == nil)
  }

  // TFO-2, TW-14
  @Test func `a SYN that reopens a pair in TIME-WAIT has an ordinary handshake`() throws {
    let peer = try peer()
    let cookie = try takesCookie(peer)
    var c = try peer.opensConnection()
    try peer.closesAfterStack(&c)
    try peer.advances(by: .seconds(2))
    peer.sends(
      .syn(seq: c.seq + 100_000, options: [mss, .fastOpen(cookie)], payload: request))
    try peer.expectsAtOnce(.synAck(ack: c.seq + 100_001))
    #expect(counters(peer).fastOpenPassive == 0)
  }
}
