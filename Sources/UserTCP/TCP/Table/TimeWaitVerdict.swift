// What a segment that finds its connection in TIME-WAIT gets: RFC 9293 §3.10.7.4 for that state, the
// reuse rules of RFC 6191, PAWS and the resets of RFC 1337. A pure function of entry and segment.

enum TimeWaitVerdict: BitwiseCopyable {
  case drop
  /// Answer with the last ACK, if the spacing of such answers allows (TW-3, SEC-8).
  case acknowledge
  /// Answer with the last ACK and wait 2MSL from now (TW-2, TW-6).
  case acknowledgeAndRestart
  /// Forget the entry (TW-4).
  case remove
  /// The SYN may open a new incarnation (TW-7 to TW-11).
  case reopen
}

extension TimeWaitEntry {
  func verdict(on segment: TCPSegment, ignoresReset: Bool) -> TimeWaitVerdict {
    let usesTimestamps = flags.contains(.timestamps)
    if segment.isReset {
      // RFC 1337: a reset from an old duplicate's answer must not end the wait; by default only one at
      // exactly RCV.NXT does (DEC-7).
      return segment.sequence == receiveNext && !ignoresReset ? .remove : .drop
    }
    if segment.isSYN, !segment.hasACK { return mayReopen(for: segment) ? .reopen : .acknowledge }
    if usesTimestamps, let option = segment.options.timestamps,
      TimestampState.isOlder(option.value, than: recentTimestamp)
    {
      return .acknowledgeAndRestart
    }
    guard segment.hasACK else { return .drop }
    if segment.isFIN, segment.sequence + segment.textCount == receiveNext - 1 {
      return .acknowledgeAndRestart  // "the only thing that can arrive in this state"
    }
    // A bare ACK in its place needs no answer; anything else is old, or from someone confused.
    if segment.length == 0, segment.sequence == receiveNext { return .drop }
    return .acknowledge
  }

  /// RFC 6191 §2: a newer timestamp, or a sequence number beyond the peer's FIN, proves that the SYN is
  /// no old duplicate.
  private func mayReopen(for segment: TCPSegment) -> Bool {
    let isBeyondFIN = segment.sequence > receiveNext - 1
    guard let option = segment.options.timestamps else { return isBeyondFIN }  // TW-9, TW-11
    guard flags.contains(.timestamps) else { return true }  // TW-10
    if option.value == recentTimestamp { return isBeyondFIN }  // TW-8
    return !TimestampState.isOlder(option.value, than: recentTimestamp)  // TW-7
  }
}
