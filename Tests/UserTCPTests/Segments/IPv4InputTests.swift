// What the IP layer lets through: header checks, addresses, options, fragments, protocols
// (RFC 791, RFC 1122 §3.2, REQUIREMENTS IP4-*).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct IPv4InputTests {
  private func listening() throws -> ScriptedPeer {
    let peer = ScriptedPeer()
    try peer.appListens()
    return peer
  }

  // IP4-1
  @Test func `a wrong version, header length or total length is dropped silently`() throws {
    let peer = try listening()
    let good = peer.packet(of: .syn(seq: 99)).encoded()
    func sendsChanged(_ change: (inout [UInt8]) -> Void) {
      var bytes = good
      change(&bytes)
      // The header checksum is made right again, so that nothing else decides.
      bytes[10] = 0
      bytes[11] = 0
      let sum = ~onesComplementSum(bytes[..<min(20, bytes.count)])
      bytes[10] = UInt8(sum >> 8)
      bytes[11] = UInt8(sum & 0xFF)
      peer.sendsRaw(bytes)
    }
    for version: UInt8 in [0, 1, 3, 5, 7, 15] { sendsChanged { $0[0] = version << 4 | 5 } }
    for words: UInt8 in 0...4 { sendsChanged { $0[0] = 0x40 | words } }
    sendsChanged { $0[0] = 0x4F }
    for length in [0, 19, good.count + 1, 65_535] {
      sendsChanged {
        $0[2] = UInt8(length >> 8)
        $0[3] = UInt8(length & 0xFF)
      }
    }
    try peer.expectsNothing()
    #expect(peer.state == .closed)
  }

  // IP4-1
  @Test func `a packet cut short is dropped at every length`() throws {
    let peer = try listening()
    let good = peer.packet(of: .syn(seq: 99)).encoded()
    for length in 0..<good.count { peer.sendsRaw(Array(good[..<length])) }
    try peer.expectsNothing()
    let counters = peer.stack.counters.ip
    #expect(counters.headerErrors + counters.truncated + counters.otherVersions == 44)
    #expect(peer.state == .closed)
  }

  // IP4-1
  @Test func `padding after the total length is ignored`() throws {
    let peer = try listening()
    peer.sendsRaw(peer.packet(of: .syn(seq: 99)).encoded() + [1, 2, 3, 4, 5, 6, 7])
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    peer.sendsRaw(
      peer.packet(of: .data(seq: 100, ack: answer.end, "hello")).encoded() + [9, 9, 9])
    try peer.expects(.ack(ack: 105))
  }

  // IP4-2
  @Test func `a wrong header checksum is dropped silently`() throws {
    let peer = try listening()
    let good = peer.packet(of: .syn(seq: 99)).encoded()
    for bit in 0..<160 {
      var bad = good
      bad[bit / 8] ^= 1 << (bit % 8)
      peer.sendsRaw(bad)
    }
    try peer.expectsNothing()
    #expect(peer.state == .closed)
  }

  // IP4-3
  @Test func `a packet to another host is dropped silently`() throws {
    let peer = try listening()
    for last: UInt8 in [0, 3, 100] {
      var packet = peer.packet(of: .syn(seq: 99))
      packet.destination = IPv4Address(192, 0, 2, last)
      packet.completeChecksum(at: 16)
      peer.sends(packet)
    }
    try peer.expectsNothing()
    #expect(peer.stack.counters.ip.addressErrors == 3)
  }

  // R9293-MUST-57, IP4-3
  @Test(arguments: [
    IPv4Address.limitedBroadcast, IPv4Address(192, 0, 2, 255), IPv4Address(224, 0, 0, 1),
  ])
  func `a SYN to a broadcast or multicast address is dropped silently`(
    _ destination: IPv4Address
  ) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.destination = destination
    packet.completeChecksum(at: 16)
    peer.sends(packet)
    try peer.expectsNothing()
  }

  // R9293-MUST-63, IP4-4
  @Test(arguments: [
    IPv4Address(0, 0, 0, 0), IPv4Address(0, 1, 2, 3), IPv4Address(127, 0, 0, 1),
    IPv4Address(224, 0, 0, 1), .limitedBroadcast, IPv4Address(192, 0, 2, 255),
    IPv4Address(240, 0, 0, 1), IPv4Address(192, 0, 2, 2),
  ])
  func `a SYN or an echo request from an impossible source is dropped silently`(
    _ source: IPv4Address
  ) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.source = source
    packet.completeChecksum(at: 16)
    peer.sends(packet)
    peer.sends(
      ICMPPacket.echoRequest(identifier: 1, sequence: 1, [1]).packet(
        from: source, to: peer.stackAddress))
    try peer.expectsNothing()
    #expect(peer.stack.counters.ip.martianSources == 2)
    #expect(peer.stack.connectionCount == 0)
  }

  // IP4-5
  @Test func `a packet to a loopback address is dropped silently`() throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.destination = IPv4Address(127, 0, 0, 1)
    packet.completeChecksum(at: 16)
    peer.sends(packet)
    try peer.expectsNothing()
  }

  // IP4-5, R9293-MUST-63
  @Test(arguments: [IPv4Address(192, 0, 2, 2), IPv4Address(127, 0, 0, 1)])
  func `a connection to ourselves never touches the link`(_ address: IPv4Address) throws {
    let peer = try listening()
    let client = try peer.appConnects(to: Endpoint(address, 80))
    try peer.expectsNothing(for: .milliseconds(100))
    #expect(peer.takeEvents(client).contains(.established))
    let server = try #require(peer.appAccepts())
    try peer.appWrites(client, count: 20_000)
    var received: [UInt8] = []
    for _ in 0..<100 where received.count < 20_000 {
      try peer.expectsNothing(for: .milliseconds(50))
      received += try peer.appReads(server)
    }
    #expect(received == ScriptedPeer.pattern(20_000))
    peer.appCloses(client)
    try peer.expectsNothing(for: .milliseconds(100))
    #expect(try peer.appSeesEnd(server))
    peer.appCloses(server)
    try peer.expectsNothing(for: .milliseconds(100))
    #expect(peer.stack.connectionCount == 0)
  }

  // IP4-7
  @Test(arguments: [UInt8(0), 1])
  func `a packet for us with a spent TTL is still delivered`(_ ttl: UInt8) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.timeToLive = ttl
    peer.sends(packet)
    try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(peer.last?.ip.timeToLive == 64)
  }

  // R9293-MUST-49, IP4-7
  @Test func `the TTL is 64 by default and can be set`() throws {
    var settings = StackSettings()
    settings.timeToLive = 17
    let peer = ScriptedPeer(settings: settings)
    var c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 2920)
    #expect(try peer.takesAll().allSatisfy { $0.ip.timeToLive == 17 })
    c.ack += 2920
    peer.sends(.ack(seq: c.seq, ack: c.ack))
    try peer.closesAfterStack(&c)
    #expect(peer.last?.ip.timeToLive == 17)
    var options = ConnectionOptions()
    options.timeToLive = 99
    _ = try peer.appConnects(options: options)
    try peer.expectsAtOnce(.syn())
    #expect(peer.last?.ip.timeToLive == 99)
  }

  // R9293-MUST-50, IP4-8, R9293-MAY-10, R9293-MAY-11
  @Test(arguments: [
    [0x94, 4, 0, 0],  // router alert
    [0x44, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],  // timestamp
    [7, 7, 4, 0, 0, 0, 0, 0],  // record route
    [0x9E, 4, 1, 2],  // experiment
    [1, 1, 1, 0],
  ])
  func `IP options that we do not understand are ignored and not echoed`(_ area: [UInt8]) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.options = area
    peer.sends(packet)
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(peer.last?.ip.options == [])
    packet = peer.packet(of: .data(seq: 100, ack: answer.end, "hello"))
    packet.options = area
    peer.sends(packet)
    try peer.expects(.ack(ack: 105))
  }

  // IP4-8, DEC-6
  @Test(arguments: [[0x83, 7, 4, 10, 0, 0, 1, 0], [0x89, 7, 4, 10, 0, 0, 1, 0]])
  func `a source-routed packet is dropped`(_ area: [UInt8]) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.options = area
    peer.sends(packet)
    try peer.expectsNothing()
    #expect(peer.stack.counters.ip.sourceRouted == 1)
  }

  // IP4-8
  @Test(arguments: [[0x94, 0, 0, 0], [0x94, 1, 0, 0], [0x94, 40, 0, 0], [1, 1, 1, 0x94]])
  func `an IP option with an impossible length is dropped`(_ area: [UInt8]) throws {
    let peer = try listening()
    var packet = peer.packet(of: .syn(seq: 99))
    packet.options = area
    peer.sends(packet)
    try peer.expectsNothing()
  }

  // IP4-10
  @Test func `two packets with the same identification are both processed`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for index in 0..<2 {
      var packet = peer.packet(of: .data(seq: c.seq + index, ack: c.ack, "x"))
      packet.identification = 77
      peer.sends(packet)
    }
    #expect(try peer.appReads(c.id).count == 2)
  }

  // IP4-12, IP4-9, IP4-6
  @Test func `TCP packets have DF, TOS zero and our address`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 5000)
    peer.sends(.syn(seq: 5).to(port: 9))
    for packet in try peer.takesAll() {
      #expect(packet.ip.dontFragment && !packet.ip.reservedFlag && !packet.ip.moreFragments)
      #expect(packet.ip.typeOfService == 0)
      #expect(packet.ip.source == peer.stackAddress)
    }
  }

  // R9293-MUST-48, R9293-SHLD-22
  @Test func `the DSCP that was set is on every packet of the connection`() throws {
    var options = ConnectionOptions()
    options.dscp = 46
    let peer = ScriptedPeer()
    let c = try peer.answersConnection(connectionOptions: options)
    #expect(peer.last?.ip.typeOfService == 46 << 2)
    try peer.appWrites(c.id, count: 3000)
    peer.sends(.data(seq: c.seq, ack: c.ack, "x"))
    peer.appAborts(c.id)
    let packets = try peer.takesAll(for: .seconds(1))
    #expect(packets.count >= 4)
    #expect(packets.allSatisfy { $0.ip.typeOfService >> 2 == 46 })
  }

  // R9293-MUST-48
  @Test func `a listener's DSCP is on the SYN-ACK and its repetition`() throws {
    var options = ConnectionOptions()
    options.dscp = 10
    let peer = ScriptedPeer()
    try peer.appListens(options: options)
    peer.sends(.syn(seq: 99))
    try peer.expectsAtOnce(.synAck(ack: 100))
    #expect(peer.last?.ip.typeOfService == 10 << 2)
    try peer.expects(.synAck(ack: 100), after: .seconds(1))
    #expect(peer.last?.ip.typeOfService == 10 << 2)
  }

  // R9293-SHLD-21
  @Test func `the DSCP can change during a connection`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appConfigures(c.id) { $0.dscp = 34 }
    try peer.appWrites(c.id, "x")
    try peer.expectsAtOnce(.data(seq: c.ack))
    #expect(peer.last?.ip.typeOfService == 34 << 2)
  }
}
