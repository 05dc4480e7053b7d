// TIME-WAIT in 36 octets: what must be known to acknowledge a repeated FIN, to refuse old segments
// and to judge a new SYN (TW-16), and nothing else. The timestamp offset follows from the key.

struct TimeWaitEntry: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    static let timestamps = Flags(rawValue: 1 << 4)
    /// Its timestamps count from the tuple's offset (SYS-23).
    static let timestampOffset = Flags(rawValue: 1 << 5)
    /// Is here for 3.5 RTO only (`tcp_tw_recycle`).
    static let recycled = Flags(rawValue: 1 << 6)
  }

  let key: ConnectionKey  // 12
  let sendNext: SequenceNumber  // 4
  /// One past the peer's FIN.
  let receiveNext: SequenceNumber  // 4
  var recentTimestamp: UInt32  // 4
  /// 24 bits of deadline and 8 bits of the last reply, both in sixteenths of a second.
  private var times: UInt32  // 4
  /// As last sent, scaled.
  let window: UInt16  // 2
  /// The receive shift in the low four bits, `Flags` above.
  private var shiftAndFlags: UInt8  // 1
  /// The codepoint in the low six bits, `lengthCode` above.
  private var dscpAndLength: UInt8  // 1
  /// The table's hash chain.
  var nextInChain: UInt32 = .max  // 4

  static let ticksPerSecond: Int64 = 16
  static let deadlineMask: UInt32 = 0x00FF_FFFF

  init(
    key: ConnectionKey, sendNext: SequenceNumber, receiveNext: SequenceNumber, window: UInt16,
    windowShift: UInt8, timestamps: TimestampState, dscp: UInt8
  ) {
    self.key = key
    self.sendNext = sendNext
    self.receiveNext = receiveNext
    self.window = window
    dscpAndLength = dscp & 0x3F
    recentTimestamp = timestamps.recent
    times = 0
    shiftAndFlags = windowShift & 0x0F
    if timestamps.isEnabled { flags.insert(.timestamps) }
    if timestamps.offset != 0 { flags.insert(.timestampOffset) }
  }

  var flags: Flags {
    get { Flags(rawValue: shiftAndFlags & 0xF0) }
    set { shiftAndFlags = shiftAndFlags & 0x0F | newValue.rawValue }
  }

  var dscp: UInt8 { dscpAndLength & 0x3F }

  /// Which of the table's lengths its wait has, so that how long it has lasted can be told.
  var lengthCode: UInt8 {
    get { dscpAndLength >> 6 }
    set { dscpAndLength = dscpAndLength & 0x3F | newValue << 6 }
  }

  /// The ISS of the connection that takes its place: beyond any number that may still be under way, as
  /// Linux has it.
  var successorInitial: SequenceNumber { sendNext + 65_537 }

  /// A bare ACK in its place may bring a newer timestamp, as on a connection that lives (TS-10).
  mutating func learnTimestamp(of segment: TCPSegment) {
    guard flags.contains(.timestamps), segment.hasACK, !segment.isSYN, !segment.isReset,
      segment.sequence == receiveNext, let option = segment.options.timestamps,
      !TimestampState.isOlder(option.value, than: recentTimestamp)
    else { return }
    recentTimestamp = option.value
  }

  /// The deadline's tick, modulo 2^24.
  var deadlineTick: UInt32 {
    get { times & Self.deadlineMask }
    set { times = times & ~Self.deadlineMask | newValue & Self.deadlineMask }
  }

  /// Ticks from `now` to the deadline, negative once it has passed.
  func ticksLeft(at now: Int64) -> Int32 {
    let distance = (deadlineTick &- UInt32(truncatingIfNeeded: now)) & Self.deadlineMask
    return Int32(bitPattern: distance << 8) >> 8
  }

  /// Whether the last reply is at least `ticks` ago; 0 stands for "never", modulo 16 s for the rest.
  func mayReply(at now: Int64, spacing ticks: Int64) -> Bool {
    let last = UInt8(truncatingIfNeeded: times >> 24)
    guard last != 0 else { return true }
    return Int64(UInt8(truncatingIfNeeded: now) &- last) >= ticks
  }

  mutating func replied(at now: Int64) {
    // 0 means "never"; the tick before it is as good.
    let tick = UInt8(truncatingIfNeeded: now)
    let stamp = tick == 0 ? UInt8.max : tick
    times = times & Self.deadlineMask | UInt32(stamp) << 24
  }

  /// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> with the window as it was last sent (TW-3).
  func acknowledgment(timestampValue: UInt32) -> TCPHeader {
    var options = TCPOptions.none
    if flags.contains(.timestamps) {
      options.timestamps = TCPOptions.Timestamps(value: timestampValue, echo: recentTimestamp)
    }
    return TCPHeader(
      flags: .ack, sequence: sendNext, acknowledgment: receiveNext, window: window,
      options: options)
  }
}
