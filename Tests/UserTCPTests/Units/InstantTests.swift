// Time as an argument: sums saturate instead of trapping, because "for ever" is a legal setting.

import Testing

@testable import UserTCP

struct InstantTests {
  @Test func `a deadline for ever from now is never`() {
    #expect(Instant(nanoseconds: 5) + .forever == .never)
    #expect(Instant.never + .seconds(1) == .never)
    #expect(Instant(nanoseconds: .max - 1) + .nanoseconds(1) == .never)
  }

  @Test func `lengths saturate when added and multiplied`() {
    #expect(Interval.forever + .nanoseconds(1) == .forever)
    #expect(Interval.forever * 2 == .forever)
    #expect(Interval.seconds(1) * (1 << 40) == .forever)
    #expect(Interval.seconds(3) * 2 == .seconds(6))
  }

  @Test func `units agree with each other`() {
    #expect(Interval.seconds(1) == .milliseconds(1000))
    #expect(Interval.milliseconds(1) == .microseconds(1000))
    #expect(Interval.microseconds(1) == .nanoseconds(1000))
    #expect(Interval.seconds(1) / 8 == .milliseconds(125))
    #expect(Interval.seconds(1) - .milliseconds(1) == .milliseconds(999))
  }

  @Test func `the distance between two instants is what was added`() {
    let start = Instant(nanoseconds: 7)
    #expect((start + .seconds(2)) - start == .seconds(2))
    #expect(start - (start + .seconds(2)) == .seconds(-2))
    #expect(start < start + .nanoseconds(1))
    #expect(start + .seconds(1) < .never)
  }
}
