// Whole handshakes and teardowns for scripts that are about something else. Each step is an
// expectation, so a broken handshake fails there.

import UserTCP

/// A connection as the peer sees it.
public struct ScriptedConnection: Sendable {
  public var id: ConnectionID
  /// What the peer sends next: the stack's RCV.NXT.
  public var seq: SequenceNumber
  /// What the peer acknowledges: the stack's SND.NXT.
  public var ack: SequenceNumber
  /// The stack's SYN or SYN-ACK.
  public var stackSYN: Segment
  /// How far the stack's window field is shifted, and the peer's.
  public var stackShift = 0
  public var peerShift = 0
  /// Both SYNs had timestamps.
  public var usesTimestamps = false

  /// The stack's initial sequence number.
  public var iss: SequenceNumber { stackSYN.seq }
}

extension ScriptedPeer {
  /// The peer opens, asking for ECN if it is to, the stack listens (on `stackPort`, from the first call on); the peer's ACK
  /// comes `roundTrip` after the SYN-ACK.
  public func opensConnection(
    isn: SequenceNumber = 99, window: UInt16 = 65_535, roundTrip: Interval = .zero,
    options: [SegmentOption] = [.maximumSegmentSize(1460)], withECN: Bool = false,
    connectionOptions: ConnectionOptions = ConnectionOptions(),
    file: StaticString = #fileID, line: UInt = #line
  ) throws -> ScriptedConnection {
    if listener == nil { try appListens(options: connectionOptions) }
    sends(
      .syn(seq: isn, window: window, options: options).adding(withECN ? [.ece, .cwr] : []))
    let answer = try expectsAtOnce(
      .synAck(ack: isn + 1).with(withECN ? .ece : []), file: file, line: line)
    let connection = connectionState(isn: isn, options: options, stackSYN: answer)
    if roundTrip > .zero { try expectsNothing(for: roundTrip, file: file, line: line) }
    sends(.ack(seq: isn + 1, ack: answer.end, window: window, options: stamp(options)))
    guard let id = appAccepts() else { throw failure("nothing to accept", file, line) }
    return connection(id)
  }

  /// The stack opens, the peer answers.
  public func answersConnection(
    isn: SequenceNumber = 99, window: UInt16 = 65_535,
    options: [SegmentOption] = [.maximumSegmentSize(1460)], withECN: Bool = false,
    connectionOptions: ConnectionOptions = ConnectionOptions(),
    file: StaticString = #fileID, line: UInt = #line
  ) throws -> ScriptedConnection {
    let id = try appConnects(options: connectionOptions)
    let syn = try expectsAtOnce(.syn().with(withECN ? [.ece, .cwr] : []), file: file, line: line)
    stackPort = syn.sourcePort ?? 0
    latestTimestamp = syn.timestamps?.value ?? 0
    sends(
      .synAck(seq: isn, ack: syn.end, window: window, options: echo(options))
        .adding(withECN ? .ece : []))
    try expectsAtOnce(.ack(seq: syn.end, ack: isn + 1), file: file, line: line)
    _ = takeEvents(id)
    return connectionState(isn: isn, options: options, stackSYN: syn)(id)
  }

  /// The stack's FIN first, then the peer's: afterwards the stack is in TIME-WAIT.
  public func closesAfterStack(
    _ connection: inout ScriptedConnection, file: StaticString = #fileID, line: UInt = #line
  ) throws {
    appCloses(connection.id)
    let fin = try expects(.fin(seq: connection.ack), file: file, line: line)
    connection.ack = fin.end
    sends(.ack(seq: connection.seq, ack: connection.ack, options: stampIfUsed(connection)))
    sends(.fin(seq: connection.seq, ack: connection.ack, options: stampIfUsed(connection)))
    connection.seq = connection.seq + 1
    try expectsAtOnce(.ack(seq: connection.ack, ack: connection.seq), file: file, line: line)
    try requires(state == .timeWait, "expected TIME-WAIT, got \(state)", file: file, line: line)
  }

  func stampIfUsed(_ connection: ScriptedConnection) -> [SegmentOption] {
    connection.usesTimestamps ? [stampNow] : []
  }

  /// Value from the virtual clock in milliseconds, echo of the last received.
  public var stampNow: SegmentOption {
    .timestamps(UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000), latestTimestamp)
  }

  private func stamp(_ synOptions: [SegmentOption]) -> [SegmentOption] {
    for case .timestamps(let value, _) in synOptions {
      return [.timestamps(value, latestTimestamp)]
    }
    return []
  }

  private func echo(_ options: [SegmentOption]) -> [SegmentOption] {
    options.map {
      if case .timestamps(let value, _) = $0 { .timestamps(value, latestTimestamp) } else { $0 }
    }
  }

  private func connectionState(
    isn: SequenceNumber, options: [SegmentOption], stackSYN: Segment
  ) -> (ConnectionID) -> ScriptedConnection {
    let peerSYN = Segment.syn(seq: isn, options: options)
    return { id in
      var connection = ScriptedConnection(
        id: id, seq: isn + 1, ack: stackSYN.end, stackSYN: stackSYN)
      if let stackShift = stackSYN.windowScale, let peerShift = peerSYN.windowScale {
        connection.stackShift = stackShift
        connection.peerShift = min(14, peerShift)
      }
      connection.usesTimestamps = stackSYN.timestamps != nil && peerSYN.timestamps != nil
      return connection
    }
  }
}
