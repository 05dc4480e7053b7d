// HyStart++ (RFC 9406): leaves slow start when the round trip grows, before the queue overflows. Rounds are
// counted by sequence numbers; a suspicion is first tested in conservative slow start, which grows a
// quarter as fast, and taken back when the round trip shrinks again.

struct HyStart: BitwiseCopyable {
  private enum Phase: UInt8, BitwiseCopyable { case slowStart, conservative, done }

  private var phase = Phase.slowStart
  private var samples: UInt8 = 0
  private var conservativeRounds: UInt8 = 0
  /// SND.NXT when the round began.
  private var roundEnd: SequenceNumber
  private var lastRoundMinimum = Interval.forever
  private var roundMinimum = Interval.forever
  /// The least round trip when conservative slow start began.
  private var baseline = Interval.forever

  /// The first round begins at `start`. Only the first slow start of a connection is watched (HS-2); the
  /// caller knows whether a loss has been seen.
  init(start: SequenceNumber) { roundEnd = start }

  private static let samplesNeeded: UInt8 = 8
  private static let roundsNeeded: UInt8 = 5
  private static let leastThreshold = Interval.milliseconds(4)
  private static let largestThreshold = Interval.milliseconds(16)

  /// Divides the growth of the window.
  var divisor: UInt32 { phase == .conservative ? 4 : 1 }

  /// An ACK in slow start; true when slow start is over.
  mutating func acknowledged(
    _ acknowledgment: SequenceNumber, next: SequenceNumber, roundTrip: Interval?
  ) -> Bool {
    guard phase != .done else { return false }
    if acknowledgment > roundEnd { beginRound(next) }
    if let roundTrip {
      roundMinimum = min(roundMinimum, roundTrip)
      if samples < .max { samples += 1 }
    }
    guard samples >= Self.samplesNeeded else { return false }
    switch phase {
    case .slowStart:
      guard lastRoundMinimum != .forever, roundMinimum != .forever else { return false }
      let threshold = min(max(lastRoundMinimum / 8, Self.leastThreshold), Self.largestThreshold)
      if roundMinimum >= lastRoundMinimum + threshold {
        baseline = roundMinimum
        phase = .conservative
        conservativeRounds = 0
      }
    case .conservative:
      if roundMinimum < baseline { phase = .slowStart }  // it was only a spike
    case .done: break
    }
    guard phase == .conservative, conservativeRounds >= Self.roundsNeeded else { return false }
    phase = .done
    return true
  }

  private mutating func beginRound(_ next: SequenceNumber) {
    roundEnd = next
    lastRoundMinimum = roundMinimum
    roundMinimum = .forever
    samples = 0
    if phase == .conservative { conservativeRounds += 1 }
  }
}
