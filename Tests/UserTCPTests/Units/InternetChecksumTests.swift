// The Internet checksum (RFC 1071) against the sum written as the RFC defines it, octet pair by octet
// pair, for every length and every way to cut the octets into pieces.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct InternetChecksumTests {
  /// RFC 1071 §1, literally.
  private func reference(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8
      if index + 1 < bytes.count { sum += UInt32(bytes[index + 1]) }
      sum = (sum & 0xFFFF) + (sum >> 16)
    }
    return ~UInt16(sum)
  }

  @Test func `the example of RFC 1071 §3`() {
    var checksum = InternetChecksum()
    checksum.add([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7].raw)
    #expect(checksum.partial == 0xDDF2)
    #expect(checksum.value == 0x220D)
  }

  @Test func `every length agrees with the definition`() {
    var random = SeededRandom(seed: 1)
    for count in 0...200 {
      for bytes in [random.bytes(count), [UInt8](repeating: 0xFF, count: count)] {
        var checksum = InternetChecksum()
        checksum.add(bytes.raw)
        #expect(checksum.value == reference(bytes), "\(count) octets")
      }
    }
    for _ in 0..<50 {
      let bytes = random.bytes(Int.random(in: 0...65_535, using: &random))
      var checksum = InternetChecksum()
      checksum.add(bytes.raw)
      #expect(checksum.value == reference(bytes), "\(bytes.count) octets")
    }
  }

  @Test func `pieces of any length sum as the whole`() {
    var random = SeededRandom(seed: 2)
    for _ in 0..<500 {
      let bytes = random.bytes(Int.random(in: 1...400, using: &random))
      var checksum = InternetChecksum()
      var start = 0
      while start < bytes.count {
        let end = Int.random(in: start...bytes.count, using: &random)
        checksum.add(bytes.raw.extracting(start..<end))
        start = end
      }
      #expect(checksum.value == reference(bytes))
    }
  }

  @Test func `words and octets are the same thing`() {
    var words = InternetChecksum()
    words.add(UInt16(0x1234))
    words.add(UInt32(0x89AB_CDEF))
    var octets = InternetChecksum()
    octets.add([0x12, 0x34, 0x89, 0xAB, 0xCD, 0xEF].raw)
    #expect(words.value == octets.value)
  }

  @Test func `octets with their own checksum are valid until a bit is flipped`() {
    var random = SeededRandom(seed: 3)
    for _ in 0..<50 {
      var bytes = random.bytes(2 * Int.random(in: 2...40, using: &random))
      bytes[2] = 0
      bytes[3] = 0
      let sum = reference(bytes)
      bytes[2] = UInt8(sum >> 8)
      bytes[3] = UInt8(sum & 0xFF)
      var whole = InternetChecksum()
      whole.add(bytes.raw)
      #expect(whole.isValid)
      let bit = Int.random(in: 0..<bytes.count * 8, using: &random)
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      var broken = InternetChecksum()
      broken.add(bytes.raw)
      #expect(!broken.isValid)
    }
  }

  // IP4-14
  @Test func `the vector of RFC 1624 gives zero and not all ones`() {
    #expect(InternetChecksum.updated(0xDD2F, changing: 0x5555, to: 0x3285) == 0x0000)
  }

  // IP4-14
  @Test func `a changed word of a header agrees with a full computation`() {
    var random = SeededRandom(seed: 4)
    for _ in 0..<2000 {
      var header = random.bytes(20)
      header[10] = 0
      header[11] = 0
      let before = reference(header)
      let at = 2 * Int.random(in: 0..<5, using: &random)
      let old = UInt16(header[at]) << 8 | UInt16(header[at + 1])
      let new = UInt16.random(in: 0 ... .max, using: &random)
      header[at] = UInt8(new >> 8)
      header[at + 1] = UInt8(new & 0xFF)
      #expect(InternetChecksum.updated(before, changing: old, to: new) == reference(header))
    }
  }
}
