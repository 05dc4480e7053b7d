// TCP options in both directions: MSS, unknown and malformed ones, window scale (RFC 9293 §3.1,
// §3.2, §3.7.1, RFC 7323 §2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct OptionTests {
  /// Largest payload of the first flight of 6,000 octets.
  private func largestPayload(
    _ settings: StackSettings = StackSettings(), options: [SegmentOption]
  ) throws -> Int {
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(options: options)
    try peer.appWrites(c.id, count: 6000)
    return try #require(try peer.takesSegments().map(\.payload.count).max())
  }

  // R9293-MUST-4, R9293-MUST-14
  @Test func `NOP, MSS and EOL are understood`() throws {
    #expect(
      try largestPayload(options: [
        .noOperation, .noOperation, .maximumSegmentSize(1000), .endOfList,
      ]) == 1000)
  }

  // R9293-MUST-6
  @Test func `an unknown option is skipped`() throws {
    #expect(
      try largestPayload(options: [.other(kind: 253, [1, 2, 3, 4]), .maximumSegmentSize(900)])
        == 900)
  }

  // R9293-MUST-64
  @Test func `options are understood at any alignment`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(
      .syn(seq: 99, options: [.noOperation, .timestamps(7, 0), .maximumSegmentSize(1000)]))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(answer.timestamps?.echo == 7)
    peer.sends(.ack(seq: 100, ack: answer.end, options: [.timestamps(8, 0)]))
    let id = try #require(peer.appAccepts())
    try peer.appWrites(id, count: 3000)
    // 12 octets of every segment belong to the timestamps.
    #expect(try peer.takesSegments().map(\.payload.count).max() == 988)
  }

  // R9293-MUST-5
  @Test func `options on ordinary segments are accepted`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let odd: [SegmentOption] = [.noOperation, .other(kind: 254, []), .other(kind: 253, [1, 2, 3])]
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello", options: odd))
    try peer.expects(.ack(ack: c.seq + 5))
    #expect(try peer.appReads(c.id) == Array("hello".utf8))
  }

  // R9293-MUST-15
  @Test func `without an MSS option segments have at most 536 octets`() throws {
    #expect(try largestPayload(options: []) == 536)
  }

  // R9293-MUST-16, TS-18
  @Test func `the options of a segment count towards its size`() throws {
    #expect(
      try largestPayload(options: [.maximumSegmentSize(1460), .timestamps(1, 0)]) == 1448)
    var settings = StackSettings()
    settings.mtu = 1000
    #expect(
      try largestPayload(settings, options: [.maximumSegmentSize(1460), .timestamps(1, 0)]) == 948)
    #expect(try largestPayload(settings, options: [.maximumSegmentSize(1460)]) == 960)
  }

  // R9293-SHLD-5, R9293-MUST-14, R9293-MUST-67, R9293-MAY-3
  @Test(arguments: [1500, 1280, 9000, 68, 65_535])
  func `SYN and SYN-ACK carry the MSS that the MTU leaves`(_ mtu: Int) throws {
    var settings = StackSettings()
    settings.mtu = mtu
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection()
    #expect(c.stackSYN.maximumSegmentSize == mtu - 40)
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).maximumSegmentSize == mtu - 40)
  }

  // R9293-SHLD-6
  @Test func `an MTU lowered before the open lowers the MSS`() throws {
    let peer = ScriptedPeer()
    peer.stack.settings.mtu = 1200
    let c = try peer.opensConnection()
    #expect(c.stackSYN.maximumSegmentSize == 1160)
  }

  // R9293-MUST-7
  @Test(arguments: [[99, 0], [99, 1], [99, 40], [2, 0], [2, 1], [8, 10], [3]])
  func `an illegal option length is survived on a SYN and on text`(_ bytes: [UInt8]) throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    var area = bytes
    while area.count % 4 != 0 { area.insert(1, at: 0) }
    peer.sends(.syn(seq: 99, options: [.raw(area)]))
    _ = try peer.takesAll()
    #expect(peer.stack.counters.tcp.malformedOptions == 1)
    peer.sends(.rst(seq: 100))
    let c = try peer.opensConnection(isn: 200)
    peer.sends(.data(seq: c.seq, ack: c.ack, "bad", options: [.raw(area)]))
    _ = try peer.takesAll(for: .seconds(1))
    // Whatever the reaction was, it is one of two: taken as without options, or dropped.
    if peer.state == .established {
      peer.sends(.data(seq: c.seq, ack: c.ack, "bad good"))
      _ = try peer.takesAll(for: .seconds(1))
      #expect(try peer.appReads(c.id) == Array("bad good".utf8))
    }
  }

  // R9293-MUST-7
  @Test(arguments: [
    [2, 3, 5], [2, 5, 1, 1, 1], [3, 2], [3, 4, 7, 7], [8, 9, 0, 0, 0, 1, 0, 0, 0], [4, 3, 1],
  ])
  func `a known option of another length than its own is not understood`(_ bytes: [UInt8]) throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99, options: [.raw(bytes), .noOperation]))
    for answer in try peer.takesSegments() {
      #expect(answer.windowScale == nil && answer.timestamps == nil)
      #expect(!answer.options.contains(.sackPermitted))
    }
  }

  // R9293-MUST-7
  @Test func `every option area of random octets is survived`() throws {
    var random = SeededRandom(seed: 3)
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    var seq = c.seq
    for _ in 0..<3000 {
      let area = random.bytes(4 * Int.random(in: 1...10, using: &random))
      peer.sends(.data(seq: seq, ack: c.ack, "x", options: [.raw(area)]))
      peer.sends(.data(seq: seq, ack: c.ack, "x"))
      seq += 1
      _ = try peer.takesAll()
    }
    #expect(peer.state == .established)
    #expect(try peer.appReads(c.id).count == 3000)
  }

  // R9293-MUST-68, R9293-MUST-69, R9293-MUST-65
  @Test func `what we send is well formed in every kind of segment`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: [
      .maximumSegmentSize(1460), .windowScale(7), .timestamps(1, 0),
    ])
    #expect(c.stackSYN.windowScale != nil && c.stackSYN.timestamps != nil)
    try peer.appWrites(c.id, count: 5001)
    peer.stampsSegments = true
    _ = try peer.acknowledges(&c, count: 5001)
    peer.sends(.syn(seq: c.seq))
    try peer.expectsAtOnce(.ack(seq: c.ack, ack: c.seq))
    try peer.closesAfterStack(&c)
    peer.sends(.syn(seq: 1).to(port: 9))
    // The decoder and the checks of the peer throw on anything malformed.
    #expect(try !peer.takesAll(for: .seconds(1)).isEmpty)
  }

  // R9293-MUST-2
  @Test(arguments: [1, 2, 3, 17, 535, 536, 1459, 1460])
  func `text of any length has a right checksum`(_ count: Int) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: count)
    // The peer checks the sums of every packet it receives.
    try peer.expectsAtOnce(.data(seq: c.ack, ScriptedPeer.pattern(count)))
  }

  // TS-1
  @Test func `window scale is answered only when it was offered`() throws {
    let without = ScriptedPeer()
    let c = try without.opensConnection(options: [.maximumSegmentSize(1460)])
    #expect(c.stackSYN.windowScale == nil)
    #expect(without.snapshot?.sendWindow == 65_535)
    let with = ScriptedPeer()
    let d = try with.opensConnection(
      window: 1000, options: [.maximumSegmentSize(1460), .windowScale(0)])
    #expect(d.stackSYN.windowScale != nil)
    #expect(with.snapshot?.sendWindow == 1000)
  }

  // TS-1
  @Test func `a peer that does not answer window scale turns it off both ways`() throws {
    let peer = ScriptedPeer()
    let c = try peer.answersConnection(window: 4000, options: [.maximumSegmentSize(1460)])
    #expect(c.stackSYN.windowScale != nil)
    peer.sends(.data(seq: c.seq, ack: c.ack, "x", window: 4000))
    let answer = try peer.expects(.ack(ack: c.seq + 1))
    #expect(peer.snapshot?.sendWindow == 4000)
    #expect(Int(answer.window) > 10_000, "unscaled")
  }

  // TS-1
  @Test func `window scale and MSS on a later segment are ignored`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(
      .ack(
        seq: c.seq, ack: c.ack, window: 3000, options: [.windowScale(5), .maximumSegmentSize(100)]))
    #expect(peer.snapshot?.sendWindow == 3000)
    try peer.appWrites(c.id, count: 2000)
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1460))
  }

  // TS-1, SYS-26
  @Test func `without window scaling none is offered`() throws {
    var settings = StackSettings()
    settings.windowScaling = false
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    #expect(c.stackSYN.windowScale == nil)
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).windowScale == nil)
  }

  // TS-3
  @Test func `a shift of more than 14 is 14`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(
      window: 1, options: [.maximumSegmentSize(1460), .windowScale(15)])
    #expect(peer.stack.counters.tcp.windowShiftsTooLarge == 1)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 1))
    #expect(peer.snapshot?.sendWindow == 16_384)
  }

  // SEC-29
  @Test(arguments: [(UInt16(0), 536), (1, 48), (47, 48)])
  func `a tiny MSS does not lead to tiny segments`(_ announced: UInt16, _ size: Int) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(options: [.maximumSegmentSize(announced)])
    try peer.appWrites(c.id, count: 2000)
    let sizes = try peer.takesSegments().map(\.payload.count)
    #expect(sizes.first == size && sizes.dropLast().allSatisfy { $0 == size })
    #expect(peer.stack.counters.tcp.segmentSizesTooSmall == 1)
  }

  // SEC-29
  @Test(arguments: [(UInt16(0), 536), (1, 48)])
  func `nor does one in the answer to our SYN`(_ announced: UInt16, _ size: Int) throws {
    let peer = ScriptedPeer()
    let c = try peer.answersConnection(options: [.maximumSegmentSize(announced)])
    try peer.appWrites(c.id, count: 2000)
    #expect(try peer.takesSegments().first?.payload.count == size)
    #expect(peer.stack.counters.tcp.segmentSizesTooSmall == 1)
  }

  // AECN-2
  @Test func `reserved bits in what arrives are ignored`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99).adding([.reserved, .ae]))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    peer.sends(.ack(seq: 100, ack: answer.end).adding([.reserved, .ae]))
    #expect(peer.state == .established)
    peer.sends(.data(seq: 100, ack: answer.end, "x").adding([.reserved, .ae]))
    try peer.expects(.ack(ack: 101))
  }
}

@Suite struct HeaderTests {
  // R9293-MUST-3
  @Test func `a segment with a wrong checksum is dropped silently`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let good = peer.packet(of: .data(seq: c.seq, ack: c.ack, "hello"))
    for bit in 0..<16 {
      var bad = good
      bad.payload[16 + bit / 8] ^= 1 << (bit % 8)
      peer.sends(bad)
    }
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.checksumErrors == 16)
    #expect(peer.stack.counters.tcp.inErrors == 16)
    #expect(try peer.appReads(c.id) == [])
    peer.sends(good)
    try peer.expects(.ack(ack: c.seq + 5))
  }

  // R9293-MUST-3
  @Test func `every single flipped bit of a segment is noticed`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    let good = peer.packet(of: .data(seq: c.seq, ack: c.ack, "hello"))
    for bit in 0..<good.payload.count * 8 {
      var bad = good
      bad.payload[bit / 8] ^= 1 << (bit % 8)
      peer.sends(bad)
    }
    try peer.expectsNothing()
    #expect(try peer.appReads(c.id) == [])
    #expect(peer.state == .established)
  }

  @Test(arguments: [0, 1, 4, 15])
  func `a data offset below 5 or past the end is dropped`(_ words: UInt8) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.sends(.data(seq: c.seq, ack: c.ack, "hello").with { $0.dataOffset = words })
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.malformedHeaders == 1)
    #expect(try peer.appReads(c.id) == [])
  }

  @Test func `a TCP header cut short is dropped at every length`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for length in 0..<20 {
      var packet = peer.packet(of: .ack(seq: c.seq, ack: c.ack))
      packet.payload = Array(packet.payload.prefix(length))
      peer.sends(packet)
    }
    try peer.expectsNothing()
    #expect(peer.state == .established)
  }

  @Test func `SYN with FIN or RST, and no flags at all, do not open anything`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(Segment(flags: [.syn, .rst], seq: 100))
    peer.sends(Segment(flags: [], seq: 100))
    peer.sends(Segment(flags: [.fin, .psh, .urg], seq: 100))
    try peer.expectsNothing()
    #expect(peer.state == .closed)
    peer.sends(Segment(flags: [.syn, .fin], seq: 100))
    _ = try peer.takesAll(for: .milliseconds(100))
    #expect(peer.state == .closed || peer.state == .synReceived)
  }

  @Test func `port zero never gets a connection`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 100).from(port: 0))
    _ = try peer.takesAll(for: .seconds(1))
    #expect(peer.stack.connectionCount == 0)
    #expect(throws: TCPError.self) { try peer.appConnects(to: Endpoint(peer.address, 0)) }
  }
}
