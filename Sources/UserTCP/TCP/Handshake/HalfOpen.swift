// SYN-RECEIVED of a passive open: 64 octets instead of a connection, because anyone can make us hold
// one by sending a single packet. Becomes a `Connection` when its ACK arrives.

struct HalfOpen: BitwiseCopyable {
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    static let timestamps = Flags(rawValue: 1 << 0)
    static let windowScale = Flags(rawValue: 1 << 1)
    /// Took the place of a TIME-WAIT entry, which is kept until this is established (TW-14).
    static let fromTimeWait = Flags(rawValue: 1 << 2)
    /// Its ACK came while the accept queue was full (SEC-22).
    static let isAcknowledged = Flags(rawValue: 1 << 3)
  }

  var key: ConnectionKey
  /// IRS
  var remoteInitial: SequenceNumber
  /// ISS
  var initial: SequenceNumber
  var recentTimestamp: UInt32
  /// When the first SYN-ACK was sent, in milliseconds of the engine's clock.
  var firstSent: UInt32
  var deadline: Instant
  var lastInvalidReply: Instant
  var listener: ListenerID
  /// 0: not announced.
  var remoteSegmentSize: UInt16
  /// Of the SYN, never scaled.
  var remoteWindow: UInt16
  var remoteWindowShift: UInt8
  var retransmissions: UInt8
  var flags: Flags

  /// The only numbers there are before the handshake is done.
  var sendNext: SequenceNumber { initial + 1 }
  var receiveNext: SequenceNumber { remoteInitial + 1 }

  /// The window that the SYN-ACK offered.
  static func window(_ settings: borrowing StackSettings) -> Int {
    min(settings.receiveBuffer, Int(UInt16.max))
  }

  /// <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
  func synAck(_ context: borrowing TCPContext) -> TCPHeader {
    var options = TCPOptions.none
    options.maximumSegmentSize = context.announcedSegmentSize
    options.timestamps = timestamps(context)
    if flags.contains(.windowScale) {
      options.windowShift = ReceiveSide.windowShift(for: context.settings.maximumReceiveBuffer)
    }
    return TCPHeader(
      flags: [.syn, .ack], sequence: initial, acknowledgment: receiveNext,
      window: UInt16(Self.window(context.settings)), options: options)
  }

  /// <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
  func acknowledgment(_ context: borrowing TCPContext) -> TCPHeader {
    var options = TCPOptions.none
    options.timestamps = timestamps(context)
    let shift =
      flags.contains(.windowScale)
      ? ReceiveSide.windowShift(for: context.settings.maximumReceiveBuffer) : 0
    return TCPHeader(
      flags: .ack, sequence: sendNext, acknowledgment: receiveNext,
      window: UInt16(Self.window(context.settings) >> Int(shift)), options: options)
  }

  private func timestamps(_ context: borrowing TCPContext) -> TCPOptions.Timestamps? {
    guard flags.contains(.timestamps) else { return nil }
    let state = TimestampState(offset: context.secrets.timestampOffset(key))
    return TCPOptions.Timestamps(value: state.value(at: context.now), echo: recentTimestamp)
  }
}
