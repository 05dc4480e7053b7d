// RACK (RFC 8985): a transmission is lost when one that was sent later has arrived and the time that
// reordering may take has passed. One time for each transmission instead of counting duplicates.

struct RACK: BitwiseCopyable {
  /// Of the transmission that was sent last among those delivered.
  private(set) var sentAt = Instant(nanoseconds: .min)
  private(set) var end: SequenceNumber
  private(set) var roundTrip = Interval.zero
  /// The shortest unambiguous round trip.
  private(set) var minimumRoundTrip = Interval.forever
  /// RACK.fack: one past the highest octet delivered.
  private(set) var highest: SequenceNumber
  /// SND.NXT when a D-SACK last widened the window: once a round trip is enough.
  private var duplicateRound: SequenceNumber
  private(set) var sawReordering = false
  private var isWidened = false
  /// RACK.reo_wnd_mult
  private var multiplier: UInt8 = 1
  /// RACK.reo_wnd_persist: recoveries until the window is narrow again.
  private var persistence: UInt8 = 16

  init(start: SequenceNumber) {
    end = start
    highest = start
    duplicateRound = start
  }

  /// What is known of the path already, from the handshake or from before a pause.
  mutating func begin(roundTrip: Interval?, sawReordering: Bool) {
    if let roundTrip { minimumRoundTrip = min(minimumRoundTrip, roundTrip) }
    self.sawReordering = sawReordering
  }

  /// §6.2 steps 1 to 3: a transmission has arrived. `isEchoOld`: the ACK's timestamp is from before it
  /// was last sent, so it was an earlier copy that arrived.
  mutating func delivered(_ transmission: Transmission, at now: Instant, isEchoOld: Bool) {
    let time = now - transmission.sentAt
    if transmission.flags.contains(.ambiguous) {
      // RACK-2: probably the first copy.
      if isEchoOld || time < minimumRoundTrip { return noteHighest(transmission) }
    } else {
      minimumRoundTrip = min(minimumRoundTrip, time)
      if transmission.end < highest { sawReordering = true }
    }
    noteHighest(transmission)
    if transmission.sentAt == sentAt ? transmission.end > end : transmission.sentAt > sentAt {
      sentAt = transmission.sentAt
      end = transmission.end
      roundTrip = time
    }
  }

  mutating func noteReordering() { sawReordering = true }

  private mutating func noteHighest(_ transmission: Transmission) {
    highest = .latest(highest, transmission.end)
  }

  /// §6.2 step 4: a D-SACK says that a retransmission was in vain; wait longer, once in a round trip.
  mutating func duplicateReported(acknowledged: SequenceNumber, next: SequenceNumber) {
    guard !isWidened || acknowledged >= duplicateRound else { return }
    isWidened = true
    duplicateRound = next
    if multiplier < .max { multiplier += 1 }
    persistence = 16
  }

  mutating func recoveryEnded() {
    if persistence > 0 { persistence -= 1 }
    if persistence == 0 { multiplier = 1 }
  }

  /// RACK.reo_wnd (RACK-4). `isUrgent`: in recovery, or three segments have been SACKed.
  func reorderingWindow(isUrgent: Bool, smoothedRoundTrip: Interval) -> Interval {
    if !sawReordering, isUrgent { return .zero }
    guard minimumRoundTrip != .forever else { return .zero }
    return min(minimumRoundTrip / 4 * Int64(multiplier), max(smoothedRoundTrip, .zero))
  }

  /// Whether `transmission` was sent before the one that has arrived.
  func isSuperseded(_ transmission: Transmission) -> Bool {
    sentAt == transmission.sentAt ? end > transmission.end : sentAt > transmission.sentAt
  }
}
