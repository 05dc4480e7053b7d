// SipHash over sixteen octets against its reference. The expected numbers are of the reference
// implementation's table (`vectors_sip64`, key 00…0f, input 00…0f), computed again from the paper.

import Testing

@testable import UserTCP

struct KeyedHashTests {
  private let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
  private let input: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)

  // SEC-11
  @Test func `the conservative form is SipHash-2-4`() {
    #expect(KeyedHash.conservative(key: key).hash(input.0, input.1) == 0x3F2A_CC7F_57C2_9BDB)
  }

  @Test func `the fast form is SipHash-1-3`() {
    #expect(KeyedHash.fast(key: key).hash(input.0, input.1) == 0xCC4F_DD1A_7D90_8B66)
  }

  @Test func `every bit of key and input matters`() {
    let plain = KeyedHash.conservative(key: key).hash(input.0, input.1)
    var seen: Set<UInt64> = [plain]
    for bit: UInt64 in 0..<64 {
      let flip: UInt64 = 1 << bit
      seen.insert(KeyedHash.conservative(key: (key.0 ^ flip, key.1)).hash(input.0, input.1))
      seen.insert(KeyedHash.conservative(key: (key.0, key.1 ^ flip)).hash(input.0, input.1))
      seen.insert(KeyedHash.conservative(key: key).hash(input.0 ^ flip, input.1))
      seen.insert(KeyedHash.conservative(key: key).hash(input.0, input.1 ^ flip))
    }
    #expect(seen.count == 1 + 4 * 64)
  }
}
