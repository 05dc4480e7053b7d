// What ACKs and SACK blocks do to the transmissions in flight (RFC 6675 §3, RFC 8985 §6.2), and which of
// them are lost. Sums of octets are kept in the state, so that nobody adds them up.

/// What one ACK newly reports.
struct Delivery: BitwiseCopyable {
  /// Octets that arrived, acknowledged or SACKed for the first time.
  var octets = 0
  /// Of these, by SACK.
  var sacked = 0
  /// From the last transmission that was sent once only.
  var roundTrip: Interval?
  /// Something arrived that was never sent again, from before the recovery point.
  var includesOriginal = false
  /// The ACK says that something was marked: no reason to send more (ECN-4).
  var echoesCongestion = false
  /// Octets that were found to be lost.
  var lost = 0
  /// When the last of them that had been sent again before was sent (CC-12).
  var lostAgainSentAt: Instant?
}

extension ActivityBlock {
  /// Something new goes out, up to `end`.
  mutating func append(upTo end: SequenceNumber, at now: Instant, pool: inout BufferPool) {
    let transmission = Transmission(end: end, deliveredBefore: state.delivered, sentAt: now)
    insert(transmission, at: count, pool: &pool)
  }

  // MARK: ACKs

  /// Everything before `acknowledgment` has arrived.
  mutating func acknowledge(
    _ acknowledgment: SequenceNumber, at now: Instant, echo: EchoedTimestamp?,
    _ delivery: inout Delivery
  ) {
    var whole = 0
    while whole < count, self[whole].end <= acknowledgment {
      take(whole, length: length(of: whole), at: now, echo, &delivery)
      whole += 1
    }
    // A part of a super-segment.
    if whole < count {
      let part = acknowledgment - start(of: whole)
      if part > 0 { take(whole, upTo: acknowledgment, length: part, at: now, echo, &delivery) }
    }
    removeFirst(whole, upTo: .latest(acknowledgment, state.start))
  }

  /// A SACK block that has been found to be possible.
  mutating func sack(
    _ block: SACKBlocks.Block, at now: Instant, echo: EchoedTimestamp?,
    pool: inout BufferPool, _ delivery: inout Delivery
  ) {
    var index = index(behind: block.left)
    while index < count, start(of: index) < block.right {
      if !self[index].isSacked {
        if start(of: index) < block.left {
          split(index, at: block.left, pool: &pool)
          index += 1
        }
        if self[index].end > block.right { split(index, at: block.right, pool: &pool) }
        let length = length(of: index)
        take(index, length: length, at: now, echo, &delivery)
        delivery.sacked += length
        self[index].flags.insert(.sacked)
        state.sacked += UInt32(length)
        index = meltSacked(around: index)
      }
      index += 1
    }
  }

  /// Octets of transmission `index` have arrived: takes them out of the sums and asks what they tell.
  private mutating func take(
    _ index: Int, upTo end: SequenceNumber? = nil, length: Int, at now: Instant,
    _ echo: EchoedTimestamp?, _ delivery: inout Delivery
  ) {
    var transmission = self[index]
    if let end { transmission.end = end }
    if transmission.isSacked {
      state.sacked -= UInt32(length)
      return
    }
    if transmission.flags.contains(.lost) { state.lost -= UInt32(length) }
    if transmission.flags.contains(.resent) { state.resent -= UInt32(length) }
    delivery.octets += length
    state.delivered &+= UInt32(length)
    let isAmbiguous = transmission.flags.contains(.ambiguous)
    if !isAmbiguous {
      delivery.roundTrip = now - transmission.sentAt
      if transmission.end <= state.recoveryPoint { delivery.includesOriginal = true }
      state.rate.sample(
        octets: state.delivered &- transmission.deliveredBefore, over: now - transmission.sentAt)
    }
    state.rack.delivered(
      transmission, at: now, isEchoOld: echo?.isBefore(transmission.sentAt) ?? false)
    if end == nil { self[index].flags.subtract([.lost, .resent]) }
  }

  /// Cuts transmission `index` in two at `sequence`, which lies inside it.
  mutating func split(_ index: Int, at sequence: SequenceNumber, pool: inout BufferPool) {
    var first = self[index]
    first.end = sequence
    insert(first, at: index, pool: &pool)
  }

  /// Neighbours that have both arrived need not be told apart. Returns where `index` is now.
  private mutating func meltSacked(around index: Int) -> Int {
    var index = index
    if index + 1 < count, self[index + 1].isSacked {
      self[index].end = self[index + 1].end
      remove(at: index + 1)
    }
    if index > 0, self[index - 1].isSacked {
      self[index - 1].end = self[index].end
      remove(at: index)
      index -= 1
    }
    return index
  }

  // MARK: Loss

  /// RFC 8985 §6.2 step 5: marks what RACK takes for lost; returns how long to wait until more may be,
  /// `nil` when nothing is in doubt.
  mutating func detectLoss(
    at now: Instant, reorderingWindow window: Interval, _ delivery: inout Delivery
  ) -> Interval? {
    let rack = state.rack
    var wait: Interval?
    for index in 0..<count {
      let transmission = self[index]
      if transmission.isSacked || transmission.isDue { continue }
      guard rack.isSuperseded(transmission) else {
        // Later ones were sent later still, unless something before them was sent again.
        if transmission.flags.contains(.ambiguous) { continue }
        break
      }
      let left = transmission.sentAt + rack.roundTrip + window - now
      if left <= .zero {
        markLost(index, &delivery)
      } else {
        wait = max(wait ?? .zero, left)
      }
    }
    return wait
  }

  mutating func markLost(_ index: Int, _ delivery: inout Delivery) {
    let length = length(of: index)
    if self[index].flags.contains(.resent) {
      self[index].flags.remove(.resent)
      state.resent -= UInt32(length)
      delivery.lostAgainSentAt = max(
        delivery.lostAgainSentAt ?? self[index].sentAt, self[index].sentAt)
    }
    if !self[index].flags.contains(.lost) { state.lost += UInt32(length) }
    self[index].flags.insert(.lost)
    delivery.lost += length
  }

  /// The retransmission timer has expired: the oldest transmission is lost, and whatever has been out
  /// for as long as a round trip takes (RACK-5). SACK marks hold unless the peer has reneged: it would
  /// have acknowledged the oldest (SACK-6).
  /// Returns whether it has reneged.
  mutating func timedOut(at now: Instant, patience: Interval) -> Bool {
    let hasReneged = count > 0 && self[0].isSacked
    if hasReneged { forgetSacks() }
    var delivery = Delivery()
    for index in 0..<count where !self[index].isSacked && !self[index].isDue {
      if index == 0 || self[index].sentAt + patience <= now { markLost(index, &delivery) }
    }
    return hasReneged
  }

  private mutating func forgetSacks() {
    for index in 0..<count { self[index].flags.remove(.sacked) }
    state.sacked = 0
  }

  /// The peer has most likely thrown away what was in flight.
  mutating func assumeAllLost() {
    var delivery = Delivery()
    for index in 0..<count where !self[index].isSacked && !self[index].isDue {
      markLost(index, &delivery)
    }
  }

  /// It was no loss after all: nothing waits to be sent again.
  mutating func forgetLosses() {
    for index in 0..<count where self[index].flags.contains(.lost) {
      self[index].flags.remove(.lost)
      if self[index].flags.contains(.resent) {
        self[index].flags.remove(.resent)
        state.resent -= UInt32(length(of: index))
      }
    }
    state.lost = 0
  }

  // MARK: Sending again

  /// The first transmission that waits to be sent again.
  var firstDue: Int? {
    guard !isEmpty, state.lost > 0 else { return nil }
    for index in 0..<count where self[index].isDue { return index }
    return nil
  }

  /// `count` octets at the beginning of transmission `index` go out again now. A probe does so without
  /// knowing them to be lost.
  mutating func resend(_ index: Int, count octets: Int, at now: Instant, pool: inout BufferPool) {
    let length = length(of: index)
    if octets < length { split(index, at: start(of: index) + octets, pool: &pool) }
    let sent = min(octets, length)
    if !self[index].flags.contains(.resent) { state.resent += UInt32(sent) }
    self[index].flags.insert([.resent, .ambiguous])
    self[index].sentAt = now
    self[index].deliveredBefore = state.delivered
  }
}

/// The timestamp an ACK echoes, on our clock.
struct EchoedTimestamp: BitwiseCopyable {
  var value: UInt32
  var clock: TimestampState

  /// From before what was sent at `instant`.
  func isBefore(_ instant: Instant) -> Bool {
    TimestampState.isOlder(value, than: clock.value(at: instant))
  }
}

extension ActivityBlock {
  /// RFC 6675 §4 IsLost, for when RACK is off (SACK-10): three islands SACKed above it, or more octets
  /// than two segments have.
  mutating func detectLossByCount(segmentSize: Int, _ delivery: inout Delivery) {
    guard state.sacked > 0 else { return }
    var above = Int(state.sacked)
    var islands = 0
    for index in 0..<count where self[index].isSacked { islands += 1 }
    for index in 0..<count {
      guard above > 2 * segmentSize || islands >= 3 else { return }
      if self[index].isSacked {
        above -= length(of: index)
        islands -= 1
      } else if !self[index].flags.contains(.lost) {
        markLost(index, &delivery)
      }
    }
  }
}
