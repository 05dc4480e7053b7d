// The table of TIME-WAIT against a dictionary: found by key, dropped after 2MSL, never before, also when
// a repeated FIN extends the wait, when the deadline's 24 bits wrap, and after the stack was idle.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct TimeWaitTableTests {
  private static let secrets = HostSecrets(StackSecret(1, 2, 3, 4))
  private static let interval = Interval.seconds(60)
  private static let tick = Interval(nanoseconds: 62_500_000)

  private func key(_ number: UInt32) -> ConnectionKey {
    ConnectionKey(
      remoteAddress: IPv4Address(bits: 0x0A00_0000 | number >> 12),
      remotePort: Port(UInt16(number & 0xFFF)), localAddress: IPv4Address(192, 0, 2, 2),
      localPort: 80)
  }

  private func insert(
    _ number: UInt32, _ table: inout TimeWaitTable, until deadline: Instant
  ) {
    let entry = TimeWaitEntry(
      key: key(number), sendNext: SequenceNumber(number), receiveNext: SequenceNumber(0),
      window: 1, windowShift: 0, timestamps: TimestampState(offset: 0), dscp: 0)
    table.insert(
      entry, hash: Self.secrets.tableHash(entry.key), at: .zero, for: deadline - .zero)
  }

  private func find(_ number: UInt32, _ table: borrowing TimeWaitTable) -> UInt32? {
    table.find(key(number), hash: Self.secrets.tableHash(key(number)))
  }

  // R9293-MUST-13, TW-2
  @Test(arguments: 0..<8 as Range<UInt64>)
  func `entries stay for their time and no shorter`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var table = TimeWaitTable(secrets: Self.secrets)
    var model: [UInt32: Instant] = [:]
    // Odd seeds run across the wrap of the 24-bit deadline, 2^20 seconds.
    var now = seed % 2 == 0 ? Instant.zero : Instant(nanoseconds: ((1 << 20) - 30) * 1_000_000_000)
    _ = table.expire(at: now, limit: 1)
    for step in 0..<6000 {
      let number = UInt32.random(in: 0..<300, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...4:
        if model[number] == nil {
          model[number] = now + Self.interval
          insert(number, &table, until: now + Self.interval)
        }
      case 5:
        if let place = find(number, table) {
          table.restart(place, at: now, for: Self.interval)
          model[number] = now + Self.interval
        }
      case 6:
        if let place = find(number, table) {
          table.remove(place)
          model[number] = nil
        }
      default:
        now = now + .milliseconds(Int64.random(in: 0...900, using: &random))
        let expired = table.expire(at: now, limit: 10_000)
        let before = model.count
        // Never early; what is gone had passed, what has passed by two ticks is gone.
        for (number, deadline) in model where find(number, table) == nil {
          try #require(deadline <= now, "seed \(seed), step \(step): early")
          model[number] = nil
        }
        for deadline in model.values { try #require(deadline + Self.tick * 2 > now) }
        try #require(expired == before - model.count)
      }
      let isFound = find(number, table) != nil
      try #require(isFound == (model[number] != nil), "seed \(seed), step \(step)")
      let count = table.count
      try #require(count == model.count)
      let next = table.nextDeadline
      if let earliest = model.values.min() {
        try #require(next <= earliest + Self.tick)
      } else {
        try #require(next == .never)
      }
    }
    var visited: Set<UInt32> = []
    for chunk in table.chunks { table.visit(chunk: chunk) { visited.insert($0.sendNext.rawValue) } }
    #expect(visited == Set(model.keys))
  }

  // TW-16
  @Test func `two hundred thousand entries come and go`() {
    var table = TimeWaitTable(secrets: Self.secrets)
    let total: UInt32 = 200_000
    for number in 0..<total {
      // Over 20 seconds, so that they leave over 20 seconds.
      insert(
        number, &table, until: Instant.zero + Self.interval + .microseconds(Int64(number) * 100))
    }
    var missing = 0
    for number in 0..<total where find(number, table) == nil { missing += 1 }
    #expect(missing == 0)
    var expired = table.expire(at: .zero + .seconds(59), limit: .max)
    #expect(expired == 0)
    expired = table.expire(at: .zero + .seconds(70), limit: .max)
    #expect(abs(expired - 100_000) <= 2000, "\(expired)")
    expired += table.expire(at: .zero + .seconds(81), limit: .max)
    #expect(expired == 200_000)
    let count = table.count
    #expect(count == 0)
    let next = table.nextDeadline
    #expect(next == .never)
  }

  @Test func `a limit spreads expiry over turns and keeps the deadline due`() {
    var table = TimeWaitTable(secrets: Self.secrets)
    for number: UInt32 in 0..<100 { insert(number, &table, until: .zero + .seconds(1)) }
    let now = Instant.zero + .seconds(2)
    var turns = 0
    while table.count > 0 {
      let expired = table.expire(at: now, limit: 10)
      let next = table.nextDeadline
      turns += 1
      #expect(expired == 10)
      #expect(next <= now || table.count == 0)
      if turns > 20 { break }
    }
    #expect(turns == 10)
  }

  @Test func `removing an entry leaves its neighbours findable`() {
    var table = TimeWaitTable(secrets: Self.secrets)
    for number: UInt32 in 0..<40 { insert(number, &table, until: .zero + Self.interval) }
    for number: UInt32 in stride(from: 0, to: 40, by: 2) {
      if let place = find(number, table) { table.remove(place) }
    }
    for number: UInt32 in 0..<40 {
      let isFound = find(number, table) != nil
      #expect(isFound == (number % 2 == 1))
    }
  }

  @Test func `an entry that comes after an idle spell does not keep the stack awake`() {
    var table = TimeWaitTable(secrets: Self.secrets)
    _ = table.expire(at: .zero, limit: 4096)
    // Nothing called `expire` for 210 s; a FIN then opens a wait of 60 s.
    let now = Instant.zero + .seconds(210)
    insert(1, &table, until: now + Self.interval)
    let expired = table.expire(at: now, limit: 4096)
    let next = table.nextDeadline
    #expect(expired == 0)
    #expect(next > now, "due again at once, \((now - next).nanoseconds) ns ago")
    let late = table.expire(at: now + Self.interval + Self.tick, limit: 4096)
    #expect(late == 1)
  }

  // TW-1: the wait is configurable.
  @Test func `a wait longer than one turn of the wheel ends when it should`() {
    var table = TimeWaitTable(secrets: Self.secrets)
    let deadline = Instant.zero + .seconds(300)
    insert(1, &table, until: deadline)
    for second: Int64 in stride(from: 10, to: 300, by: 10) {
      let now = Instant.zero + .seconds(second)
      let expired = table.expire(at: now, limit: 4096)
      let next = table.nextDeadline
      #expect(expired == 0)
      #expect(next > now)
    }
    let expired = table.expire(at: deadline + Self.tick, limit: 4096)
    #expect(expired == 1)
  }
}
