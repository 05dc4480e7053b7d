// The numbers that a stack keeps up to date (states, orphans, half-open connections, TIME-WAIT) against a
// count of its rows, after seeded segments that hit every state, programs that do anything, and knobs
// turned meanwhile. A failure names its seed.

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct RandomAccountingTests {
  /// A peer of few ports that says nearly the right thing to each of them.
  private struct Run {
    let peer: ScriptedPeer
    var random: SeededRandom
    var connections: [ConnectionID] = []
    /// What the stack said last to each port: its sequence number's end, and what it acknowledged.
    var heard: [UInt16: (ack: SequenceNumber, seq: SequenceNumber)] = [:]

    init(seed: UInt64) throws {
      random = SeededRandom(seed: seed)
      peer = ScriptedPeer(secret: StackSecret(seed, 1, 2, 3))
      try peer.appListens(backlog: 3)
    }

    mutating func step() throws {
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<11: speak()
      case 11: if let id = peer.appAccepts() { connections.append(id) }
      case 12: if let id = try? peer.appConnects() { connections.append(id) }
      case 13: if let id = connections.randomElement(using: &random) { peer.appCloses(id) }
      case 14: if let id = connections.randomElement(using: &random) { peer.appAborts(id) }
      case 15: if let id = connections.randomElement(using: &random) { try? peer.appFinishes(id) }
      case 16:
        if let id = connections.randomElement(using: &random) {
          _ = try? peer.appWrites(id, count: 700)
        }
      case 17: turnKnob()
      default:
        let most: Int64 = random.happens(0.1) ? 70_000 : 1500
        try? peer.advances(by: .milliseconds(Int64.random(in: 0...most, using: &random)))
      }
      listen()
    }

    /// A segment from one of twelve ports, to the listener or to whoever spoke to that port.
    private mutating func speak() {
      let port = UInt16.random(in: 1...12, using: &random)
      let last = heard[port] ?? (ack: 1000, seq: 5000)
      let flags: [SegmentFlags] = [
        .syn, .syn, .ack, .ack, .ack, .ack, .ack, [.ack, .fin], [.ack, .fin], [.ack, .fin],
        [.syn, .ack], .rst,
      ]
      let isNear = random.happens(0.9)
      let offset = isNear ? 0 : Int.random(in: -3000...3000, using: &random)
      var segment = Segment(
        flags: flags.randomElement(using: &random)!, seq: last.ack + offset, ack: last.seq,
        payload: random.happens(0.2) ? [1, 2, 3] : [])
      if segment.flags.contains(.syn) { segment.options = [.maximumSegmentSize(1460)] }
      peer.sends(segment.from(port: port))
    }

    private mutating func listen() {
      // Not by rules of one conversation: a pair that falls back to TIME-WAIT (TW-14) takes back what its
      // SYN-ACK promised.
      for segment in (try? peer.takesSegments()) ?? [] {
        guard let port = segment.destinationPort, !segment.flags.contains(.rst) else { continue }
        heard[port] = (ack: segment.flags.contains(.ack) ? segment.ack : 7000, seq: segment.end)
        // The stack's own opens go to the peer's port; answers must find their way back.
        if let own = segment.sourcePort, own != 80 { peer.stackPort = own }
      }
      if random.happens(0.3) { peer.stackPort = 80 }
    }

    private mutating func turnKnob() {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: peer.stack.settings.synCookies = SYNCookieMode.allCases.randomElement(using: &random)!
      case 1: peer.stack.settings.maximumTimeWait = Int.random(in: 0...5, using: &random)
      case 2: peer.stack.settings.maximumOrphans = Int.random(in: 0...3, using: &random)
      case 3: peer.stack.settings.abortOnOverflow.toggle()
      case 4: peer.stack.settings.timeWaitReuse = random.happens(0.5) ? .always : .never
      case 5: peer.stack.settings.maximumHalfOpen = Int.random(in: 0...6, using: &random)
      case 6: peer.stack.settings.recyclesTimeWait.toggle()
      default: peer.stack.settings.orphanRetries = Int.random(in: 0...3, using: &random)
      }
    }

    /// What the kept numbers say that the rows do not.
    func mismatch() -> String? {
      peer.stack.debugCheckInvariants()
      var rows = StateCounts()
      var orphans = 0
      peer.stack.forEachSnapshot { row in
        rows[row.state] += 1
        if row.isOrphan { orphans += 1 }
      }
      let kept = peer.stack.stateCounts
      for state in TCPState.allCases where rows[state] != kept[state] {
        return "\(state): \(kept[state]) kept, \(rows[state]) rows"
      }
      if orphans != peer.stack.orphanCount {
        return "orphans: \(peer.stack.orphanCount) kept, \(orphans) rows"
      }
      if rows[.timeWait] != peer.stack.timeWaitCount { return "TIME-WAIT" }
      // A listener of backlog 3: four entries, and as many again that reopen TIME-WAIT.
      if peer.stack.halfOpenCount > 8 { return "\(peer.stack.halfOpenCount) half open" }
      return nil
    }
  }

  // CNT-2, SYS-6, SYS-15
  @Test(arguments: 0..<8)
  func `kept numbers agree with the rows whatever happens`(_ block: Int) throws {
    var met = [UInt64](repeating: 0, count: 4)
    for seed in UInt64(block * 10)..<UInt64(block * 10 + 10) {
      var run = try Run(seed: seed)
      for number in 0..<800 {
        try run.step()
        if number % 5 == 0, let text = run.mismatch() {
          throw run.peer.failure("seed \(seed), step \(number): \(text)")
        }
      }
      let counters = run.peer.stack.counters.tcp
      let places = [
        counters.timeWaitExpired + counters.timeWaitReopened + counters.timeWaitOverflow,
        counters.abortsOnMemory, counters.synCookiesReceived, counters.embryonicResets,
      ]
      for (index, count) in places.enumerated() { met[index] += count }
      for id in run.connections { run.peer.stack.abort(id) }
      while let id = run.peer.appAccepts() { run.peer.stack.abort(id) }
      _ = try run.peer.takesAll(for: .seconds(1_000))
      let left = run.peer.stack.stateCounts.total
      #expect(left == 1, "seed \(seed): more than the listener is left")
      #expect(run.peer.stack.orphanCount == 0, "seed \(seed)")
      #expect(run.peer.stack.bufferedBytes == 0, "seed \(seed)")
    }
    #expect(!met.contains(0), "a run that meets nothing proves nothing: \(met)")
  }
}
