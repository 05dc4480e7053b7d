// Every knob turned at random while connections open, talk and close: harmless ones change no octet, and
// none of them, at any value, breaks a rule or leaves something behind. A failure names its seed.

import Testing
import UserTCPSimulation

@testable import UserTCP

extension StackSettings {
  /// Turns one knob that no transfer may suffer from.
  fileprivate mutating func changeHarmlessly(_ random: inout SeededRandom) {
    switch Int.random(in: 0..<23, using: &random) {
    case 0: timestamps = TimestampMode.allCases.randomElement(using: &random)!
    case 1: windowScaling.toggle()
    case 2: synCookies = SYNCookieMode.allCases.randomElement(using: &random)!
    case 3: timeToLive = UInt8.random(in: 1...255, using: &random)
    case 4: challengeLimit = Int.random(in: 0...100, using: &random)
    case 5: invalidReplyInterval = .milliseconds(Int64.random(in: 0...2000, using: &random))
    case 6: quickAcknowledgments = UInt8.random(in: 0...20, using: &random)
    case 7: delayedAcknowledgment = .milliseconds(Int64.random(in: 0...200, using: &random))
    case 8: growsReceiveBuffer.toggle()
    case 9: restartsAfterIdle.toggle()
    case 10: timeWaitInterval = .milliseconds(Int64.random(in: 0...90_000, using: &random))
    case 11: maximumTimeWait = Int.random(in: 0...4, using: &random)
    case 12: timeWaitReuse = TimeWaitReuse.allCases.randomElement(using: &random)!
    case 13: ignoresResetInTimeWait.toggle()
    case 14: receiveBuffer = Int.random(in: 3000...100_000, using: &random)
    case 15: maximumReceiveBuffer = Int.random(in: 3000...2_000_000, using: &random)
    case 16: fastOpen = FastOpenMode(rawValue: UInt16(truncatingIfNeeded: random.next()))
    case 17: userTimeoutLimit = .seconds(Int64.random(in: 0...10_000, using: &random))
    case 18: sendBuffer = Int.random(in: 1...100_000, using: &random)
    case 19: ecn = ECNMode.allCases.randomElement(using: &random)!
    case 20: fallsBackFromECN.toggle()
    case 21: usesAccurateECN.toggle()
    default: maximumSendBuffer = Int.random(in: 1...2_000_000, using: &random)
    }
  }

  /// Turns one knob that may end a connection, to values nobody in his right mind would choose.
  fileprivate mutating func changeHarmfully(_ random: inout SeededRandom) {
    let count = [Int.min, -1, 0, 1, 2, 7, Int(Int32.max), Int.max].randomElement(using: &random)!
    let length = [0, 1, 50, 1000, 100_000].randomElement(using: &random)!
    switch Int.random(in: 0..<20, using: &random) {
    case 0: maximumOrphans = count
    case 1: maximumHalfOpen = count
    case 2: maximumBacklog = count
    case 3: maximumTimeWait = count
    case 4: challengeLimit = count
    case 5: icmpErrorsPerSecond = count
    case 6: icmpErrorBurst = count
    case 7: orphanRetries = count
    case 8: retries1 = Int.random(in: 0...20, using: &random)
    case 9: retries2 = Int.random(in: 0...20, using: &random)
    case 10: synRetries = Int.random(in: 0...20, using: &random)
    case 11: synAckRetries = Int.random(in: 0...20, using: &random)
    case 12: abortOnOverflow.toggle()
    case 13: recyclesTimeWait.toggle()
    case 14: finTimeout = .milliseconds(Int64(length))
    case 15: icmpTargetInterval = .milliseconds(Int64(length))
    case 16: icmpLimitedTypes = UInt32(truncatingIfNeeded: random.next())
    case 17: keepAlive.idleSeconds = UInt32(length)
    case 18: timeWaitInterval = .milliseconds(Int64(length))
    default: localPorts = 1000...UInt16.random(in: 1000...2000, using: &random)
    }
  }
}

@Suite struct RandomSettingTests {
  /// A network, conversations one after the other from its first host to its second.
  private struct Run {
    var network: Network
    var random: SeededRandom
    let seed: UInt64

    init(seed: UInt64, loss: Double) {
      var link = LinkSettings()
      link.delay = .milliseconds(3)
      link.loss = loss
      self.seed = seed
      network = Network(seed: seed, link: link)
      random = SeededRandom(seed: seed ^ 0x5E77)
    }

    /// One conversation, `change` called between its steps; what failed.
    mutating func talk(
      port: UInt16, _ change: (inout StackSettings, inout SeededRandom) -> Void
    ) throws -> String? {
      var talk = try Conversation(
        on: network, port: Port(port), clientSends: random.bytes(30_000),
        serverSends: random.bytes(30_000), asksFastOpen: random.happens(0.5))
      let limit = network.now + .seconds(4000)
      repeat {
        if random.happens(0.2) {
          let stack = Int.random(in: 0...1, using: &random)
          change(&network.hosts[stack].stack.settings, &random)
        }
        talk.act(on: network)
      } while !talk.isOver && talk.failure == nil && network.problems.isEmpty
        && network.step(until: limit)
      if talk.isOver { return nil }
      // The programs give up, so that what is left over is the stacks' own.
      for end in [talk.client, talk.server] {
        if let id = end.id { network.hosts[end.host].stack.abort(id) }
      }
      return talk.failure ?? "silence before the end"
    }

    func report(_ text: String) -> String { "seed \(seed): \(text)\n\(network.transcript)" }

    /// What a stack keeps when all is over.
    func leftovers() -> String? {
      for (index, host) in network.hosts.enumerated() {
        host.stack.debugCheckInvariants()
        let stack = [
          host.stack.connectionCount, host.stack.timeWaitCount, host.stack.halfOpenCount,
          host.stack.orphanCount, host.stack.bufferedBytes, host.stack.stateCounts.established,
          host.stack.stateCounts.total - host.stack.stateCounts[.listen],
        ]
        if stack.contains(where: { $0 != 0 }) { return "host \(index) keeps \(stack)" }
      }
      return nil
    }
  }

  @Test(arguments: 0..<8)
  func `harmless knobs turned under way change no octet`(_ block: Int) throws {
    for seed in UInt64(block * 15)..<UInt64(block * 15 + 15) {
      var run = Run(seed: seed, loss: 0)
      for port: UInt16 in 7...12 {
        let failure = try run.talk(port: port) { $0.changeHarmlessly(&$1) }
        if let failure = failure ?? run.network.problems.first {
          Issue.record("\(run.report(failure))")
          return
        }
      }
      run.network.run(until: run.network.now + .seconds(2000))
      if let left = run.leftovers() { Issue.record("\(run.report(left))") }
    }
  }

  @Test(arguments: 0..<8)
  func `no knob at any value breaks a rule or leaves anything behind`(_ block: Int) throws {
    for seed in UInt64(1000 + block * 15)..<UInt64(1000 + block * 15 + 15) {
      var run = Run(seed: seed, loss: 0.05)
      for port: UInt16 in 7...12 {
        // Connections may fail; what arrives of them must be what was sent.
        let failure = try run.talk(port: port) {
          if $1.happens(0.5) { $0.changeHarmlessly(&$1) } else { $0.changeHarmfully(&$1) }
        }
        if let failure, failure.contains("wrong octets") { Issue.record("\(run.report(failure))") }
      }
      for host in run.network.hosts {
        host.stack.settings = StackSettings()
        host.stack.abortAll()
      }
      run.network.run(until: run.network.now + .seconds(2000))
      if let problem = run.network.problems.first { Issue.record("\(run.report(problem))") }
      if let left = run.leftovers() { Issue.record("\(run.report(left))") }
    }
  }
}
