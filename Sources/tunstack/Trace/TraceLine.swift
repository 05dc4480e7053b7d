// A traced event in words, in one of two forms with the same names: a line to read and grep, or a line of JSON in
// the shape of qlog (draft-ietf-quic-qlog-main-schema): time in milliseconds, name, data. Pure.

import UserTCPRuntime

enum TraceFormat: String, CaseIterable, Sendable {
  case text, json
}

struct TraceLine {
  enum Value {
    case number(Int)
    /// Times, in milliseconds.
    case decimal(Double)
    case word(String)
    case flag(Bool)
  }

  var name: String
  var fields: [(name: String, value: Value)]
}

extension TraceFormat {
  /// What a file begins with, if anything.
  func head(title: String, referenceMilliseconds: Int) -> String {
    guard self == .json else { return "" }
    return #"{"qlog_version":"0.3","qlog_format":"NDJSON","title":"\#(title)","trace":{"#
      + #""common_fields":{"protocol_type":["TCP"],"time_format":"relative","#
      + #""reference_time":\#(referenceMilliseconds)}}}"# + "\n"
  }

  /// `time` since the trace began.
  func line(_ event: TraceEvent, at time: Interval) -> String {
    let line = TraceLine(event.what)
    switch self {
    case .text:
      let fields = line.fields.map { "\($0.name)=\($0.value.text)" }.joined(separator: " ")
      return "\(time.seconds.text(6)) \(event.local) \(event.remote) \(line.name) \(fields)\n"
    case .json:
      let fields = line.fields.map { #""\#($0.name)":\#($0.value.json)"# }.joined(separator: ",")
      return #"{"time":\#(time.milliseconds.text(3)),"name":"tcp:\#(line.name)","#
        + #""group_id":"\#(event.local) \#(event.remote)","data":{\#(fields)}}"# + "\n"
    }
  }
}

extension TraceLine.Value {
  fileprivate var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .decimal(let number): number.shortText
    case .word(let word): word
    case .flag(let isSet): isSet ? "yes" : "no"
    }
  }

  /// Words here hold nothing that JSON would have to escape.
  fileprivate var json: String {
    switch self {
    case .number(let number): "\(number)"
    case .decimal(let number): number.shortText
    case .word(let word): "\"\(word)\""
    case .flag(let isSet): isSet ? "true" : "false"
    }
  }
}

// MARK: - Events

extension TraceLine {
  init(_ what: TraceEvent.What) {
    switch what {
    case .segmentSent(let segment): self.init(name: "segment_sent", fields: Self.fields(segment))
    case .segmentReceived(let segment):
      self.init(name: "segment_received", fields: Self.fields(segment))
    case .segmentDropped(let reason):
      self.init(name: "segment_dropped", fields: [("reason", .word(reason.text))])
    case .stateChanged(let old, let new):
      self.init(
        name: "state_updated",
        fields: [("old", .word(old.description)), ("new", .word(new.description))])
    case .negotiated(let agreement):
      self.init(name: "parameters_set", fields: Self.fields(agreement))
    case .roundTripMeasured(let measured):
      self.init(
        name: "metrics_updated",
        fields: [
          ("smoothed_rtt", .decimal(measured.smoothed.milliseconds)),
          ("rtt_variance", .decimal(measured.variation.milliseconds)),
          ("rto", .decimal(measured.timeout.milliseconds)),
          ("backoff", .number(Int(measured.backoff))),
        ])
    case .windowChanged(let window, let threshold, let reason):
      var fields: [(String, Value)] = [("congestion_window", .number(window))]
      if let threshold { fields.append(("ssthresh", .number(threshold))) }
      self.init(
        name: "congestion_updated", fields: fields + [("reason", .word(reason.text))])
    case .recoveryChanged(let old, let new):
      self.init(
        name: "recovery_updated", fields: [("old", .word(old.text)), ("new", .word(new.text))])
    case .lossDetected(let octets):
      self.init(name: "loss_detected", fields: [("octets", .number(octets))])
    case .probeSent(let kind):
      self.init(name: "probe_sent", fields: [("kind", .word(kind.text))])
    case .timerSet(let timer, let delay):
      self.init(
        name: "timer_set",
        fields: [("timer", .word(timer.text)), ("delay", .decimal(delay.milliseconds))])
    case .timerCancelled(let timer):
      self.init(name: "timer_cancelled", fields: [("timer", .word(timer.text))])
    case .timerFired(let timer):
      self.init(name: "timer_fired", fields: [("timer", .word(timer.text))])
    }
  }

  private static func fields(_ segment: TracedSegment) -> [(String, Value)] {
    var fields: [(String, Value)] = [
      ("flags", .word(flags(segment.flags))), ("seq", .number(Int(segment.sequence))),
      ("ack", .number(Int(segment.acknowledgment))), ("len", .number(Int(segment.length))),
      ("window", .number(Int(segment.window))),
    ]
    if segment.segmentSize > 0 {
      fields.append(("segment_size", .number(Int(segment.segmentSize))))
    }
    if segment.blocks > 0 { fields.append(("sack_blocks", .number(Int(segment.blocks)))) }
    if segment.isRetransmission { fields.append(("retransmission", .flag(true))) }
    return fields
  }

  /// As tcpdump writes them.
  private static func flags(_ bits: UInt16) -> String {
    let letters: [(UInt16, String)] = [
      (2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (64, "E"), (128, "W"), (256, "e"),
      (16, "."),
    ]
    let text = letters.filter { bits & $0.0 != 0 }.map(\.1).joined()
    return text.isEmpty ? "none" : text
  }

  private static func fields(_ agreement: TracedAgreement) -> [(String, Value)] {
    var fields: [(String, Value)] = [
      ("mss", .number(Int(agreement.segmentSize))), ("sack", .flag(agreement.usesSACK)),
      ("timestamps", .flag(agreement.usesTimestamps)),
    ]
    if let shift = agreement.sendWindowShift { fields.append(("send_wscale", .number(Int(shift)))) }
    if let shift = agreement.receiveWindowShift {
      fields.append(("receive_wscale", .number(Int(shift))))
    }
    fields.append(("congestion_control", .word(agreement.algorithm.rawValue)))
    return fields
  }
}

extension TraceRecovery {
  fileprivate var text: String {
    switch self {
    case .open: "open"
    case .reduction: "reduction"
    case .recovery: "recovery"
    case .loss: "loss"
    }
  }
}

extension TraceWindowReason {
  fileprivate var text: String {
    switch self {
    case .initial: "initial"
    case .slowStart: "slow_start"
    case .congestionAvoidance: "congestion_avoidance"
    case .recovery: "recovery"
    case .recoveryEnded: "recovery_ended"
    case .timeout: "timeout"
    case .undo: "undo"
    case .probe: "probe"
    case .other: "other"
    }
  }
}

extension TraceTimer {
  fileprivate var text: String {
    switch self {
    case .retransmission: "retransmission"
    case .reordering: "reordering"
    case .tailLossProbe: "tail_loss_probe"
    case .persist: "persist"
    case .delayedAcknowledgment: "delayed_ack"
    case .keepAlive: "keep_alive"
    case .closing: "closing"
    }
  }
}

extension TraceDrop {
  fileprivate var text: String {
    switch self {
    case .checksum: "checksum"
    case .malformedHeader: "malformed_header"
    case .malformedOptions: "malformed_options"
    case .outOfWindow: "out_of_window"
    case .withoutACK: "without_ack"
    case .withoutTimestamp: "without_timestamp"
    case .oldTimestamp: "old_timestamp"
    case .acknowledgmentOfNothing: "ack_of_nothing"
    case .outOfOrderLimit: "out_of_order_limit"
    case .listenLimit: "listen_limit"
    }
  }
}
