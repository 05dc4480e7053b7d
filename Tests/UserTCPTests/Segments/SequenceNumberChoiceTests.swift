// Initial sequence numbers (RFC 9293 §3.4.1, RFC 6528), local addresses and ephemeral ports
// (RFC 6056).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SequenceNumberChoiceTests {
  private func iss(_ peer: ScriptedPeer, from port: UInt16 = 40_000) throws -> SequenceNumber {
    peer.sends(.syn(seq: 100).from(port: port))
    let answer = try peer.expectsAtOnce(.synAck(ack: 101))
    peer.sends(.rst(seq: 101).from(port: port))
    return answer.seq
  }

  // R9293-MUST-8, R9293-SHLD-1, SEC-12
  @Test func `the ISN of one pair of endpoints grows by 250,000 a second`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    var before = try iss(peer)
    for _ in 0..<20 {
      try peer.advances(by: .seconds(1))
      let after = try iss(peer)
      #expect((249_990...250_010).contains(after - before))
      before = after
    }
  }

  // R9293-MUST-9, R9293-SHLD-1
  @Test func `another secret gives unrelated ISNs for the same endpoints and time`() throws {
    var seen: Set<UInt32> = []
    for word: UInt64 in 0..<64 {
      let peer = ScriptedPeer(secret: StackSecret(1, 2, 3, word))
      try peer.appListens()
      seen.insert(try iss(peer).rawValue >> 8)
    }
    #expect(seen.count == 64)
  }

  // R9293-MUST-9
  @Test func `ISNs of neighbouring ports are not related`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    var numbers: [UInt32] = []
    for port: UInt16 in 2000..<2200 { numbers.append(try iss(peer, from: port).rawValue) }
    let steps = zip(numbers, numbers.dropFirst()).map { $0.1 &- $0.0 }
    #expect(Set(steps).count == steps.count)
    // Spread over the whole circle: each quarter gets its share of 200.
    for quarter: UInt32 in 0..<4 {
      #expect((25...75).contains(numbers.count { $0 >> 30 == quarter }))
    }
  }

  // R9293-MUST-43, R9293-MUST-45, IP4-6
  @Test func `a local address can be named and stays`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, 5000))
    let syn = try peer.expectsAtOnce(.syn())
    #expect(syn.sourcePort == 5000)
    #expect(peer.last?.ip.source == peer.stackAddress)
    #expect(throws: TCPError.addressNotAvailable) {
      try peer.appConnects(from: Endpoint(IPv4Address(192, 0, 2, 99), 5001))
    }
  }

  // R9293-MUST-44, IP4-6
  @Test func `without a local address the stack chooses its own`() throws {
    let peer = ScriptedPeer()
    _ = try peer.appConnects()
    try peer.expectsAtOnce(.syn())
    #expect(peer.last?.ip.source == peer.stackAddress)
  }

  // R9293-MUST-46
  @Test(arguments: [
    IPv4Address(224, 0, 0, 1), IPv4Address(239, 255, 255, 255), .limitedBroadcast, .unspecified,
    IPv4Address(192, 0, 2, 255), IPv4Address(240, 0, 0, 1),
  ])
  func `a connection to no single host is refused at once`(_ address: IPv4Address) throws {
    let peer = ScriptedPeer()
    #expect(throws: TCPError.invalidAddress) {
      try peer.appConnects(to: Endpoint(address, 80))
    }
    try peer.expectsNothing()
    #expect(peer.stack.connectionCount == 0)
  }

  // SEC-14
  @Test func `a thousand ephemeral ports are in range, distinct and without a pattern`() throws {
    var settings = StackSettings()
    settings.localPorts = 20_000...29_999
    let peer = ScriptedPeer(settings: settings)
    var ports: [UInt16] = []
    for _ in 0..<1000 {
      _ = try peer.appConnects()
      ports.append(try #require(try peer.expectsAtOnce(.syn()).sourcePort))
    }
    #expect(ports.allSatisfy { (20_000...29_999).contains($0) })
    #expect(Set(ports).count == ports.count)
  }

  // SEC-14
  @Test func `ephemeral ports of different destinations are unrelated`() throws {
    let peer = ScriptedPeer()
    var ports: [UInt16] = []
    for port: UInt16 in 1000..<1100 {
      _ = try peer.appConnects(to: Endpoint(peer.address, Port(port)))
      ports.append(try #require(try peer.expectsAtOnce(.syn()).sourcePort))
    }
    let steps = zip(ports, ports.dropFirst()).map { Int($0.1) - Int($0.0) }
    #expect(Set(steps).count > 80)
  }

  // SEC-14
  @Test func `a busy port is not chosen`() throws {
    var settings = StackSettings()
    settings.localPorts = 5000...5001
    let peer = ScriptedPeer(settings: settings)
    _ = try peer.appConnects(from: Endpoint(peer.stackAddress, 5000))
    #expect(try peer.expectsAtOnce(.syn()).sourcePort == 5000)
    _ = try peer.appConnects()
    #expect(try peer.expectsAtOnce(.syn()).sourcePort == 5001)
  }

  // SEC-15
  @Test func `an exhausted port range fails for that destination only`() throws {
    var settings = StackSettings()
    settings.localPorts = 5000...5003
    let peer = ScriptedPeer(settings: settings)
    for _ in 0..<4 {
      _ = try peer.appConnects()
      try peer.expectsAtOnce(.syn())
    }
    #expect(throws: TCPError.addressNotAvailable) { try peer.appConnects() }
    _ = try peer.appConnects(to: Endpoint(peer.address, 81))
    try peer.expectsAtOnce(.syn())
  }

  @Test func `the same pair of endpoints cannot be opened twice`() throws {
    let peer = ScriptedPeer()
    let local = Endpoint(peer.stackAddress, 5000)
    _ = try peer.appConnects(from: local)
    #expect(throws: TCPError.addressInUse) { try peer.appConnects(from: local) }
  }
}
