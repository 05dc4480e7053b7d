// Timestamps of one connection (RFC 7323): the clock, the value to echo, and PAWS with its exception.

import Testing

@testable import UserTCP

struct TimestampStateTests {
  private func state(recent: UInt32, at now: Instant = .zero) -> TimestampState {
    var state = TimestampState(offset: 0)
    state.isEnabled = true
    state.set(recent, at: now)
    return state
  }

  // TS-16
  @Test func `the clock ticks once a millisecond and wraps`() {
    let clock = TimestampState(offset: 0xFFFF_FFFE)
    #expect(clock.value(at: .zero) == 0xFFFF_FFFE)
    #expect(clock.value(at: .zero + .milliseconds(1)) == 0xFFFF_FFFF)
    #expect(clock.value(at: .zero + .microseconds(1999)) == 0xFFFF_FFFF)
    #expect(clock.value(at: .zero + .milliseconds(2)) == 0)
    #expect(
      clock.value(at: .zero + .seconds(60 * 24 * 3600))
        == UInt32(truncatingIfNeeded: 0xFFFF_FFFE + 5_184_000_000 as Int64))
  }

  // TS-6
  @Test func `the option is there only when both ends agreed`() {
    #expect(TimestampState(offset: 1).option(at: .zero) == nil)
    #expect(state(recent: 9).option(at: .zero + .milliseconds(3)) == .init(value: 3, echo: 9))
  }

  // TS-12, TS-16
  @Test func `older values are rejected, also across the wrap`() {
    for recent: UInt32 in [0, 5, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
      let state = state(recent: recent)
      #expect(!state.rejects(recent, at: .zero))
      #expect(!state.rejects(recent &+ 1, at: .zero))
      #expect(!state.rejects(recent &+ 0x7FFF_FFFF, at: .zero))
      #expect(state.rejects(recent &- 1, at: .zero))
      #expect(state.rejects(recent &+ 0x8000_0001, at: .zero))
    }
  }

  // TS-15
  @Test func `after more than 24 idle days nothing is too old`() {
    let state = state(recent: 1000)
    let days = Interval.seconds(24 * 24 * 3600)
    #expect(state.rejects(1, at: .zero + days))
    #expect(!state.rejects(1, at: .zero + days + .seconds(1)))
    var replaced = state
    replaced.update(
      1, sequence: SequenceNumber(5), lastAcknowledged: SequenceNumber(5),
      at: .zero + days + .seconds(1))
    #expect(replaced.recent == 1)
  }

  // TS-10
  @Test func `the value to echo comes from the segment that the next ACK is about`() {
    var state = state(recent: 1000)
    let last = SequenceNumber(0)
    state.update(1001, sequence: last + 1, lastAcknowledged: last, at: .zero)
    #expect(state.recent == 1000, "a segment behind a gap")
    state.update(1001, sequence: last, lastAcknowledged: last, at: .zero)
    #expect(state.recent == 1001)
    state.update(1003, sequence: last - 10, lastAcknowledged: last, at: .zero)
    #expect(state.recent == 1003)
    state.update(1002, sequence: last, lastAcknowledged: last, at: .zero)
    #expect(state.recent == 1003, "never back")
  }
}
