// What a script may demand of the stack's packets. Packets are looked at in the order they were
// sent: an expectation takes the next one, and any other packet in its place is a failure.

import UserTCP

extension ScriptedPeer {
  /// The next packet must be this segment and come within `time`, which passes as needed.
  @discardableResult public func expects(
    _ pattern: SegmentPattern, within time: Interval = .seconds(1),
    file: StaticString = #fileID, line: UInt = #line
  ) throws -> Segment {
    let packet = try nextPacket(within: time, for: pattern.description, file, line)
    guard let segment = packet.segment else {
      throw failure("expected \(pattern), got \(packet)", file, line)
    }
    if let mismatch = pattern.mismatch(segment) {
      throw failure("expected \(pattern): \(mismatch)", file, line)
    }
    return segment
  }

  /// The segment must have been sent already: no timer may be needed for it.
  @discardableResult public func expectsAtOnce(
    _ pattern: SegmentPattern, file: StaticString = #fileID, line: UInt = #line
  ) throws -> Segment {
    try expects(pattern, within: .zero, file: file, line: line)
  }

  /// The segment must come `delay` after now: never earlier, and at most `tolerance` later, which
  /// has room for a timer wheel's tick.
  @discardableResult public func expects(
    _ pattern: SegmentPattern, after delay: Interval, tolerance: Interval = .milliseconds(3),
    file: StaticString = #fileID, line: UInt = #line
  ) throws -> Segment {
    let start = now
    let segment = try expects(pattern, within: delay + tolerance, file: file, line: line)
    if let time = last?.time, time < start + delay {
      throw failure(
        "\(pattern) came \((time - start).nanoseconds / 1_000) µs after the last step instead of "
          + "\(delay.nanoseconds / 1_000)", file, line)
    }
    return segment
  }

  /// The next packet must be an ICMP message of this type and code.
  @discardableResult public func expectsICMP(
    type: UInt8, code: UInt8 = 0, within time: Interval = .seconds(1),
    file: StaticString = #fileID, line: UInt = #line
  ) throws -> ICMPPacket {
    let packet = try nextPacket(within: time, for: "ICMP \(type)/\(code)", file, line)
    guard let message = packet.icmp, message.type == type, message.code == code else {
      throw failure("expected ICMP \(type)/\(code), got \(packet)", file, line)
    }
    return message
  }

  /// No packet now and for `time`, which passes.
  public func expectsNothing(
    for time: Interval = .seconds(1), file: StaticString = #fileID, line: UInt = #line
  ) throws {
    try run(until: now + time, stopAtOutput: true)
    if let packet = output.first { throw failure("expected nothing, got \(packet)", file, line) }
  }

  /// Everything sent so far and during `time`, which passes.
  @discardableResult public func takesAll(for time: Interval = .zero) throws -> [CapturedPacket] {
    try run(until: now + time, stopAtOutput: false)
    defer { output.removeAll() }
    return output
  }

  /// As `takesAll`, the TCP segments only.
  @discardableResult public func takesSegments(for time: Interval = .zero) throws -> [Segment] {
    try takesAll(for: time).compactMap(\.segment)
  }

  /// A script's own condition, with the transcript when it fails.
  public func requires(
    _ condition: Bool, _ text: @autoclosure () -> String, file: StaticString = #fileID,
    line: UInt = #line
  ) throws {
    if !condition { throw failure(text(), file, line) }
  }

  private func nextPacket(
    within time: Interval, for expected: String, _ file: StaticString, _ line: UInt
  ) throws -> CapturedPacket {
    try run(until: now + time, stopAtOutput: true)
    guard !output.isEmpty else {
      throw failure("expected \(expected), got nothing", file, line)
    }
    let packet = output.removeFirst()
    last = packet
    return packet
  }
}
