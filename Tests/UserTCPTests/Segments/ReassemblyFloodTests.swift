// Tiny segments out of order, with which a peer would fill a stack's memory at little cost of its own
// (REQUIREMENTS SEC-28). What is sent in order afterwards must still arrive.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ReassemblyFloodTests {
  // SEC-28
  @Test func `gaps of one octet cannot fill memory, and the connection survives them`() throws {
    var settings = StackSettings.withReceiveBuffer(65_535)
    settings.invalidReplyInterval = .zero
    let peer = ScriptedPeer(settings: settings)
    let c = try peer.opensConnection()
    // A hundred thousand of them: one packet whose sequence number, and octet, change.
    var packet = peer.packet(of: .data(seq: c.seq, ack: c.ack, [0])).encoded()
    var flood = Flood()
    var most = 0
    for round in 0..<4 {
      packet[packet.count - 1] = UInt8(round)
      for offset in stride(from: 1, to: 50_000, by: 2) {
        packet.put((c.seq + offset).rawValue, at: 24)
        flood.add(packet, to: peer)
        if offset % 1_001 == 0 { most = max(most, peer.stack.bufferedBytes) }
      }
      flood.flush(to: peer)
      most = max(most, peer.stack.bufferedBytes)
    }
    #expect(flood.answered > 10_000)
    #expect(most <= 256 << 10)
    #expect(peer.state == .established)
    #expect(peer.stack.counters.tcp.outOfOrderDropped > 90_000)
    // In order, everything arrives: whatever was kept of the gaps does no harm.
    let text = ScriptedPeer.pattern(50_000)
    var received: [UInt8] = []
    for start in stride(from: 0, to: 50_000, by: 1000) {
      peer.sends(.data(seq: c.seq + start, ack: c.ack, Array(text[start..<start + 1000])))
      received += try peer.appReads(c.id)
    }
    #expect(received.count == 50_000)
    #expect(try peer.takesSegments(for: .milliseconds(100)).last?.ack == c.seq + 50_000)
  }

  // SEC-28
  @Test func `an attacker's connections together stay within what their windows allow`() throws {
    let peer = ScriptedPeer(settings: .withReceiveBuffer(16_384))
    try peer.appListens(backlog: 1000)
    for port: UInt16 in 1...200 {
      let answer = try peer.opensHalf(ports: port...port)[0]
      peer.sends(.ack(seq: 101, ack: answer.end).from(port: port))
      for offset in stride(from: 1, to: 16_000, by: 400) {
        peer.sends(.data(seq: 101 + offset, ack: answer.end, [1]).from(port: port))
      }
      _ = try peer.takesAll()
    }
    #expect(peer.stack.connectionCount == 200)
    #expect(peer.stack.bufferedBytes <= 200 * 32_768)
  }
}
