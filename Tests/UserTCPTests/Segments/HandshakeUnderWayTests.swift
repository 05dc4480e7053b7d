// Settings that change between a SYN and the end of its handshake: what was said to the peer holds, what
// comes next is new (REQUIREMENTS SYS-23, SYS-26, TS-1, TS-6).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct HandshakeUnderWayTests {
  private static let options: [SegmentOption] = [
    .maximumSegmentSize(1460), .windowScale(3), .timestamps(1_000_000, 0),
  ]

  // SYS-23, TS-6
  @Test(arguments: [TimestampMode.off, .noOffset])
  func `an open in progress keeps the timestamps of its SYN`(_ mode: TimestampMode) throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    let offered = try #require(syn.timestamps?.value)
    peer.stack.settings.timestamps = mode
    peer.sends(
      .synAck(
        seq: 99, ack: syn.end, options: [.maximumSegmentSize(1460), .timestamps(5, offered)]))
    let ack = try peer.expectsAtOnce(.ack(seq: syn.end, ack: 100))
    let value = try #require(ack.timestamps?.value)
    #expect(value &- offered < 1000)
    #expect(ack.timestamps?.echo == 5)
    #expect(peer.takeEvents(id).contains(.established))
  }

  // SYS-23, TS-6
  @Test func `an open in progress without timestamps gets none later`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.timestamps = .off })
    let (_, syn) = try peer.takesSYNOfProgram()
    #expect(syn.timestamps == nil)
    peer.stack.settings.timestamps = .randomOffset
    peer.sends(.synAck(seq: 99, ack: syn.end, options: [.timestamps(5, 0)]))
    #expect(try peer.expectsAtOnce(.ack(seq: syn.end, ack: 100)).timestamps == nil)
  }

  // SYS-23, TS-6
  @Test(arguments: [TimestampMode.off, .noOffset])
  func `a half-open connection keeps the timestamps of its SYN-ACK`(_ mode: TimestampMode) throws {
    for word: UInt64 in 0..<4 {
      let peer = ScriptedPeer(secret: StackSecret(word, 1, 2, 3))
      try peer.appListens()
      peer.sends(.syn(seq: 99, options: Self.options))
      let answer = try peer.expectsAtOnce(.synAck(ack: 100))
      let offered = try #require(answer.timestamps?.value)
      peer.stack.settings.timestamps = mode
      peer.sends(.ack(seq: 100, ack: answer.end, options: [peer.stampNow]))
      let id = try #require(peer.appAccepts())
      try peer.appWrites(id, "x")
      let sent = try peer.expectsAtOnce(.data(seq: answer.end))
      let value = try #require(sent.timestamps?.value)
      #expect(value &- offered < 1000, "the clock jumped")
    }
  }

  // SYS-26, TS-1
  @Test func `an open in progress keeps the window scale of its SYN`() throws {
    let peer = ScriptedPeer()
    let (_, syn) = try peer.takesSYNOfProgram()
    let shift = try #require(syn.windowScale)
    peer.stack.settings.windowScaling = false
    peer.sends(
      .synAck(seq: 99, ack: syn.end, options: [.maximumSegmentSize(1460), .windowScale(3)]))
    let ack = try peer.expectsAtOnce(.ack(seq: syn.end, ack: 100))
    peer.sends(.ack(seq: 100, ack: syn.end, window: 100))
    let row = try #require(peer.snapshot)
    #expect(row.sendWindow == 800)
    #expect(Int(ack.window) << shift <= row.receiveWindow)
    #expect(Int(ack.window) << shift > row.receiveWindow - 2 << shift)
  }

  // SYS-26, TS-1
  @Test func `an open in progress without window scale gets none later`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.windowScaling = false })
    let (_, syn) = try peer.takesSYNOfProgram()
    #expect(syn.windowScale == nil)
    peer.stack.settings.windowScaling = true
    peer.sends(
      .synAck(seq: 99, ack: syn.end, options: [.maximumSegmentSize(1460), .windowScale(3)]))
    try peer.expectsAtOnce(.ack(seq: syn.end, ack: 100))
    peer.sends(.ack(seq: 100, ack: syn.end, window: 100))
    #expect(peer.snapshot?.sendWindow == 100)
    #expect(peer.snapshot?.sendWindowShift == nil)
  }

  // SYS-26, TS-1
  @Test func `a half-open connection keeps the window scale of its SYN-ACK`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99, options: Self.options))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(answer.windowScale != nil)
    peer.stack.settings.windowScaling = false
    peer.stack.settings.maximumReceiveBuffer = 65_535
    peer.sends(.ack(seq: 100, ack: answer.end, window: 100, options: [peer.stampNow]))
    let row = try #require(peer.snapshot)
    #expect(row.sendWindow == 800)
    #expect(row.receiveWindowShift.map { Int($0) } == answer.windowScale)
  }
}
