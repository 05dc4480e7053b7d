// ICMP messages, what errors quote of our segments, and the bucket that bounds the errors we send.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct ICMPMessageTests {
  @Test func `a message needs eight octets`() {
    for count in 0..<8 {
      let message = ICMPMessage(parsing: [UInt8](repeating: 8, count: count).raw)
      #expect(message == nil)
    }
    let message = ICMPMessage(parsing: [8, 1, 0, 0, 1, 2, 3, 4].raw)
    #expect(message?.type == 8 && message?.code == 1 && message?.rest == 0x0102_0304)
  }

  // ICMP4-2
  @Test func `a written message is valid and one with a flipped bit is not`() {
    for body: [UInt8] in [[], [1], [1, 2, 3], [UInt8](repeating: 7, count: 100)] {
      let header = [UInt8](capacity: 8) { output in
        ICMPMessage(type: 0, code: 0, rest: 0xDEAD_BEEF).write(
          before: body.raw, into: &output)
      }
      var bytes = header + body
      let isValid = ICMPMessage.hasValidChecksum(bytes.raw)
      #expect(isValid)
      bytes[bytes.count - 1] ^= 4
      let isStillValid = ICMPMessage.hasValidChecksum(bytes.raw)
      #expect(!isStillValid)
    }
  }
}

struct QuotedSegmentTests {
  private func parse(_ bytes: [UInt8]) -> QuotedSegment? { QuotedSegment(parsing: bytes.raw) }

  private func quotation(options: Int = 0, text: Int = 8) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 20 + options + text)
    bytes[0] = 0x40 | UInt8((20 + options) / 4)
    bytes[9] = IPProtocol.tcp
    bytes.replaceSubrange(12..<20, with: [192, 0, 2, 2, 192, 0, 2, 1])
    if text >= 8 {
      bytes.replaceSubrange(
        20 + options..<28 + options, with: [0, 80, 0x12, 0x34, 1, 2, 3, 4])
    }
    return bytes
  }

  // R9293-MUST-54
  @Test func `the connection is found from the quoted header, whose source we are`() {
    for options in [0, 4, 40] {
      let quoted = parse(quotation(options: options))
      #expect(quoted?.key.localAddress == IPv4Address(192, 0, 2, 2))
      #expect(quoted?.key.remoteAddress == IPv4Address(192, 0, 2, 1))
      #expect(quoted?.key.localPort == 80)
      #expect(quoted?.key.remotePort == 0x1234)
      #expect(quoted?.sequence == SequenceNumber(0x0102_0304))
    }
  }

  // SEC-27
  @Test func `quotations that say too little are refused`() {
    #expect(parse(quotation(text: 7)) == nil)
    #expect(parse(Array(quotation(options: 40).prefix(67))) == nil)
    for (index, octet): (Int, UInt8) in [(9, 17), (0, 0x65), (0, 0x44), (7, 1), (6, 0x1F)] {
      var bytes = quotation()
      bytes[index] = octet
      #expect(parse(bytes) == nil, "octet \(index) = \(octet)")
    }
    var first = quotation()
    first[6] = 0x20  // a first fragment still has the ports
    #expect(parse(first) != nil)
  }

  @Test func `random octets of every length are survived`() {
    var random = SeededRandom(seed: 8)
    var accepted = 0
    for count in 0...100 {
      for _ in 0..<50 {
        var bytes = random.bytes(count)
        if count > 9 {
          bytes[0] = 0x40 | bytes[0] & 0x0F
          bytes[9] = IPProtocol.tcp
        }
        if parse(bytes) != nil { accepted += 1 }
      }
    }
    #expect(accepted < 100 * 50)
  }
}

struct TokenBucketTests {
  // ICMP4-6
  @Test func `a burst, then so many a second`() {
    var bucket = TokenBucket(burst: 5)
    var now = Instant.zero
    var taken = 0
    for _ in 0..<20 where bucket.takeOne(at: now, perSecond: 10, burst: 5) { taken += 1 }
    #expect(taken == 5)
    taken = 0
    // 1 ms at a time for 2 s, asking each time.
    for _ in 0..<2000 {
      now = now + .milliseconds(1)
      if bucket.takeOne(at: now, perSecond: 10, burst: 5) { taken += 1 }
    }
    #expect((19...20).contains(taken))
  }

  @Test func `no more than the burst is saved up`() {
    var bucket = TokenBucket(burst: 3)
    let now = Instant.zero + .seconds(1000)
    var taken = 0
    for _ in 0..<50 where bucket.takeOne(at: now, perSecond: 1000, burst: 3) { taken += 1 }
    #expect(taken == 3)
  }
}

extension TokenBucket {
  fileprivate mutating func takeOne(at now: Instant, perSecond: Int, burst: Int) -> Bool {
    guard isFilled(at: now, perSecond: perSecond, burst: burst) else { return false }
    take()
    return true
  }
}
