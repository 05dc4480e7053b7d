// ICMP: what errors do to connections (RFC 9293 §3.9.2.2, RFC 5927), what we answer and what we
// never send (RFC 792, RFC 1122 §3.2.2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct ICMPErrorInputTests {
  // R9293-MUST-54, R9293-SHLD-26, ICMP4-7
  @Test(arguments: [UInt8(2), 3])
  func `protocol or port unreachable about our SYN means refused`(_ code: UInt8) throws {
    let peer = ScriptedPeer()
    let (id, _) = try peer.takesSYNOfProgram()
    peer.sendsError(type: 3, code: code, about: peer.last!)
    #expect(peer.takeEvents(id).contains(.closed))
    #expect(peer.stack.outcome(id) == .connectionRefused)
    #expect(peer.state == .closed)
  }

  // R9293-MUST-54
  @Test func `an error that quotes another connection does nothing to ours`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    var other = syn
    other.destinationPort = syn.destinationPort! + 1
    peer.sendsError(type: 3, code: 3, aboutSegment: other)
    other = syn
    other.sourcePort = syn.sourcePort! ^ 1
    peer.sendsError(type: 3, code: 3, aboutSegment: other)
    #expect(peer.state == .synSent)
    #expect(!peer.takeEvents(id).contains(.softError))
  }

  // SEC-23
  @Test func `an error about a SYN that we did not send is ignored`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    for offset in [-1, 1, 5000] {
      peer.sendsError(
        type: 3, code: 3, aboutSegment: syn.with { $0.sequence = syn.seq + offset })
    }
    #expect(peer.state == .synSent)
    #expect(peer.takeEvents(id).isEmpty)
    #expect(peer.stack.counters.icmp.outOfWindow == 3)
  }

  // R9293-MUST-55, ICMP4-8
  @Test func `a source quench is discarded`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 5000)
    _ = try peer.takesAll()
    let window = try #require(peer.snapshot).congestionWindow
    peer.sendsError(
      type: 4, code: 0, aboutSegment: .data(seq: c.ack, ack: c.seq, ScriptedPeer.pattern(1460)))
    #expect(peer.snapshot?.congestionWindow == window)
    #expect(peer.takeEvents(c.id).isDisjoint(with: [.softError, .closed]))
    try peer.expectsNothing(for: .milliseconds(150))
  }

  /// Type and code of every error that only hints.
  static let softErrors: [(UInt8, UInt8)] = [(3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)]

  // R9293-MUST-56, R9293-MUST-47, R9293-SHLD-25, ICMP4-7
  @Test(arguments: softErrors)
  func `an unreachable network or host does not abort an established connection`(
    _ type: UInt8, _ code: UInt8
  ) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    peer.sendsError(type: type, code: code, about: peer.last!)
    #expect(peer.state == .established)
    #expect(peer.takeEvents(c.id).contains(.softError))
    #expect(peer.stack.takeSoftError(c.id) == .unreachable)
    #expect(peer.stack.takeSoftError(c.id) == nil, "cleared by reading it")
    try peer.expects(.data(seq: c.ack), within: .seconds(2))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    #expect(peer.state == .established)
  }

  // R9293-MUST-56
  @Test(arguments: softErrors)
  func `an unreachable network or host does not abort an open in progress`(
    _ type: UInt8, _ code: UInt8
  ) throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sendsError(type: type, code: code, about: peer.last!)
    #expect(peer.state == .synSent)
    try peer.expects(.syn(seq: syn.seq), after: .seconds(1))
    peer.sends(.synAck(seq: 99, ack: syn.end))
    #expect(peer.takeEvents(id).contains(.established))
  }

  // R9293-MUST-56
  @Test(arguments: softErrors)
  func `an unreachable network or host does not end SYN-RECEIVED`(
    _ type: UInt8, _ code: UInt8
  ) throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    peer.sendsError(type: type, code: code, about: peer.last!)
    #expect(peer.state == .synReceived)
    try peer.expects(.synAck(seq: answer.seq), after: .seconds(1))
  }

  // SEC-21, SEC-23, DEC-5
  @Test func `port unreachable about our SYN-ACK removes the half-open connection only`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99))
    let answer = try peer.expectsAtOnce(.synAck(ack: 100))
    let packet = peer.last!
    peer.sendsError(
      type: 3, code: 3, aboutSegment: answer.with { $0.sequence = answer.seq + 1 })
    #expect(peer.state == .synReceived)
    peer.sendsError(type: 3, code: 3, about: packet)
    #expect(peer.state == .closed)
    peer.sends(.syn(seq: 199))
    try peer.expectsAtOnce(.synAck(ack: 200))
  }

  // SEC-24, DEC-5, R9293-SHLD-26
  @Test(arguments: [UInt8(2), 3])
  func `hard errors are soft once the connection is established`(_ code: UInt8) throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    peer.sendsError(type: 3, code: code, about: peer.last!)
    #expect(peer.state == .established)
    #expect(peer.takeEvents(c.id).contains(.softError))
    #expect(peer.stack.takeSoftError(c.id) != nil)
  }

  // SEC-23
  @Test func `an error counts only when it quotes what is in flight`() throws {
    for (offset, counts) in [(-1, false), (0, true), (999, true), (1000, false)] {
      let peer = ScriptedPeer()
      var c = try peer.opensConnection()
      try peer.appWrites(c.id, count: 500)
      _ = try peer.acknowledges(&c, count: 500)
      try peer.appWrites(c.id, count: 1000)
      try peer.expectsAtOnce(.data(seq: c.ack, length: 1000))
      peer.sendsError(
        type: 3, code: 1, aboutSegment: .data(seq: c.ack + offset, ack: c.seq, [0]))
      #expect(peer.takeEvents(c.id).contains(.softError) == counts, "offset \(offset)")
    }
  }

  // R9293-SHLD-20
  @Test func `soft errors can be turned off`() throws {
    var options = ConnectionOptions()
    options.reportsSoftErrors = false
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options)
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    peer.sendsError(type: 3, code: 1, about: peer.last!)
    #expect(!peer.takeEvents(c.id).contains(.softError))
  }

  // SEC-27
  @Test func `a quote of a foreign address or less than eight octets of TCP is ignored`() throws {
    let peer = ScriptedPeer()
    let (id, syn) = try peer.takesSYNOfProgram()
    peer.sendsError(
      type: 3, code: 3, aboutSegment: syn, source: IPv4Address(192, 0, 2, 99))
    for count in 0..<8 { peer.sendsError(type: 3, code: 3, about: peer.last!, quoting: count) }
    for count in 0..<20 {
      peer.sends(ICMPPacket(type: 3, code: 3, payload: Array(peer.last!.frame.bytes.prefix(count))))
    }
    #expect(peer.state == .synSent)
    #expect(peer.takeEvents(id).isEmpty)
    try peer.expectsNothing(for: .milliseconds(900))
  }

  // ICMP4-2
  @Test func `an ICMP message with a wrong checksum is dropped`() throws {
    let peer = ScriptedPeer()
    let (id, _) = try peer.takesSYNOfProgram()
    var bad = ICMPPacket(type: 3, code: 3, payload: Array(peer.last!.frame.bytes.prefix(28)))
      .packet(from: peer.address, to: peer.stackAddress)
    bad.payload[2] ^= 1
    peer.sends(bad)
    bad = ICMPPacket.echoRequest(identifier: 1, sequence: 2, [1, 2, 3])
      .packet(from: peer.address, to: peer.stackAddress)
    bad.payload[9] ^= 1
    peer.sends(bad)
    try peer.expectsNothing(for: .milliseconds(900))
    #expect(peer.stack.counters.icmp.checksumErrors == 2)
    #expect(peer.takeEvents(id).isEmpty)
  }

  // ICMP4-9
  @Test func `a redirect is ignored`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "hello")
    try peer.expectsAtOnce(.data(seq: c.ack))
    peer.sendsError(type: 5, code: 1, about: peer.last!, word: 0xC000_0263)
    #expect(peer.takeEvents(c.id).isDisjoint(with: [.softError, .closed]))
    try peer.expects(.data(seq: c.ack), within: .seconds(1))
    #expect(peer.last?.ip.destination == peer.address)
  }
}

@Suite struct ICMPResponderTests {
  // ICMP4-1
  @Test(arguments: [0, 1, 7, 8, 56, 1000, 1471, 1472])
  func `an echo request is answered with the same octets`(_ count: Int) throws {
    let peer = ScriptedPeer()
    let data = ScriptedPeer.pattern(count)
    peer.sends(.echoRequest(identifier: 0x1234, sequence: 7, data))
    let reply = try peer.expectsICMP(type: 0, within: .zero)
    #expect(reply.payload == data)
    #expect(reply.word == 0x1234_0007)
    #expect(peer.last?.ip.source == peer.stackAddress)
    #expect(peer.last?.ip.destination == peer.address)
  }

  // ICMP4-1
  @Test func `on a link for it the largest echo request is answered`() throws {
    var settings = StackSettings()
    settings.mtu = 65_535
    let peer = ScriptedPeer(settings: settings)
    let data = ScriptedPeer.pattern(65_507)
    peer.sends(.echoRequest(identifier: 1, sequence: 1, data))
    #expect(try peer.expectsICMP(type: 0, within: .zero).payload == data)
  }

  // ICMP4-1, SYS-36
  @Test func `an echo request to a broadcast or multicast address is not answered`() throws {
    let peer = ScriptedPeer()
    for destination in [
      IPv4Address.limitedBroadcast, IPv4Address(192, 0, 2, 255), IPv4Address(224, 0, 0, 1),
    ] {
      peer.sends(
        ICMPPacket.echoRequest(identifier: 1, sequence: 1, [1])
          .packet(from: peer.address, to: destination))
    }
    try peer.expectsNothing()
  }

  // SYS-36
  @Test func `echo can be turned off`() throws {
    var settings = StackSettings()
    settings.ignoresEcho = true
    let peer = ScriptedPeer(settings: settings)
    peer.sends(.echoRequest(identifier: 1, sequence: 1, [1]))
    try peer.expectsNothing()
  }

  // ICMP4-3, ICMP4-10
  @Test(arguments: [UInt8(0), 1, 2, 4, 5, 9, 10, 13, 15, 17, 30, 200, 255])
  func `other types are not answered`(_ type: UInt8) throws {
    let peer = ScriptedPeer()
    peer.sends(ICMPPacket(type: type, payload: ScriptedPeer.pattern(40)))
    try peer.expectsNothing()
  }

  // IP4-11
  @Test func `echo replies without DF have distinct identifications that nobody can count`() throws
  {
    let peer = ScriptedPeer()
    var identifications: [UInt16] = []
    for number: UInt16 in 0..<200 {
      peer.sends(.echoRequest(identifier: 1, sequence: number, [1]))
      try peer.expectsICMP(type: 0, within: .zero)
      if peer.last!.ip.dontFragment { return }  // atomic: anything goes (IP4-10)
      identifications.append(peer.last!.ip.identification)
    }
    #expect(Set(identifications).count == identifications.count)
    let other = ScriptedPeer(secret: StackSecret(9, 9, 9, 9))
    other.sends(.echoRequest(identifier: 1, sequence: 0, [1]))
    try other.expectsICMP(type: 0, within: .zero)
    #expect(other.last!.ip.identification != identifications[0])
  }

  private func udp(_ peer: ScriptedPeer, to destination: IPv4Address? = nil) -> IPv4Packet {
    var packet = IPv4Packet(
      from: peer.address, to: destination ?? peer.stackAddress, protocol: IPv4Packet.udp,
      payload: [0x12, 0x34, 0x82, 0x9A, 0, 12, 0, 0, 1, 2, 3, 4])
    packet.completeChecksum(at: 6)
    return packet
  }

  // IP4-13, ICMP4-4
  @Test func `a datagram to us brings port unreachable with its header`() throws {
    let peer = ScriptedPeer()
    var packet = udp(peer)
    packet.typeOfService = 0x48
    peer.sends(packet)
    let error = try peer.expectsICMP(type: 3, code: 3, within: .zero)
    #expect(error.payload.count >= 28)
    #expect(packet.encoded().starts(with: error.payload))
    #expect(peer.last?.ip.source == peer.stackAddress)
    #expect(peer.last?.ip.typeOfService == 0)
  }

  // IP4-13, ICMP4-4
  @Test func `an unknown protocol brings protocol unreachable, of at most 576 octets`() throws {
    let peer = ScriptedPeer()
    let packet = IPv4Packet(
      from: peer.address, to: peer.stackAddress, protocol: 253, payload: ScriptedPeer.pattern(1400))
    peer.sends(packet)
    let error = try peer.expectsICMP(type: 3, code: 2, within: .zero)
    #expect(peer.last!.frame.bytes.count <= 576)
    #expect(error.payload.count >= 28)
    #expect(packet.encoded().starts(with: error.payload))
  }

  // ICMP4-5
  @Test func `there is no error about errors, broadcasts, fragments and impossible sources`() throws
  {
    let peer = ScriptedPeer()
    let quoted = udp(peer).encoded()
    peer.sends(ICMPPacket(type: 3, code: 3, payload: quoted))
    peer.sends(ICMPPacket(type: 11, code: 0, payload: quoted))
    for destination in [
      IPv4Address.limitedBroadcast, IPv4Address(192, 0, 2, 255), IPv4Address(224, 0, 0, 1),
    ] {
      peer.sends(udp(peer, to: destination))
    }
    var fragment = udp(peer)
    fragment.dontFragment = false
    fragment.fragmentOffset = 10
    peer.sends(fragment)
    fragment.protocolNumber = 253
    peer.sends(fragment)
    for source in [IPv4Address(0, 0, 0, 0), IPv4Address(224, 0, 0, 1), .limitedBroadcast] {
      var packet = udp(peer)
      packet.source = source
      packet.completeChecksum(at: 6)
      peer.sends(packet)
    }
    try peer.expectsNothing()
  }

  // ICMP4-6, SYS-37
  @Test func `errors are limited by a bucket, echo replies are not`() throws {
    let peer = ScriptedPeer()
    let packet = udp(peer).encoded()
    for _ in 0..<10 {
      peer.sendsBatch(frames: [Frame](repeating: Frame(packet), count: 1000))
      try peer.advances(by: .milliseconds(100))
    }
    let errors = try peer.takesAll().count
    #expect((1...1100).contains(errors))
    for number: UInt16 in 0..<1000 {
      peer.sends(.echoRequest(identifier: 1, sequence: number, [1]))
    }
    #expect(try peer.takesAll().count == 1000)
  }

  // ICMP4-8, ICMP4-9
  @Test func `a flood of SYNs brings no source quench and no redirect`() throws {
    let peer = ScriptedPeer()
    try peer.appListens(backlog: 8)
    for port: UInt16 in 1...500 { peer.sends(.syn(seq: 99).from(port: port)) }
    #expect(try peer.takesAll(for: .seconds(1)).allSatisfy { $0.icmp == nil })
  }
}
