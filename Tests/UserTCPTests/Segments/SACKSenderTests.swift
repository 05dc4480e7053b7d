// What the stack makes of SACK blocks that a peer sends: good ones, old ones, lies (RFC 2018 §5, §8,
// RFC 2883 §4, RFC 6675 §3).

import Testing
import UserTCPSimulation

@testable import UserTCP

@Suite struct SACKSenderTests {
  // SACK-5
  @Test func `what was SACKed stays until it is acknowledged, and can be sent again`() throws {
    let flight = try Flight()
    #expect(try flight.writes(10) == Array(0..<10))
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<10)
    #expect(try flight.takes() == [0])
    // The peer has thrown all of it away: RFC 2018 §8 lets it.
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(1)
    _ = try flight.peer.takesAll()
    var c = flight.c
    c.ack += flight.size
    let rest = try flight.peer.acknowledges(&c, count: 9 * flight.size, for: .seconds(60))
    #expect(rest == Array(ScriptedPeer.pattern(10 * flight.size)[flight.size...]))
  }

  // SACK-6
  @Test func `after a timeout the oldest segment is sent again although it was SACKed`() throws {
    let flight = try Flight()
    try flight.writes(4)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 0..<4)
    // TLP-1: with something SACKed there is no probe.
    let resent = try flight.takes(for: .seconds(2))
    #expect(resent.first == 0)
    #expect(flight.counters.timeouts > 0)
    // SND.UNA itself cannot have been SACKed: all marks are void.
    #expect(flight.counters.sackRenegings == 1)
    flight.acks(1)
    _ = try flight.takes()
    flight.acks(2)
    #expect(try flight.takes(for: .seconds(2)).contains(where: { $0 >= 2 }))
  }

  // SACK-7
  @Test(arguments: [
    (3, 2), (2, 2), (8, 12), (10, 11), (-3, 2), (-2, -1), (20, 30), (1 << 20, 1 << 21),
  ])
  func `a block that cannot be changes nothing and is counted`(_ left: Int, _ right: Int) throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(50))
    flight.acks(1)
    try flight.peer.advances(by: .milliseconds(10))
    _ = try flight.peer.takesAll()
    // In second place, where no duplicate can stand; the first block is good and known already.
    let good = flight.block(5..<6)
    flight.acks(1, sack: 5..<6)
    let before = flight.counters.sackBlocksDiscarded
    let window = flight.window
    for _ in 0..<5 {
      flight.peer.sends(
        .ack(seq: flight.c.seq, ack: flight.seq(1))
          .sack(good, SegmentBlock(flight.seq(left), flight.seq(right))))
    }
    #expect(try flight.takes() == [])
    #expect(flight.window == window)
    #expect(flight.threshold == nil)
    #expect(flight.counters.sackBlocksDiscarded == before + 5)
  }

  // SACK-7
  @Test func `a block beyond what was sent does not acknowledge what is sent later`() throws {
    let flight = try Flight()
    try flight.writes(3)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(2, sack: 3..<9)
    try flight.writes(6)
    try flight.peer.advances(by: .milliseconds(100))
    // Segment 2 and all of the six are unheard of: they must come again.
    var c = flight.c
    c.ack += 2 * flight.size
    #expect(
      try flight.peer.acknowledges(&c, count: 7 * flight.size, for: .seconds(60)).count
        == 7 * flight.size)
  }

  // SACK-7
  @Test func `overlapping and repeated blocks count each octet once`() throws {
    let flight = try Flight(.forLossTests { $0.usesTailLossProbe = false })
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 3..<4, 3..<4, 3..<4, 3..<4)
    flight.acks(0, sack: 3..<4)
    flight.acks(0, sack: 3..<4)
    // One segment arrived ahead, however often it was said: nothing is lost yet.
    #expect(try flight.takes() == [])
    flight.acks(0, sack: 3..<5, 4..<6, 3..<6)
    #expect(try flight.takes().first == 0)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(10)
    #expect(try flight.takes(for: .seconds(5)) == [])
  }

  // SACK-7
  @Test func `blocks that cut segments in pieces are taken as they are`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    let odd = (1..<40).map {
      SegmentBlock(flight.c.ack + $0 * 300 + 7, flight.c.ack + $0 * 300 + 9)
    }
    for start in stride(from: 0, to: 36, by: 4) {
      flight.peer.sends(
        .ack(seq: flight.c.seq, ack: flight.c.ack).sack(Array(odd[start..<start + 4])))
    }
    flight.peer.stack.debugCheckInvariants()
    var bytes: [UInt8] = []
    var next = flight.c.ack
    for _ in 0..<200 where bytes.count < 10 * flight.size {
      for segment in try flight.peer.takesSegments(for: .milliseconds(50)) {
        let offset = segment.seq - flight.c.ack
        #expect(
          segment.payload
            == Array(
              ScriptedPeer.pattern(10 * flight.size)[offset..<offset + segment.payload.count]))
        if segment.seq == next {
          bytes += segment.payload
          next = segment.end
          flight.peer.sends(.ack(seq: flight.c.seq, ack: next))
        }
      }
    }
    #expect(bytes.count == 10 * flight.size)
  }

  // SACK-9
  @Test func `a duplicate below the acknowledgment or inside the second block is one`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(3, sack: 1..<2)
    #expect(flight.counters.duplicatesReported == 1)
    flight.acks(3, sack: 6..<7, 5..<8)
    #expect(flight.counters.duplicatesReported == 2)
    #expect(flight.counters.sackBlocksDiscarded == 0)
    // Neither made anything lost that three segments ahead would not.
    flight.acks(3, sack: 1..<2)
    flight.acks(3, sack: 2..<3)
    #expect(flight.counters.duplicatesReported == 4)
  }

  // SACK-9
  @Test func `an old ACK's island is no duplicate, although all of it is acknowledged now`() throws
  {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(6)
    // Overtaken on its way: then it said that 4 had come ahead of 3.
    flight.acks(3, sack: 4..<5)
    #expect(flight.counters.duplicatesReported == 0)
    #expect(try flight.takes() == [])
    #expect(flight.threshold == nil)
  }

  // SACK-9
  @Test func `duplicates of what was sent once are lies and cost nothing`() throws {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(5)
    let window = flight.window
    for _ in 0..<100 { flight.acks(5, sack: 1..<4) }
    #expect(try flight.takes() == [])
    #expect(flight.window == window)
    #expect(flight.counters.undoneRecoveries == 0)
    flight.peer.stack.debugCheckInvariants()
    try flight.peer.advances(by: .milliseconds(10))
    flight.acks(10)
    #expect(try flight.takes(for: .seconds(2)) == [])
  }

  // SACK-9
  @Test func `lies about duplicates during a recovery take back no more than was sent again`()
    throws
  {
    let flight = try Flight()
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(1, sack: 4..<10)
    let resent = try flight.takes()
    #expect(resent.first == 1)
    // Segment 0 was never sent again: whatever the peer says of it explains no retransmission.
    for _ in 0..<50 { flight.acks(1, sack: 0..<1, 4..<10) }
    #expect(flight.counters.undoneRecoveries == 0)
    #expect(flight.threshold == 4 || flight.threshold == 5)
  }

  // SACK-1
  @Test func `blocks from a peer that was not allowed any mean nothing`() throws {
    let flight = try Flight(options: [.maximumSegmentSize(1460), .windowScale(8)])
    try flight.writes(10)
    try flight.peer.advances(by: .milliseconds(100))
    flight.acks(0, sack: 1..<10)
    #expect(try flight.takes() == [])
    #expect(flight.counters.sackBlocksDiscarded == 0)
    #expect(flight.counters.sackRecoveries == 0)
  }

  // R9293-MUST-68, SACK-7
  @Test(arguments: 0..<80 as Range<UInt64>)
  func `random blocks never lose an octet nor the connection`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let flight = try Flight(
      .forLossTests {
        $0.usesRACK = seed % 2 == 0
        $0.usesForwardRTO = seed % 3 == 0
        $0.congestionAlgorithm = seed % 5 == 0 ? .cubic : .reno
        // A peer that lies so much waits for many timeouts of what it says it has.
        $0.maximumRetransmissionTimeout = .milliseconds(300)
      }, offloads: seed % 4 < 2 ? .all : .none)
    try flight.peer.appWrites(flight.c.id, count: 100_000)
    var next = flight.c.ack
    var received = 0
    for _ in 0..<6000 where received < 100_000 {
      for segment in try flight.peer.takesSegments(for: .milliseconds(20)) {
        let offset = segment.seq - flight.c.ack
        if segment.seq <= next, segment.end > next, random.happens(0.8) {
          #expect(
            segment.payload
              == ScriptedPeer.pattern(segment.payload.count, from: offset), "seed \(seed)")
          received += segment.end - next
          next = segment.end
        }
      }
      let blocks = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        let left = next + Int.random(in: -5_000...30_000, using: &random)
        return SegmentBlock(left, left + Int.random(in: -100...10_000, using: &random))
      }
      let back = random.happens(0.1) ? Int.random(in: 0...3000, using: &random) : 0
      flight.peer.sends(
        .ack(seq: flight.c.seq, ack: next - min(back, next - flight.c.ack)).sack(blocks))
      flight.peer.stack.debugCheckInvariants()
    }
    #expect(received == 100_000, "seed \(seed)\n\(flight.peer.transcript)")
  }
}
