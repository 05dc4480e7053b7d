// The wheel against a plain list of deadlines: never early, at most a tick late, whatever is set,
// moved or cancelled meanwhile. Owners that moved their deadline out are asked early and set it again,
// as connections do.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct TimerWheelTests {
  /// Every owner due at `now`; an owner asked too early sets its deadline again.
  private func fire(
    _ wheel: inout TimerWheel, at now: Instant, _ deadlines: inout [UInt32: Instant]
  ) throws -> [UInt32] {
    var fired: [UInt32] = []
    while let owner = wheel.next(at: now) {
      let deadline = try #require(deadlines[owner], "a cancelled owner is not asked")
      if deadline <= now {
        deadlines[owner] = nil
        fired.append(owner)
      } else {
        wheel.set(owner, for: deadline)
      }
    }
    return fired
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `owners are due in their tick and never before`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var wheel = TimerWheel(maximum: 64)
    for owner: UInt32 in 0..<64 { wheel.prepare(owner) }
    var deadlines: [UInt32: Instant] = [:]
    var now = Instant.zero
    for _ in 0..<2000 {
      let owner = UInt32.random(in: 0..<64, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0...3:
        // Up to 20 s: five turns of the wheel.
        let length = Interval.microseconds(Int64.random(in: 0...20_000_000, using: &random))
        deadlines[owner] = now + length
        wheel.set(owner, for: now + length)
      case 4:
        deadlines[owner] = nil
        wheel.cancel(owner)
      default:
        let longest: Int64 = Bool.random(using: &random) ? 5_000 : 5_000_000
        now = now + .microseconds(Int64.random(in: 0...longest, using: &random))
        let fired = try fire(&wheel, at: now, &deadlines)
        #expect(Set(fired).count == fired.count)
        // At most a tick late: what is left is due after the tick that has begun.
        let latest = deadlines.values.min() ?? .never
        #expect(latest + TimerWheel.tick > now)
      }
      let expiry = wheel.nextExpiry
      if let earliest = deadlines.values.min() {
        try #require(expiry <= earliest + TimerWheel.tick)
      }
    }
    now = now + .seconds(30)
    _ = try fire(&wheel, at: now, &deadlines)
    #expect(deadlines.isEmpty)
    let count = wheel.count
    #expect(count == 0)
  }

  @Test func `a deadline within a tick waits for the tick's end`() {
    var wheel = TimerWheel(maximum: 1)
    wheel.prepare(0)
    wheel.set(0, for: Instant(nanoseconds: 5_000_001))
    let expiry = wheel.nextExpiry
    #expect(expiry == Instant(nanoseconds: 6_000_000))
    var due = wheel.next(at: Instant(nanoseconds: 5_999_999))
    #expect(due == nil)
    due = wheel.next(at: Instant(nanoseconds: 6_000_000))
    #expect(due == 0)
  }

  @Test func `an earlier deadline moves an owner, a later one leaves it`() {
    var wheel = TimerWheel(maximum: 1)
    wheel.prepare(0)
    wheel.set(0, for: Instant(nanoseconds: 50_000_000))
    wheel.set(0, for: Instant(nanoseconds: 90_000_000))
    var expiry = wheel.nextExpiry
    #expect(expiry == Instant(nanoseconds: 50_000_000))
    wheel.set(0, for: Instant(nanoseconds: 20_000_000))
    expiry = wheel.nextExpiry
    let count = wheel.count
    #expect(expiry == Instant(nanoseconds: 20_000_000))
    #expect(count == 1)
  }

  @Test func `a cancelled owner never comes and an empty wheel never expires`() {
    var wheel = TimerWheel(maximum: 2)
    wheel.prepare(0)
    wheel.prepare(1)
    wheel.set(0, for: Instant(nanoseconds: 1_000_000))
    wheel.cancel(0)
    wheel.cancel(1)
    let expiry = wheel.nextExpiry
    let due = wheel.next(at: Instant(nanoseconds: 1_000_000_000))
    #expect(expiry == .never)
    #expect(due == nil)
  }
}
