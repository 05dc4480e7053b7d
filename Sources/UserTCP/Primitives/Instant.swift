// Time as the engine knows it: an argument. An `Instant` is a point on a clock that only the
// caller can read, an `Interval` the distance between two of them. There is no `now` here, and
// nothing in this module may ask for one. Not a wall clock: only differences mean anything.

/// A point in time, in nanoseconds since an origin of the caller's choice.
public struct Instant: Comparable, Hashable, Sendable, BitwiseCopyable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Instant(nanoseconds: 0)
  /// Later than every instant that can happen: an unset deadline.
  public static let never = Instant(nanoseconds: .max)

  public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// Saturates, so that a deadline "for ever from now" is `never` and not a trap.
  public static func + (start: Instant, length: Interval) -> Instant {
    let (sum, overflow) = start.nanoseconds.addingReportingOverflow(length.nanoseconds)
    return overflow ? .never : Instant(nanoseconds: sum)
  }

  public static func - (end: Instant, start: Instant) -> Interval {
    Interval(nanoseconds: end.nanoseconds &- start.nanoseconds)
  }
}

/// A length of time, in nanoseconds.
public struct Interval: Comparable, Hashable, Sendable, BitwiseCopyable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Interval(nanoseconds: 0)
  public static let forever = Interval(nanoseconds: .max)

  public static func nanoseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count) }
  public static func microseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000)
  }
  public static func milliseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000)
  }
  public static func seconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000_000)
  }

  public static func < (left: Interval, right: Interval) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  public static func + (left: Interval, right: Interval) -> Interval {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
    return overflow ? .forever : Interval(nanoseconds: sum)
  }
  public static func - (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds &- right.nanoseconds)
  }
  public static func * (length: Interval, factor: Int64) -> Interval {
    let (product, overflow) = length.nanoseconds.multipliedReportingOverflow(by: factor)
    return overflow ? .forever : Interval(nanoseconds: product)
  }
  public static func / (length: Interval, divisor: Int64) -> Interval {
    Interval(nanoseconds: length.nanoseconds / divisor)
  }
}
