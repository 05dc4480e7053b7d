// Steps that many scripts begin with, on top of the peer's own vocabulary.

import Testing
import UserTCP
import UserTCPSimulation

extension ScriptedPeer {
  /// The stack's program opens a connection; the peer takes its SYN and speaks to its port from now on.
  func takesSYNOfProgram() throws -> (id: ConnectionID, syn: Segment) {
    let id = try appConnects()
    let syn = try expectsAtOnce(.syn())
    stackPort = try #require(syn.sourcePort)
    return (id, syn)
  }

  /// Leads an established connection to a later state; `connection` is kept up to date.
  func reaches(_ state: TCPState, _ connection: inout ScriptedConnection) throws {
    switch state {
    case .established: break
    case .finWait1, .finWait2, .closing, .timeWait:
      try appFinishes(connection.id)
      try expectsAtOnce(.fin(seq: connection.ack, ack: connection.seq))
      connection.ack = connection.ack + 1
      if state == .finWait2 || state == .timeWait {
        sends(.ack(seq: connection.seq, ack: connection.ack, options: stamp(connection)))
      }
      if state == .closing || state == .timeWait {
        // Crossing FINs do not acknowledge each other.
        let ack = state == .closing ? connection.ack - 1 : connection.ack
        sends(.fin(seq: connection.seq, ack: ack, options: stamp(connection)))
        connection.seq = connection.seq + 1
        try expectsAtOnce(.ack(seq: connection.ack, ack: connection.seq))
      }
    case .closeWait, .lastAck:
      sends(.fin(seq: connection.seq, ack: connection.ack, options: stamp(connection)))
      connection.seq = connection.seq + 1
      try expectsAtOnce(.ack(seq: connection.ack, ack: connection.seq))
      if state == .lastAck {
        try appFinishes(connection.id)
        try expectsAtOnce(.fin(seq: connection.ack, ack: connection.seq))
        connection.ack = connection.ack + 1
      }
    case .synSent, .synReceived, .closed, .listen:
      throw failure("\(state) does not come after ESTABLISHED")
    }
    try requires(self.state == state, "expected \(state), the state is \(self.state)")
  }

  /// Sends text until the window that the stack advertises is zero.
  func fillsReceiveWindow(_ connection: inout ScriptedConnection) throws {
    var window = Int(connection.stackSYN.window)
    var rounds = 0
    while window > 0 {
      let count = min(window, 1460)
      sends(
        .data(
          seq: connection.seq, ack: connection.ack,
          Self.pattern(count, from: rounds * 1460), options: stamp(connection)))
      connection.seq += count
      let answers = try takesSegments(for: .milliseconds(500))
      try requires(answers.last?.ack == connection.seq, "text inside the window was not taken")
      window = Int(answers.last?.window ?? 0) << connection.stackShift
      rounds += 1
      try requires(rounds < 10_000, "the window never closes")
    }
  }

  /// Acknowledges whatever the stack sends until it has sent `count` octets more, in the peer's
  /// order, and returns them.
  func acknowledges(
    _ connection: inout ScriptedConnection, count: Int, window: UInt16 = 65_535,
    for time: Interval = .seconds(10)
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let limit = now + time
    while bytes.count < count, now < limit {
      let segments = try takesSegments(for: .milliseconds(1))
      for segment in segments where segment.seq == connection.ack && !segment.payload.isEmpty {
        bytes += segment.payload
        connection.ack += segment.payload.count
        sends(
          .ack(
            seq: connection.seq, ack: connection.ack, window: window, options: stamp(connection)))
      }
    }
    try requires(bytes.count >= count, "\(bytes.count) of \(count) octets came")
    return bytes
  }

  func stamp(_ connection: ScriptedConnection) -> [SegmentOption] {
    connection.usesTimestamps ? [stampNow] : []
  }
}

extension StackSettings {
  /// Every acknowledgment that may be delayed is, from the first segment on.
  static func withoutQuickAcknowledgments(_ profile: Profile = .linux) -> StackSettings {
    var settings = StackSettings(profile: profile)
    settings.quickAcknowledgments = 0
    return settings
  }

  /// Buffers do not grow, the receive window is `bytes`.
  static func withReceiveBuffer(_ bytes: Int) -> StackSettings {
    var settings = StackSettings()
    settings.receiveBuffer = bytes
    settings.maximumReceiveBuffer = bytes
    return settings
  }
}
