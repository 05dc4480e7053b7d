// Scripts in which more than one remote host speaks, and handshakes that stop half way.

import Testing
import UserTCP
import UserTCPSimulation

extension ScriptedPeer {
  /// A segment from another host than the peer; ports that it leaves out are the peer's.
  func sends(_ segment: Segment, from host: IPv4Address) {
    var segment = segment
    if segment.sourcePort == nil { segment.sourcePort = port }
    if segment.destinationPort == nil { segment.destinationPort = stackPort }
    sends(segment.packet(from: host, to: stackAddress))
  }

  /// A SYN from each port, each of them answered, none of them acknowledged.
  @discardableResult func opensHalf(
    ports: ClosedRange<UInt16>, from host: IPv4Address? = nil
  ) throws -> [Segment] {
    var answers: [Segment] = []
    for port in ports {
      sends(.syn(seq: 100).from(port: port), from: host ?? address)
      answers.append(try expectsAtOnce(.synAck(ack: 101)))
    }
    return answers
  }

  /// Whole handshakes that nobody accepts.
  func completesHandshakes(ports: ClosedRange<UInt16>, from host: IPv4Address? = nil) throws {
    for port in ports {
      let answer = try opensHalf(ports: port...port, from: host)[0]
      sends(.ack(seq: 101, ack: answer.end).from(port: port), from: host ?? address)
    }
  }

  /// A listening stack in quiet, with this mode of SYN cookies.
  static func listening(
    _ mode: SYNCookieMode, secret: StackSecret = StackSecret(0x0123, 0x4567, 0x89AB, 0xCDEF)
  ) throws -> ScriptedPeer {
    let peer = ScriptedPeer(settings: .changed { $0.synCookies = mode }, secret: secret)
    try peer.appListens()
    return peer
  }

  /// A SYN that must be answered without being remembered; the answer.
  func takesCookie(
    isn: SequenceNumber = 99, options: [SegmentOption] = [.maximumSegmentSize(1460)]
  ) throws -> Segment {
    let entries = stack.halfOpenCount
    let cookies = stack.counters.tcp.synCookiesSent
    sends(.syn(seq: isn, options: options))
    let answer = try expectsAtOnce(.synAck(ack: isn + 1))
    try requires(stack.halfOpenCount == entries, "a SYN with a cookie left an entry")
    try requires(stack.counters.tcp.synCookiesSent == cookies + 1, "no cookie was counted")
    return answer
  }
}

extension StackSettings {
  /// The defaults with changes, for one line in a test.
  static func changed(
    _ profile: Profile = .linux, _ change: (inout StackSettings) -> Void
  ) -> StackSettings {
    var settings = StackSettings(profile: profile)
    change(&settings)
    return settings
  }
}
