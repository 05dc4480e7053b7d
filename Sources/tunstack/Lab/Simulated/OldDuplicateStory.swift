// The second reason for TIME_WAIT, in virtual time: a segment of an old connection comes out of the
// network when there is a new connection between the same addresses and ports. The server is the
// real stack; the client is a script, because it must choose its sequence numbers as unluckily as a
// host that has lost its memory. The same run each time.

import UserTCP
import UserTCPSimulation

struct OldDuplicateStory {
  enum Act: CaseIterable {
    /// `tcp_max_tw_buckets=0` and no timestamps.
    case unguarded
    /// TIME_WAIT keeps the pair.
    case timeWait
    /// TIME_WAIT, and the client's new sequence numbers lie above the old ones.
    case higherNumber
    /// No TIME_WAIT, but timestamps.
    case paws

    var title: String {
      switch self {
      case .unguarded: "without TIME_WAIT (tcp_max_tw_buckets=0), without timestamps"
      case .timeWait: "with TIME_WAIT, the same sequence numbers again"
      case .higherNumber: "with TIME_WAIT, new sequence numbers above the old ones"
      case .paws: "without TIME_WAIT, with timestamps (PAWS, RFC 7323)"
      }
    }
  }

  static let payment = "PAY 100 TO EVE"
  /// Octets that the server sends before the client pays. An old segment's acknowledgment must fit too, so
  /// the server's numbers must have moved faster than its ISN clock, 250 a millisecond.
  private static let pageLength = 40_000
  /// The client's numbers in both connections, small enough to follow.
  private static let firstNumber: SequenceNumber = 1000

  let act: Act
  private let peer: ScriptedPeer
  private var packets: PacketLines
  private var told = 0
  private(set) var lines: [String] = []
  /// What the server's program has read, a text for each connection.
  private(set) var read: [String] = []

  init(_ act: Act) {
    self.act = act
    var settings = StackSettings()
    if act == .unguarded || act == .paws { settings.maximumTimeWait = 0 }
    peer = ScriptedPeer(settings: settings)
    peer.stampsSegments = act == .paws
    packets = PacketLines(
      start: peer.now, names: [peer.stackAddress: "server", peer.address: "client"],
      absolute: [peer.address])
  }

  mutating func play() throws {
    say("a connection pays once; the network keeps a copy of the segment")
    var first = try peer.opensConnection(isn: Self.firstNumber)
    first.ack = try sendPage(first.id, seq: first.seq, ack: first.ack)
    let payment = Segment.data(
      seq: first.seq, ack: first.ack, Self.payment,
      options: act == .paws ? [peer.stampNow] : [])
    peer.sends(payment)
    first.seq = payment.end
    readAll(first.id)
    try close(&first)
    try peer.advances(by: .milliseconds(50))
    tell()

    guard let (second, ack) = try reopen(after: first) else {
      say("the new connection does not come about; the copy arrives all the same")
      try deliver(payment)
      say(
        "dropped: TIME_WAIT knows that it is old. The pair is free when \(remainingWait) are over")
      return
    }
    _ = try sendPage(second, seq: number(after: first) + 1, ack: ack)
    say("the copy of the old segment arrives in the new connection")
    try deliver(payment)
    readAll(second)
    let isCorrupt = read.last == Self.payment
    say(
      isCorrupt
        ? "the server has read \"\(Self.payment)\" again: nobody sent it in this connection"
        : "the server has read nothing: \(act == .paws ? "its timestamp is" : "its numbers are") old"
    )
  }

  // MARK: Scenes

  /// The server closes first.
  private mutating func close(_ connection: inout ScriptedConnection) throws {
    peer.appCloses(connection.id)
    connection.ack = connection.ack + 1
    peer.sends(.ack(seq: connection.seq, ack: connection.ack))
    peer.sends(.fin(seq: connection.seq, ack: connection.ack))
    connection.seq = connection.seq + 1
    tell()
    say(
      peer.state == .timeWait
        ? "the server closed first and is in TIME_WAIT"
        : "the server closed first and has forgotten the connection")
  }

  /// The server's page and its acknowledgments, in one line; returns what the client acknowledges.
  private mutating func sendPage(
    _ id: ConnectionID, seq: SequenceNumber, ack: SequenceNumber
  ) throws -> SequenceNumber {
    tell()
    try peer.appWrites(id, count: Self.pageLength)
    let end = ack + Self.pageLength
    for _ in 0..<100 {
      let sent = peer.transcript.packets.last { $0.direction == ">" }?.packet.segment?.end ?? ack
      peer.sends(.ack(seq: seq, ack: sent))
      if sent == end { break }
    }
    told = peer.transcript.packets.count
    say("the server sends \(Self.pageLength) octets, and the client has them all")
    return end
  }

  /// The client's first number in the new connection.
  private func number(after old: ScriptedConnection) -> SequenceNumber {
    act == .higherNumber ? old.seq + 10_000 : Self.firstNumber
  }

  /// A new connection from the same port, and what the client acknowledges in it; `nil` when the
  /// stack does not have it.
  private mutating func reopen(
    after old: ScriptedConnection
  ) throws -> (ConnectionID, SequenceNumber)? {
    let number = number(after: old)
    say("the client opens a new connection from the same port, from number \(number.rawValue)")
    peer.sends(.syn(seq: number))
    tell()
    guard let answer = peer.transcript.packets.last?.packet.segment, answer.flags == [.syn, .ack]
    else { return nil }
    peer.sends(.ack(seq: number + 1, ack: answer.end))
    tell()
    return peer.appAccepts().map { ($0, answer.end) }
  }

  private mutating func deliver(_ old: Segment) throws {
    peer.sends(old)
    try peer.advances(by: .milliseconds(50))
    tell(remark: old)
  }

  private mutating func readAll(_ id: ConnectionID) {
    let octets = (try? peer.appReads(id)) ?? []
    tell()
    read.append(String(decoding: octets, as: UTF8.self))
    if !octets.isEmpty { say("the server's program reads \(PacketLines.quoted(octets))") }
  }

  // MARK: Telling

  private var remainingWait: String {
    let left = peer.snapshot?.timerLeft ?? .zero
    return "\((left.nanoseconds + 500_000_000) / 1_000_000_000) s"
  }

  private mutating func tell(remark old: Segment? = nil) {
    let all = peer.transcript.packets
    for (direction, packet) in all[told...] {
      let isOld = direction == "<" && old != nil && packet.segment?.payload == old?.payload
      lines.append("  " + packets.line(packet, remark: isOld ? "the old copy" : ""))
    }
    told = all.count
  }

  private mutating func say(_ text: String) {
    tell()
    lines.append("  # \(text)")
  }
}
