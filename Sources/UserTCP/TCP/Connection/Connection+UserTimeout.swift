// The user timeout that both ends tell each other (RFC 5482): when the option goes out, and what is adopted of
// one that comes in. Off unless the operator says how long a peer may make us wait. A timeout that the
// program has set is never changed by a peer; a connection without a program waits for nobody's.

extension UserTimeoutOption {
  /// RFC 5482 §3.1, L_LIMIT: no peer makes us give up before R2's least (RFC 9293 §3.8.3, SHLD-11).
  static let lowerLimit = Interval.seconds(100)
  static let encodedCount = 4

  /// ADV_UTO of a connection with these options; `nil` while the option is off.
  init?(of options: ConnectionOptions, _ settings: borrowing StackSettings) {
    guard settings.userTimeoutLimit > .zero else { return nil }
    self.init(options.userTimeout ?? settings.giveUpInterval)
  }
}

extension Connection {
  /// How long what is unanswered is repeated, if the program or the peer has said so.
  func userTimeout(_ settings: borrowing StackSettings) -> Interval? {
    if let chosen = options.userTimeout { return chosen }  // CHANGEABLE is false
    return remoteUserTimeout == 0 || flags.contains(.isReleased) ? nil : adoptedTimeout(settings)
  }

  /// RFC 5482 §3.1: USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)); UTO-1.
  private func adoptedTimeout(_ settings: borrowing StackSettings) -> Interval? {
    guard settings.userTimeoutLimit > .zero else { return nil }
    let remote = UserTimeoutOption(rawValue: remoteUserTimeout).interval
    // "L_LIMIT … MUST be larger than the current RTO".
    let current = roundTrip.timeout(maximum: settings.maximumRetransmissionTimeout)
    let lower = max(UserTimeoutOption.lowerLimit, current + TimerWheel.tick)
    return min(settings.userTimeoutLimit, max(settings.giveUpInterval, max(remote, lower)))
  }

  /// REMOTE_UTO, from a SYN or any acceptable segment; the last one counts.
  mutating func userTimeoutArrives(_ option: UserTimeoutOption, _ context: inout TCPContext) {
    guard context.settings.userTimeoutLimit > .zero else { return }
    guard !option.isReserved else {
      context.counters.userTimeoutsRefused += 1
      return
    }
    context.counters.userTimeoutsReceived += 1
    remoteUserTimeout = option.rawValue
  }

  /// "SHOULD include a UTO option in the first packet that does not have the SYN flag set", and "in the next
  /// possible segment" when the timeout has changed.
  mutating func advertiseUserTimeout(_ settings: borrowing StackSettings) {
    guard settings.userTimeoutLimit > .zero else { return }
    flags.insert([.owesUserTimeout, .isOutputDue])
  }

  /// What goes onto the segment that is being made, if anything is owed.
  mutating func takeUserTimeout(_ settings: borrowing StackSettings) -> UserTimeoutOption? {
    guard flags.contains(.owesUserTimeout) else { return nil }
    flags.remove(.owesUserTimeout)
    return UserTimeoutOption(of: options, settings)
  }
}
