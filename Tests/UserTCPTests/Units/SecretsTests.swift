// Numbers that strangers must not guess: keys that say nothing of each other, initial sequence numbers
// with their clock, and ports.

import Testing

@testable import UserTCP

struct HostSecretsTests {
  private func key(_ port: UInt16) -> ConnectionKey {
    ConnectionKey(
      remoteAddress: IPv4Address(192, 0, 2, 1), remotePort: Port(port),
      localAddress: IPv4Address(192, 0, 2, 2), localPort: 80)
  }

  // SEC-11: equal input, equal output; one word of the secret changes everything.
  @Test func `everything follows from the secret and nothing else`() {
    let first = HostSecrets(StackSecret(1, 2, 3, 4))
    let again = HostSecrets(StackSecret(1, 2, 3, 4))
    let others = [
      StackSecret(0, 2, 3, 4), StackSecret(1, 0, 3, 4), StackSecret(1, 2, 0, 4),
      StackSecret(1, 2, 3, 0),
    ].map(HostSecrets.init)
    func numbers(_ secrets: HostSecrets) -> [UInt64] {
      let key = key(1)
      return [
        UInt64(secrets.tableHash(key)),
        UInt64(secrets.initialSequence(key, at: .zero).rawValue),
        UInt64(secrets.timestampOffset(key)), secrets.portHash(key), secrets.portSeed,
        secrets.challengeSeed, secrets.priceSeed,
      ]
    }
    #expect(numbers(first) == numbers(again))
    for other in others {
      for (mine, its) in zip(numbers(first), numbers(other)) { #expect(mine != its) }
    }
  }

  // SEC-13: one number of a connection says nothing of another.
  @Test func `the keys of one secret are independent`() {
    let secrets = HostSecrets(StackSecret(1, 2, 3, 4))
    var same = 0
    for port: UInt16 in 0..<1000 {
      let key = key(port)
      let numbers = [
        secrets.tableHash(key), secrets.initialSequence(key, at: .zero).rawValue,
        secrets.timestampOffset(key), UInt32(truncatingIfNeeded: secrets.portHash(key)),
      ]
      if Set(numbers).count < 4 { same += 1 }
    }
    #expect(same == 0)
  }

  // R9293-MUST-8, SEC-12
  @Test func `the initial number of one tuple ticks every four microseconds and wraps`() {
    let secrets = HostSecrets(StackSecret(1, 2, 3, 4))
    let start = secrets.initialSequence(key(1), at: .zero)
    #expect(secrets.initialSequence(key(1), at: .zero + .seconds(1)) - start == 250_000)
    #expect(secrets.initialSequence(key(1), at: .zero + .microseconds(4)) - start == 1)
    let round = Interval.microseconds(4 << 32)
    #expect(secrets.initialSequence(key(1), at: .zero + round) == start)
  }

  // R9293-MUST-9
  @Test func `neighbouring ports have unrelated initial numbers`() {
    let secrets = HostSecrets(StackSecret(1, 2, 3, 4))
    var steps: Set<Int> = []
    for port: UInt16 in 0..<1000 {
      let here = secrets.initialSequence(key(port), at: .zero)
      steps.insert(secrets.initialSequence(key(port + 1), at: .zero) - here)
    }
    #expect(steps.count == 1000)
  }
}

struct EphemeralPortsTests {
  @Test func `every port of the range is tried once and no other`() {
    var ports = EphemeralPorts(seed: 1)
    var tried: [UInt16] = []
    let chosen = ports.choose(from: 100...150, destinationHash: .max) { port in
      tried.append(port.rawValue)
      return false
    }
    #expect(chosen == nil)
    #expect(tried.sorted() == Array(100...150))
  }

  @Test func `the whole range of ports works`() {
    var ports = EphemeralPorts(seed: 2)
    for hash: UInt64 in [0, 1, 65_535, .max] {
      let chosen = ports.choose(from: 0...65_535, destinationHash: hash) { $0 == 65_535 }
      #expect(chosen == 65_535)
    }
    let only = ports.choose(from: 7...7, destinationHash: 99) { _ in true }
    #expect(only == 7)
  }

  // SEC-15
  @Test func `ports neither repeat soon nor follow each other by a constant`() {
    var ports = EphemeralPorts(seed: 3)
    var steps: Set<Int> = []
    var previous = 0
    var seen: Set<UInt16> = []
    for _ in 0..<100 {
      guard
        let port = ports.choose(
          from: 32_768...60_999, destinationHash: 12_345, isFree: { _ in true })
      else { break }
      steps.insert(Int(port.rawValue) - previous)
      previous = Int(port.rawValue)
      seen.insert(port.rawValue)
    }
    #expect(seen.count == 100)
    #expect(steps.count > 80)
  }

  @Test func `destinations begin at unrelated places`() {
    var first = EphemeralPorts(seed: 4)
    var second = EphemeralPorts(seed: 4)
    let one = first.choose(from: 32_768...60_999, destinationHash: 1 << 40) { _ in true }
    let other = second.choose(from: 32_768...60_999, destinationHash: 3 << 40) { _ in true }
    #expect(one != other)
  }
}
