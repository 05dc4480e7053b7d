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

/// The timestamp an ACK echoes, on our clock.
struct EchoedTimestamp: BitwiseCopyable {
  let value: UInt32
  let clock: TimestampState

  /// `nil` where there is none, or none that can be true.
  init?(_ segment: TCPSegment, clock: TimestampState, at now: Instant) {
    guard let echo = segment.options.timestamps?.echo, clock.age(of: echo, at: now) != nil else {
      return nil
    }
    value = echo
    self.clock = clock
  }

  /// From before what was sent at `instant`.
  func isBefore(_ instant: Instant) -> Bool {
    TimestampState.isOlder(value, than: clock.value(at: instant))
  }
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

  /// A SACK block that has been found to be possible. What it echoes tells nothing: a segment out of order
  /// brings back the timestamp of the last one in order.
  mutating func sack(
    _ block: SACKBlocks.Block, at now: Instant, pool: inout BufferPool,
    _ delivery: inout Delivery
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
        take(index, length: length, at: now, nil, &delivery)
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
    excuseNoMore(index, length: length)
    if transmission.isDue { state.due -= UInt32(length) }
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
    if end == nil { self[index].flags.subtract([.lost, .resent, .oversized]) }
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

  /// RFC 6675 §4 IsLost, for when RACK is off (SACK-10): `threshold` islands SACKed above it, or more octets
  /// than one segment less has.
  mutating func detectLossByCount(
    segmentSize: Int, threshold: Int, _ delivery: inout Delivery
  ) {
    guard state.sacked > 0 else { return }
    var above = Int(state.sacked)
    var islands = 0
    for index in 0..<count where self[index].isSacked { islands += 1 }
    for index in 0..<count {
      guard above > (threshold - 1) * segmentSize || islands >= threshold else { return }
      if self[index].isSacked {
        above -= length(of: index)
        islands -= 1
      } else if !self[index].flags.contains(.lost) {
        if self[index].flags.contains(.resent) {
          // Sent again before anybody knew: that copy is on its way.
          self[index].flags.insert(.lost)
          state.lost += UInt32(length(of: index))
        } else {
          markLost(index, &delivery)
        }
      }
    }
  }

  /// What did not wait to be sent again does now.
  mutating func markLost(_ index: Int, _ delivery: inout Delivery) {
    let length = length(of: index)
    if self[index].flags.contains(.resent) {
      excuseNoMore(index, length: length)
      self[index].flags.subtract([.resent, .oversized])
      state.resent -= UInt32(length)
      delivery.lostAgainSentAt = max(
        delivery.lostAgainSentAt ?? self[index].sentAt, self[index].sentAt)
    }
    if !self[index].flags.contains(.lost) { state.lost += UInt32(length) }
    self[index].flags.insert(.lost)
    state.dueFrom = state.due == 0 ? start(of: index) : .earliest(state.dueFrom, start(of: index))
    state.due += UInt32(length)
    delivery.lost += length
  }

  /// The retransmission timer has expired: the oldest transmission is lost, and whatever has been out
  /// for as long as a round trip takes (RACK-5). SACK marks hold unless the peer has reneged: it would
  /// have acknowledged the oldest (SACK-6).
  /// Returns whether it has reneged.
  mutating func timedOut(at now: Instant, patience: Interval) -> Bool {
    let hasReneged = hasReneged
    if hasReneged { forgetSacks() }
    markLost { $0 == 0 || $1.sentAt + patience <= now }
    return hasReneged
  }

  /// The oldest has been SACKed and not acknowledged.
  var hasReneged: Bool { count > 0 && self[0].isSacked }

  private mutating func forgetSacks() {
    for index in 0..<count { self[index].flags.remove(.sacked) }
    state.sacked = 0
  }

  /// The peer has most likely thrown away what was in flight.
  mutating func assumeAllLost() {
    markLost { _, _ in true }
  }

  /// Of what has not arrived and does not wait to be sent again already.
  private mutating func markLost(where isLost: (Int, Transmission) -> Bool) {
    var delivery = Delivery()
    for index in 0..<count where !self[index].isSacked && !self[index].isDue {
      if isLost(index, self[index]) { markLost(index, &delivery) }
    }
  }

  /// It was no loss after all: nothing waits to be sent again but what was too large.
  mutating func forgetLosses() {
    for index in 0..<count
    where self[index].flags.intersection([.lost, .oversized]) == .lost {
      if self[index].isDue { state.due -= UInt32(length(of: index)) }
      self[index].flags.remove(.lost)
      if self[index].flags.contains(.resent) {
        self[index].flags.remove(.resent)
        state.resent -= UInt32(length(of: index))
      }
    }
    state.lost = state.oversized
  }

  // MARK: Sending again

  /// The first transmission that waits to be sent again. The next search goes on from there.
  mutating func firstDue() -> Int? {
    guard !isEmpty, state.due > 0 else { return nil }
    for index in index(behind: state.dueFrom)..<count where self[index].isDue {
      state.dueFrom = start(of: index)
      return index
    }
    return nil
  }

  /// The first transmission below `sequence` about which nothing is known (RFC 6675 §4 NextSeg rule 3).
  func firstUnsackedBelow(_ sequence: SequenceNumber) -> Int? {
    for index in 0..<count where self[index].end <= sequence {
      if self[index].flags.isDisjoint(with: [.sacked, .lost, .resent]) { return index }
    }
    return nil
  }

  /// `count` octets at the beginning of transmission `index` go out again now. A probe does so without
  /// knowing them to be lost.
  mutating func resend(_ index: Int, count octets: Int, at now: Instant, pool: inout BufferPool) {
    let length = length(of: index)
    if octets < length { split(index, at: start(of: index) + octets, pool: &pool) }
    let sent = min(octets, length)
    if !self[index].flags.contains(.resent) { state.resent += UInt32(sent) }
    if self[index].isDue { state.due -= UInt32(sent) }
    self[index].flags.insert([.resent, .ambiguous])
    self[index].sentAt = now
    self[index].deliveredBefore = state.delivered
  }
}
