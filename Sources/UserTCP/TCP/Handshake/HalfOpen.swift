// SYN-RECEIVED of a passive open: 64 octets instead of a connection, because anyone can make us hold
// one by sending a single packet. Becomes a `Connection` when its ACK arrives.

struct HalfOpen: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    static let timestamps = Flags(rawValue: 1 << 0)
    static let windowScale = Flags(rawValue: 1 << 1)
    /// Took the place of a TIME-WAIT entry, which is kept until this is established (TW-14).
    static let fromTimeWait = Flags(rawValue: 1 << 2)
    /// Rebuilt from a SYN cookie: never was in the queue, and nothing is known of when its SYN came.
    static let fromCookie = Flags(rawValue: 1 << 3)
    static let sack = Flags(rawValue: 1 << 4)
    /// Its timestamps count from the tuple's offset (SYS-23).
    static let timestampOffset = Flags(rawValue: 1 << 5)
    /// The first SYN-ACK brings a Fast Open cookie.
    static let owesCookie = Flags(rawValue: 1 << 6)
    /// Its SYN asked for ECN (RFC 3168 §6.1.1).
    static let ecn = Flags(rawValue: 1 << 7)
    /// The SYN came again and asked no more: "SHOULD NOT set ECT on data packets".
    static let sawPlainSYN = Flags(rawValue: 1 << 8)
    /// It asked for the accurate form (RFC 9768).
    static let accurateECN = Flags(rawValue: 1 << 9)
    private static let codepoint = Flags(rawValue: 3 << 10)

    /// With which the SYN came; the SYN-ACK of accurate ECN tells it.
    var codepoint: ECNCodepoint {
      get { ECNCodepoint(typeOfService: UInt8(rawValue >> 10 & 3)) }
      set { self = subtracting(.codepoint).union(Flags(rawValue: UInt16(newValue.rawValue) << 10)) }
    }
  }

  var key: ConnectionKey
  /// IRS
  var remoteInitial: SequenceNumber
  /// ISS
  var initial: SequenceNumber
  var recentTimestamp: UInt32
  /// When the first SYN-ACK was sent, in milliseconds of the engine's clock.
  var firstSent: UInt32
  /// When an invalid segment was last answered, on the same clock; 0: not yet.
  var lastInvalidReply: UInt32 = 0
  var deadline: Instant
  var listener: ListenerID
  /// 0: not announced.
  var remoteSegmentSize: UInt16
  /// Of the SYN, never scaled.
  var remoteWindow: UInt16
  var windowShifts: WindowShifts
  /// Of the listener's options.
  var dscp: UInt8
  var timeToLive: UInt8
  var retransmissions: UInt8
  var flags: Flags
  /// What the SYN-ACK offers, never scaled.
  var window: UInt16
  /// RFC 5482, as they came and as they go; 0: not.
  var remoteUserTimeout: UInt16 = 0
  var userTimeout: UInt16 = 0

  /// The only numbers there are before the handshake is done.
  var sendNext: SequenceNumber { initial + 1 }
  var receiveNext: SequenceNumber { remoteInitial + 1 }

  /// <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
  func synAck(_ context: borrowing TCPContext, isRetransmission: Bool = false) -> TCPHeader {
    var options = TCPOptions.none
    options.maximumSegmentSize = context.announcedSegmentSize
    options.timestamps = timestamps(context)
    options.permitsSACK = flags.contains(.sack)
    if flags.contains(.windowScale) {
      options.windowShift = windowShifts.own
    }
    // A SYN-ACK that is repeated is plain: the first may have been dropped for its cookie (RFC 7413 §4.2.1).
    if flags.contains(.owesCookie), !isRetransmission {
      options.fastOpen = .cookie(context.fastOpenCookie(for: key))
    }
    if userTimeout != 0 { options.userTimeout = UserTimeoutOption(rawValue: userTimeout) }
    var control: TCPFlags = [.syn, .ack]
    if flags.contains(.accurateECN) {
      control.formUnion(TCPFlags(handshakeCodepoint: flags.codepoint))
    } else if flags.contains(.ecn) {
      control.insert(.ece)
    }
    return TCPHeader(
      flags: control, sequence: initial, acknowledgment: receiveNext, window: window,
      options: options)
  }

  /// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
  func acknowledgment(_ context: borrowing TCPContext) -> TCPHeader {
    var options = TCPOptions.none
    options.timestamps = timestamps(context)
    let shift = flags.contains(.windowScale) ? windowShifts.own : 0
    var control = TCPFlags.ack
    if flags.contains(.accurateECN) {
      control.formUnion(TCPFlags(congestionCount: ECNState.initialCount))
    }
    return TCPHeader(
      flags: control, sequence: sendNext, acknowledgment: receiveNext,
      window: window >> UInt16(shift), options: options)
  }

  func reply(_ header: TCPHeader) -> Reply {
    Reply(key: key, header: header, typeOfService: dscp << 2, timeToLive: timeToLive)
  }

  private func timestamps(_ context: borrowing TCPContext) -> TCPOptions.Timestamps? {
    guard flags.contains(.timestamps) else { return nil }
    return TCPOptions.Timestamps(
      value: timestampClock(context).value(at: context.now), echo: recentTimestamp)
  }

  /// As it was when the SYN came, whatever the settings say now.
  func timestampClock(_ context: borrowing TCPContext) -> TimestampState {
    context.secrets.timestampClock(key, hasOffset: flags.contains(.timestampOffset))
  }
}

/// Both ends' window shifts in one octet; neither is above 14 (TS-3).
struct WindowShifts: BitwiseCopyable {
  private var bits: UInt8

  init(remote: UInt8, own: UInt8) { bits = min(remote, 14) << 4 | min(own, 14) }

  /// Of the SYN.
  var remote: UInt8 {
    get { bits >> 4 }
    set { self = WindowShifts(remote: newValue, own: own) }
  }
  /// As offered on the SYN-ACK, for the life of the connection.
  var own: UInt8 { bits & 0xF }
}
