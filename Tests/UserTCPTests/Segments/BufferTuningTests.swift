// How large buffers become by themselves: the receive window follows what the program takes in a round trip,
// the send buffer what the congestion window can have in flight (REQUIREMENTS SYS-27, SYS-28, SYS-35).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ReceiveTuningTests {
  private static let scaled: [SegmentOption] = [.maximumSegmentSize(1460), .windowScale(7)]

  /// A peer that sends as much as it may, or wants to, once in a round trip, to a program that reads.
  private struct Sender {
    let peer: ScriptedPeer
    var c: ScriptedConnection
    let roundTrip: Interval
    /// The right edge that the stack has shown.
    var edge: SequenceNumber

    init(
      _ settings: StackSettings = StackSettings(), roundTrip: Interval = .milliseconds(100),
      options: [SegmentOption] = ReceiveTuningTests.scaled,
      connectionOptions: ConnectionOptions = ConnectionOptions()
    ) throws {
      peer = ScriptedPeer(settings: settings)
      self.roundTrip = roundTrip
      c = try peer.opensConnection(
        roundTrip: roundTrip, options: options, connectionOptions: connectionOptions)
      peer.stampsSegments = c.usesTimestamps
      edge = c.seq + Int(c.stackSYN.window)
      try look()
    }

    private mutating func look() throws {
      for answer in try peer.takesSegments() {
        edge = .latest(edge, answer.ack + Int(answer.window) << c.stackShift)
      }
    }

    /// One round trip: returns the window at its end.
    @discardableResult mutating func round(
      sending octets: Int = .max, reading limit: Int = .max
    ) throws -> Int {
      let stop = c.seq + min(octets, edge - c.seq)
      while c.seq < stop {
        let text = [UInt8](repeating: 5, count: min(1460, stop - c.seq))
        peer.sends(.data(seq: c.seq, ack: c.ack, text))
        c.seq += text.count
      }
      try peer.advances(by: roundTrip)
      _ = try peer.appReads(c.id, atMost: min(limit, 1 << 22))
      try look()
      return edge - c.seq
    }
  }

  private func settings(most: Int) -> StackSettings {
    var settings = StackSettings()
    settings.maximumReceiveBuffer = most
    return settings
  }

  // SYS-27, SYS-35
  @Test(arguments: [true, false])
  func `the window follows what the program reads in a round trip`(_ timestamps: Bool) throws {
    var sender = try Sender(
      settings(most: 400_000),
      options: Self.scaled + (timestamps ? [.timestamps(1, 0)] : []))
    #expect(sender.edge - sender.c.seq <= 65_536, "the first window is about 64 KB")
    var windows: [Int] = []
    for _ in 0..<8 { windows.append(try sender.round()) }
    #expect(windows[0] <= 200_000, "it grows with the rounds, not at once")
    #expect(windows[7] > 390_000 && windows[7] <= 400_000 + 128)
  }

  // SYS-27
  @Test(arguments: [true, false])
  func `a peer that sends less than a window has it for ever`(_ timestamps: Bool) throws {
    var sender = try Sender(options: Self.scaled + (timestamps ? [.timestamps(1, 0)] : []))
    for _ in 0..<40 { #expect(try sender.round(sending: 14_600) <= 66_048) }
  }

  // SYS-27
  @Test(arguments: [true, false])
  func `a slow reader gets no larger window`(_ timestamps: Bool) throws {
    var sender = try Sender(options: Self.scaled + (timestamps ? [.timestamps(1, 0)] : []))
    for _ in 0..<100 { #expect(try sender.round(reading: 14_600) <= 66_048) }
  }

  // SYS-27
  @Test func `a pause does not count as a round trip`() throws {
    // Small requests with seconds between them: an octet a second is no reason for a window.
    var sender = try Sender(options: Self.scaled + [.timestamps(1, 0)])
    for _ in 0..<20 {
      try sender.round(sending: 20_000)
      try sender.peer.advances(by: .seconds(5))
    }
    #expect(try sender.round(sending: 20_000) <= 66_048)
  }

  // SYS-27
  @Test func `where the peer is near, a megabyte is enough`() throws {
    var sender = try Sender(roundTrip: .microseconds(100))
    var window = 0
    for _ in 0..<12 { window = try sender.round() }
    #expect(window > 1_000_000 && window <= 1 << 20 + 512)
  }

  // SYS-35
  @Test func `switched off, the window stays as it is`() throws {
    var settings = StackSettings()
    settings.growsReceiveBuffer = false
    var sender = try Sender(settings)
    for _ in 0..<8 { #expect(try sender.round() <= 66_048) }
  }

  // SYS-27
  @Test func `a size that the program chose stays`() throws {
    var options = ConnectionOptions()
    options.receiveBuffer = 30_000
    var sender = try Sender(connectionOptions: options)
    #expect(sender.c.stackSYN.window == 30_000)
    for _ in 0..<8 { #expect(try sender.round() <= 30_512) }
    // Later, too.
    var other = try Sender()
    try other.peer.appConfigures(other.c.id) { $0.receiveBuffer = 100_000 }
    for _ in 0..<8 { #expect(try other.round() <= 100_512) }
    #expect(try other.round() > 90_000)
  }

  // SYS-27, SYS-26
  @Test func `a size beyond the largest is offered whole if it was chosen before the SYN`() throws {
    var options = ConnectionOptions()
    options.receiveBuffer = 300_000
    var sender = try Sender(settings(most: 65_536), connectionOptions: options)
    try sender.round()
    #expect(try sender.round() > 200_000)
  }

  // TS-1, TS-4
  @Test func `without window scale the window is never more than its field can say`() throws {
    var sender = try Sender(options: [.maximumSegmentSize(1460)])
    for _ in 0..<8 { #expect(try sender.round() <= 65_535) }
    // And nothing beyond it is taken.
    let (peer, c) = (sender.peer, sender.c)
    peer.sends(.data(seq: c.seq + 65_535, ack: c.ack, "beyond"))
    _ = try peer.expectsAtOnce(.ack(ack: c.seq))
    #expect(peer.stack.counters.tcp.segmentsOutOfWindow == 1)
  }

  // TS-2, SYS-26
  @Test func `the window never grows past what the offered scale can say`() throws {
    var sender = try Sender(settings(most: 100_000))
    sender.peer.stack.settings.maximumReceiveBuffer = 4 << 20
    var window = 0
    for _ in 0..<8 { window = try sender.round() }
    #expect(window <= 65_535 << sender.c.stackShift)
  }
}

@Suite struct SendTuningTests {
  /// Fills the buffer and says how much there is in it.
  private func fill(_ peer: ScriptedPeer, _ id: ConnectionID) throws -> Int {
    while try peer.appWrites(id, count: 100_000) == 100_000 {}
    return try #require(peer.snapshot).sendQueue
  }

  // SYS-28
  @Test func `a write is cut where the buffer ends`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(window: 0)
    #expect(try peer.appWrites(c.id, count: 100_000) == 65_536)
    #expect(try peer.appWrites(c.id, count: 1) == 0)
    #expect(peer.stack.writableBytes(c.id) == 0)
  }

  /// How large the buffer is after `rounds` flights have been acknowledged.
  private func grown(
    _ settings: StackSettings, _ options: ConnectionOptions = ConnectionOptions()
  ) throws -> [Int] {
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection(
      roundTrip: .milliseconds(10), options: [.maximumSegmentSize(1460), .windowScale(7)],
      connectionOptions: options)
    peer.sends(.ack(seq: c.seq, ack: c.ack, window: 65_535))
    var sizes: [Int] = []
    for _ in 0..<7 {
      sizes.append(try fill(peer, c.id))
      // The flight that has left, acknowledged two by two.
      for segment in try peer.takesSegments(for: .milliseconds(10)) where !segment.payload.isEmpty {
        c.ack = .latest(c.ack, segment.end)
        peer.sends(.ack(seq: c.seq, ack: c.ack, window: 65_535))
      }
    }
    return sizes
  }

  // SYS-28
  @Test func `the send buffer grows with the congestion window, up to the largest`() throws {
    var settings = StackSettings()
    settings.sendBuffer = 16_384
    settings.maximumSendBuffer = 300_000
    settings.usesHyStart = false
    let sizes = try grown(settings)
    #expect(sizes[0] == 16_384)
    #expect(sizes[6] == 300_000)
    #expect(sizes == sizes.sorted())
    #expect(sizes[1] <= 4 * 29_200, "twice what may be in flight, not all at once")
  }

  // SYS-28
  @Test func `a send buffer that the program chose stays`() throws {
    var options = ConnectionOptions()
    options.sendBuffer = 20_000
    #expect(try grown(StackSettings(), options).allSatisfy { $0 == 20_000 })
  }

  // SYS-28
  @Test func `a program that writes little keeps a small buffer`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    for _ in 0..<100 {
      try peer.appWrites(c.id, count: 30_000)
      _ = try peer.acknowledges(&c, count: 30_000)
    }
    #expect(peer.stack.writableBytes(c.id) == 65_536)
  }
}
