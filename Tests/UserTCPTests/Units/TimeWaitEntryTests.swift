// What a segment gets that finds its connection in TIME-WAIT, over every combination of what the rules
// look at, and the packed fields of the entry.

import Testing

@testable import UserTCP

struct TimeWaitEntryTests {
  private static let finSequence: UInt32 = 4999
  private static let recent: UInt32 = 1000

  private func entry(timestamps: Bool) -> TimeWaitEntry {
    var state = TimestampState(offset: 0)
    state.isEnabled = timestamps
    state.set(Self.recent, at: .zero)
    return TimeWaitEntry(
      key: ConnectionKey(
        remoteAddress: IPv4Address(192, 0, 2, 1), remotePort: 1, localAddress: .init(192, 0, 2, 2),
        localPort: 2), sendNext: SequenceNumber(700),
      receiveNext: SequenceNumber(Self.finSequence + 1), window: 512, windowShift: 7,
      timestamps: state, dscp: 46)
  }

  private func segment(
    _ flags: TCPFlags, sequence: UInt32, text: Int = 0, timestamp: UInt32? = nil
  ) -> TCPSegment {
    var options = TCPOptions.none
    if let timestamp { options.timestamps = .init(value: timestamp, echo: 0) }
    return TCPSegment(
      sourcePort: 1, destinationPort: 2, sequence: SequenceNumber(sequence),
      acknowledgment: SequenceNumber(700), flags: flags, window: 100, urgentPointer: 0,
      options: options, textCount: text, segmentSize: 0)
  }

  // TW-7, TW-8, TW-9, TW-10, TW-11, TW-12: the whole table of RFC 6191 §2.
  @Test func `a SYN reopens where its timestamp or its number proves it new`() {
    let fin = Self.finSequence
    for sequence in [fin &- 1, fin, fin + 1, fin + 100_000, fin &+ 0x9000_0000] {
      let isBeyond = sequence == fin + 1 || sequence == fin + 100_000
      for hadTimestamps in [false, true] {
        for timestamp: UInt32? in [nil, 999, 1000, 1001, 1000 &+ 0x8000_0001] {
          let expected: Bool
          switch (hadTimestamps, timestamp) {
          case (_, nil): expected = isBeyond  // TW-9, TW-11
          case (false, _): expected = true  // TW-10
          case (true, 1000): expected = isBeyond  // TW-8
          case (true, 1001): expected = true  // TW-7
          case (true, _): expected = false  // older, also by half a circle
          }
          let verdict = entry(timestamps: hadTimestamps).verdict(
            on: segment(.syn, sequence: sequence, timestamp: timestamp), ignoresReset: false)
          #expect(
            verdict == (expected ? .reopen : .acknowledge),
            "SEQ \(sequence), timestamps \(hadTimestamps), TSval \(timestamp ?? 0)")
        }
      }
    }
  }

  // TW-4, DEC-7
  @Test func `only a reset exactly at RCV.NXT ends the wait, and none when resets are ignored`() {
    let next = Self.finSequence + 1
    for sequence in [next &- 1, next, next + 1] {
      for flags: TCPFlags in [.rst, [.rst, .ack], [.rst, .syn], [.rst, .fin]] {
        let reset = segment(flags, sequence: sequence, timestamp: 1)
        let entry = entry(timestamps: true)
        let verdict = entry.verdict(on: reset, ignoresReset: false)
        #expect(verdict == (sequence == next ? .remove : .drop))
        let ignored = entry.verdict(on: reset, ignoresReset: true)
        #expect(ignored == .drop)
      }
    }
  }

  // TW-2, TW-3, TW-6
  @Test func `a repeated FIN and an old timestamp restart the wait, other segments do not`() {
    let fin = Self.finSequence
    let plain = entry(timestamps: false)
    let stamped = entry(timestamps: true)
    #expect(plain.verdict(on: segment([.fin, .ack], sequence: fin), ignoresReset: false) == .acknowledgeAndRestart)
    // The FIN behind text that comes again.
    #expect(
      plain.verdict(on: segment([.fin, .ack], sequence: fin - 10, text: 10), ignoresReset: false)
        == .acknowledgeAndRestart)
    #expect(plain.verdict(on: segment([.fin, .ack], sequence: fin + 1), ignoresReset: false) == .acknowledge)
    #expect(plain.verdict(on: segment(.ack, sequence: fin - 10, text: 10), ignoresReset: false) == .acknowledge)
    #expect(plain.verdict(on: segment(.ack, sequence: fin + 1), ignoresReset: false) == .drop)
    #expect(plain.verdict(on: segment(.ack, sequence: fin + 1, text: 1), ignoresReset: false) == .acknowledge)
    // LC-9: no ACK, no answer.
    #expect(plain.verdict(on: segment(.fin, sequence: fin), ignoresReset: false) == .drop)
    #expect(plain.verdict(on: segment([.syn, .ack], sequence: fin + 1), ignoresReset: false) == .acknowledge)
    #expect(
      stamped.verdict(on: segment(.ack, sequence: fin + 1, timestamp: 999), ignoresReset: false)
        == .acknowledgeAndRestart)
    #expect(
      stamped.verdict(on: segment(.ack, sequence: fin + 1, timestamp: 1000), ignoresReset: false)
        == .drop)
    // Timestamps that were never agreed mean nothing (TS-9).
    #expect(
      plain.verdict(on: segment(.ack, sequence: fin + 1, timestamp: 1), ignoresReset: false) == .drop)
  }

  @Test func `the packed fields do not disturb each other`() {
    var entry = entry(timestamps: true)
    entry.deadlineTick = 0xFF12_3456
    entry.replied(at: 0x1_00AB)
    #expect(entry.deadlineTick == 0x12_3456)
    #expect(entry.flags.contains(.timestamps))
    entry.deadlineTick = 1
    #expect(entry.flags.contains(.timestamps))
    #expect(!entry.mayReply(at: 0xAC, spacing: 8))
    #expect(entry.mayReply(at: 0xAB + 8, spacing: 8))
  }

  @Test func `the distance to the deadline holds across the wrap of 24 bits`() {
    var entry = entry(timestamps: false)
    for deadline: Int64 in [5, 0xFF_FFFF, 0x100_0003, 0x1234_5678] {
      entry.deadlineTick = UInt32(truncatingIfNeeded: deadline)
      for left: Int64 in [-3000, -1, 0, 1, 960, 3840] {
        #expect(Int64(entry.ticksLeft(at: deadline - left)) == left)
      }
    }
  }

  // SEC-8
  @Test func `replies keep their spacing at every tick of the clock`() {
    for tick: Int64 in 0..<600 {
      var entry = entry(timestamps: false)
      #expect(entry.mayReply(at: tick, spacing: 8), "the first reply is free")
      entry.replied(at: tick)
      #expect(!entry.mayReply(at: tick, spacing: 8), "tick \(tick)")
      #expect(!entry.mayReply(at: tick + 6, spacing: 8), "tick \(tick)")
      #expect(entry.mayReply(at: tick + 8, spacing: 8), "tick \(tick)")
    }
  }

  // TW-3
  @Test func `the ACK carries the last numbers and timestamps if they were agreed`() {
    let header = entry(timestamps: true).acknowledgment(timestampValue: 77)
    #expect(header.flags == .ack)
    #expect(header.sequence == SequenceNumber(700))
    #expect(header.acknowledgment == SequenceNumber(Self.finSequence + 1))
    #expect(header.window == 512)
    #expect(header.options.timestamps == .init(value: 77, echo: Self.recent))
    let plain = entry(timestamps: false).acknowledgment(timestampValue: 77)
    #expect(plain.options.timestamps == nil)
  }
}
