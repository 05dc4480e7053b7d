// Segments that meet their connection in TIME-WAIT: the entry says what it makes of them
// (`TimeWaitVerdict`), here it is done.

extension ProtocolStack {
  mutating func arrivesInTimeWait(
    _ segment: TCPSegment, for key: ConnectionKey, at place: UInt32, _ hash: UInt32
  ) {
    let verdict = timeWait[place].verdict(
      on: segment, ignoresReset: context.settings.ignoresResetInTimeWait)
    timeWait[place].learnTimestamp(of: segment)
    // SYS-7: in Linux whatever acknowledges begins the wait anew.
    if context.settings.restartsTimeWaitFreely, segment.hasACK, !segment.isReset {
      restartTimeWait(place)
    }
    switch verdict {
    case .drop: break
    case .acknowledge: acknowledgeInTimeWait(place)
    case .acknowledgeAndRestart:
      restartTimeWait(place)
      // As elsewhere, what occupies sequence numbers is always answered (SEC-8).
      acknowledgeInTimeWait(place, spaced: segment.length == 0)
    case .remove:
      context.counters.timeWaitKilled += 1
      timeWait.remove(place)
    case .reopen:
      guard let listener = listeners.find(key.localPort, key.local.address) else {
        return acknowledgeInTimeWait(place)
      }
      // Its text is not taken: until the handshake is done the old incarnation may come back (TW-14).
      synArrives(segment, RawSpan(), for: key, at: listener, hash, replacing: place)
    }
  }

  private mutating func restartTimeWait(_ place: UInt32) {
    timeWait.restart(place, at: context.now, for: context.settings.timeWaitInterval)
  }

  private mutating func acknowledgeInTimeWait(_ place: UInt32, spaced: Bool = true) {
    let now = TimeWaitTable.tick(of: context.now)
    let spacing =
      context.settings.invalidReplyInterval.nanoseconds * TimeWaitEntry.ticksPerSecond
      / 1_000_000_000
    guard !spaced || timeWait[place].mayReply(at: now, spacing: spacing) else {
      context.counters.skippedReplies.inTimeWait += 1
      return
    }
    timeWait[place].replied(at: now)
    let key = timeWait[place].key
    let clock = context.secrets.timestampClock(
      key, hasOffset: timeWait[place].flags.contains(.timestampOffset))
    let header = timeWait[place].acknowledgment(timestampValue: clock.value(at: context.now))
    context.replies.append(
      Reply(key: key, header: header, typeOfService: timeWait[place].dscp << 2),
      &context.counters)
  }
}
