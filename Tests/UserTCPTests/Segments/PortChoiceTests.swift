// Which local port an active open gets: the range, reserved ports, and both changed on a running stack
// (RFC 6056, REQUIREMENTS SYS-17, SEC-14, SEC-15).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct PortChoiceTests {
  private func opens(_ peer: ScriptedPeer, to port: UInt16 = 443) throws -> UInt16 {
    _ = try peer.appConnects(to: Endpoint(peer.address, Port(port)))
    return try #require(try peer.expectsAtOnce(.syn()).sourcePort)
  }

  // SYS-17
  @Test func `by default ports are from 32768 to 60999`() throws {
    let peer = ScriptedPeer()
    for _ in 0..<500 { #expect((32_768...60_999).contains(try opens(peer))) }
  }

  // SYS-17, SEC-14
  @Test func `a range acts at once on a running stack`() throws {
    let peer = ScriptedPeer()
    _ = try opens(peer)
    peer.stack.settings.localPorts = 2000...2009
    var ports: Set<UInt16> = []
    for _ in 0..<10 { ports.insert(try opens(peer)) }
    #expect(ports == Set(2000...2009))
    #expect(throws: TCPError.addressNotAvailable) { try opens(peer) }
    peer.stack.settings.localPorts = 2000...2010
    #expect(try opens(peer) == 2010)
  }

  // SYS-17, SEC-14
  @Test func `reserved ports are never chosen, and may be named`() throws {
    let peer = ScriptedPeer(
      settings: .changed {
        $0.localPorts = 2000...2009
        $0.reservedPorts = [2001, 2004, 2005, 9999]
      })
    var ports: Set<UInt16> = []
    for _ in 0..<7 { ports.insert(try opens(peer)) }
    #expect(ports == [2000, 2002, 2003, 2006, 2007, 2008, 2009])
    #expect(throws: TCPError.addressNotAvailable) { try opens(peer) }
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, 2004))
    #expect(try peer.expectsAtOnce(.syn()).sourcePort == 2004)
  }

  // SYS-17
  @Test func `the list of reserved ports acts at once on a running stack`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.localPorts = 2000...2001 })
    peer.stack.settings.reservedPorts = [2000]
    #expect(try opens(peer) == 2001)
    #expect(throws: TCPError.addressNotAvailable) { try opens(peer) }
    peer.stack.settings.reservedPorts = []
    #expect(try opens(peer) == 2000)
  }

  // SYS-17
  @Test func `port zero is never chosen`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.localPorts = 0...3 })
    var ports: Set<UInt16> = []
    for _ in 0..<3 { ports.insert(try opens(peer)) }
    #expect(ports == [1, 2, 3])
    #expect(throws: TCPError.addressNotAvailable) { try opens(peer) }
  }

  // SEC-15
  @Test func `ports that one destination has used up are free for another`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.localPorts = 2000...2003 })
    for destination: UInt16 in [443, 444] {
      var ports: Set<UInt16> = []
      for _ in 0..<4 { ports.insert(try opens(peer, to: destination)) }
      #expect(ports.count == 4)
      #expect(throws: TCPError.addressNotAvailable) { try opens(peer, to: destination) }
    }
  }

  // SEC-15
  @Test func `a port is free again once its connection has failed`() throws {
    let peer = ScriptedPeer(settings: .changed { $0.localPorts = 2000...2000 })
    peer.port = 443
    let (_, syn) = try peer.takesSYNOfProgram()
    #expect(throws: TCPError.addressNotAvailable) { try opens(peer) }
    peer.sends(.rstAck(seq: 0, ack: syn.end))
    #expect(try opens(peer) == 2000)
  }

  // SEC-14
  @Test func `consecutive ports have no constant step`() throws {
    let peer = ScriptedPeer()
    var ports: [UInt16] = []
    for destination: UInt16 in 1...200 { ports.append(try opens(peer, to: destination)) }
    let steps = zip(ports, ports.dropFirst()).map { $0.1 &- $0.0 }
    #expect(zip(steps, steps.dropFirst()).count { $0.0 == $0.1 } < 3)
  }
}
