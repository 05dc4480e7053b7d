// Settings of the two directions of text, turned on a running stack: slow start after idleness, the least
// segment size, buffers that grow (REQUIREMENTS SYS-24, SYS-32, SYS-35, SEC-29).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct BufferSettingTests {
  // SYS-24
  @Test(arguments: [true, false])
  func `after idleness the congestion window starts anew, or not`(_ restarts: Bool) throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(roundTrip: .milliseconds(1))
    try peer.appWrites(c.id, count: 60_000)
    _ = try peer.acknowledges(&c, count: 60_000)
    let grown = try #require(peer.snapshot).congestionWindow
    #expect(grown > 10 * 1460)
    peer.stack.settings.restartsAfterIdle = restarts
    try peer.advances(by: .seconds(30))
    try peer.appWrites(c.id, count: 60_000)
    let burst = try peer.takesSegments().reduce(0) { $0 + $1.payload.count }
    #expect(restarts ? burst <= 10 * 1460 : burst > 10 * 1460)
  }

  // SYS-32, SEC-29
  @Test func `a peer is not believed that it takes less than the least segment size`() throws {
    let peer = ScriptedPeer()
    for (least, announced, size) in [(48, 1, 48), (300, 100, 300), (300, 400, 400)] {
      peer.stack.settings.minimumSegmentSize = least
      peer.port += 1
      let c = try peer.opensConnection(options: [.maximumSegmentSize(UInt16(announced))])
      try peer.appWrites(c.id, count: 1000)
      #expect(try peer.takesSegments().first?.payload.count == size)
    }
  }

  /// The receive window after a megabyte was read as it came.
  private func windowOfReader(_ grows: Bool) throws -> (before: Int, after: Int) {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection(options: [.maximumSegmentSize(1460), .windowScale(7)])
    peer.stack.settings.growsReceiveBuffer = grows
    let before = try #require(peer.snapshot).receiveWindow
    for _ in 0..<700 {
      peer.sends(.data(seq: c.seq, ack: c.ack, ScriptedPeer.pattern(1460)))
      c.seq += 1460
      #expect(try peer.appReads(c.id).count == 1460)
    }
    _ = try peer.takesAll()
    return (before, try #require(peer.snapshot).receiveWindow)
  }

  // SYS-35
  @Test func `the window of a reader that keeps up grows, unless that is turned off`() throws {
    let growing = try windowOfReader(true)
    #expect(growing.after > growing.before)
    let fixed = try windowOfReader(false)
    #expect(fixed.after <= fixed.before)
  }
}
