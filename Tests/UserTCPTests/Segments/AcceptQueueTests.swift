// The accept queue: how many complete connections wait for the program, and what happens to those that
// come when it is full (REQUIREMENTS SYS-8, SYS-10, SEC-22, CNT-4).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct AcceptQueueTests {
  /// A listener of backlog 1, two connections in its accept queue, a third half open.
  private func full(
    _ settings: StackSettings = StackSettings()
  ) throws -> (peer: ScriptedPeer, answer: Segment) {
    let peer = ScriptedPeer(settings: settings)
    try peer.appListens(backlog: 1)
    try peer.completesHandshakes(ports: 1...1)
    let answers = try peer.opensHalf(ports: 2...3)
    peer.sends(.ack(seq: 101, ack: answers[0].end).from(port: 2))
    peer.port = 3
    return (peer, answers[1])
  }

  // SYS-8, CNT-4
  @Test func `a backlog of two holds three, and the fourth SYN is dropped`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 2)
    try peer.completesHandshakes(ports: 1...3)
    peer.sends(.syn(seq: 100).from(port: 4))
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.listenOverflows == 1)
    #expect(peer.stack.counters.tcp.listenDrops == 1)
    #expect(peer.appAccepts() != nil)
    try peer.opensHalf(ports: 4...4)
  }

  // SYS-8
  @Test func `a backlog is cut to somaxconn`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumBacklog = 2 })
    try peer.appListens(backlog: 1000)
    try peer.completesHandshakes(ports: 1...3)
    peer.sends(.syn(seq: 100).from(port: 4))
    try peer.expectsNothing()
    #expect(peer.stack.counters.tcp.listenOverflows == 1)
  }

  // SYS-8
  @Test func `somaxconn acts on the next listener`() throws {
    let peer = ScriptedPeer()
    peer.stack.settings.maximumBacklog = 1
    try peer.appListens(backlog: 1000)
    try peer.completesHandshakes(ports: 1...2)
    peer.sends(.syn(seq: 100).from(port: 3))
    try peer.expectsNothing()
    peer.stack.settings.maximumBacklog = 4096
    try peer.appListens(on: 81, backlog: 1000)
    peer.stackPort = 81
    try peer.completesHandshakes(ports: 1...50)
    #expect(peer.stack.counters.tcp.listenOverflows == 1)
  }

  // SYS-8
  @Test func `a listener's row shows its queue and its backlog`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.maximumBacklog = 8 })
    try peer.appListens(backlog: 100)
    try peer.completesHandshakes(ports: 1...3)
    var rows: [ConnectionSnapshot] = []
    peer.stack.forEachSnapshot { if $0.state == .listen { rows.append($0) } }
    #expect(rows.count == 1)
    #expect(rows.first?.receiveQueue == 3)
    #expect(rows.first?.backlog == 8)
    #expect(peer.appAccepts() != nil)
    rows = []
    peer.stack.forEachSnapshot { if $0.state == .listen { rows.append($0) } }
    #expect(rows.first?.receiveQueue == 2)
  }

  // SEC-22, CNT-4
  @Test func `the last ACK of a handshake is dropped and counted while the queue is full`() throws {
    let (peer, answer) = try full()
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(try peer.takesSegments().isEmpty)
    #expect(peer.state == .synReceived)
    #expect(peer.stack.counters.tcp.listenOverflows == 1)
    #expect(peer.stack.counters.tcp.listenDrops == 1)
    try peer.expects(.synAck(seq: answer.seq, ack: 101), within: .seconds(2))
    #expect(peer.appAccepts() != nil)
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(peer.state == .established)
  }

  // SYS-10
  @Test func `with abort on overflow that ACK is answered with a reset`() throws {
    let (peer, answer) = try full(.changed { $0.abortOnOverflow = true })
    peer.sends(.ack(seq: 101, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.state == .closed)
    #expect(peer.stack.halfOpenCount == 0)
    #expect(peer.stack.connectionCount == 2)
    try peer.expectsNothing(for: .seconds(70))
  }

  // SYS-10
  @Test func `abort on overflow acts at once on a running stack`() throws {
    let (peer, answer) = try full()
    peer.sends(.ack(seq: 101, ack: answer.end))
    #expect(try peer.takesSegments().isEmpty)
    peer.stack.settings.abortOnOverflow = true
    peer.sends(.ack(seq: 101, ack: answer.end))
    try peer.expectsAtOnce(.rst(seq: answer.end))
    #expect(peer.state == .closed)
  }

  // SYS-10
  @Test func `abort on overflow does nothing while there is room`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.abortOnOverflow = true })
    try peer.appListens(backlog: 2)
    try peer.completesHandshakes(ports: 1...3)
    #expect(peer.stack.connectionCount == 3)
    #expect(peer.stack.counters.tcp.resetsOut == 0)
  }
}
