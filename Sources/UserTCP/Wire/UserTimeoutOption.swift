// The user timeout option (RFC 5482 §3): how long this end waits for an acknowledgment before it gives the
// connection up, told to the other so that it may wait as long. A hint, on any segment, never confirmed.
// What is made of one is Connection+UserTimeout's.

/// A granularity bit and fifteen bits of seconds or, with the bit set, minutes.
struct UserTimeoutOption: Hashable, BitwiseCopyable {
  let rawValue: UInt16

  private static let minutes: UInt16 = 0x8000
  private static let largest: Int64 = 0x7FFF

  init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Rounded up, to seconds while they fit; what is longer than 22 days becomes 22 days.
  init(_ interval: Interval) {
    let seconds = max(interval.roundedUp(to: .seconds(1)), 1)
    if seconds <= Self.largest {
      rawValue = UInt16(seconds)
    } else {
      rawValue = Self.minutes | UInt16(min(interval.roundedUp(to: .seconds(60)), Self.largest))
    }
  }

  /// "An option value of zero (i.e., 'now') is reserved … MUST NOT be sent … MUST be ignored".
  var isReserved: Bool { rawValue & ~Self.minutes == 0 }

  var interval: Interval {
    .seconds(Int64(rawValue & ~Self.minutes) * (rawValue & Self.minutes == 0 ? 1 : 60))
  }
}

extension Interval {
  fileprivate func roundedUp(to unit: Interval) -> Int64 {
    nanoseconds / unit.nanoseconds + (nanoseconds % unit.nanoseconds > 0 ? 1 : 0)
  }
}
