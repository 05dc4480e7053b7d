// The IPv4 parser: each kind of malformation by name, and every length of random octets without a trap.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct IPv4HeaderTests {
  /// A packet with correct length and checksum, options padded to whole words.
  private func packet(
    options: [UInt8] = [], payload: Int = 8, _ change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    let headerCount = 20 + (options.count + 3) / 4 * 4
    var bytes = [UInt8](repeating: 0, count: headerCount + payload)
    bytes[0] = 0x40 | UInt8(headerCount / 4)
    bytes[1] = 0xB8
    bytes[2] = UInt8(bytes.count >> 8)
    bytes[3] = UInt8(bytes.count & 0xFF)
    bytes[8] = 64
    bytes[9] = IPProtocol.tcp
    bytes.replaceSubrange(12..<20, with: [192, 0, 2, 1, 192, 0, 2, 2])
    bytes.replaceSubrange(20..<20 + options.count, with: options)
    change(&bytes)
    return bytes
  }

  private func summed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let headerCount = min(Int(bytes[0] & 0x0F) * 4, bytes.count)
    bytes[10] = 0
    bytes[11] = 0
    var checksum = InternetChecksum()
    checksum.add(bytes.raw.extracting(0..<headerCount))
    bytes[10] = UInt8(checksum.value >> 8)
    bytes[11] = UInt8(checksum.value & 0xFF)
    return bytes
  }

  private func malformation(_ bytes: [UInt8]) -> IPv4Header.Malformation? {
    do throws(IPv4Header.Malformation) {
      _ = try IPv4Header(parsing: bytes.raw)
      return nil
    } catch { return error }
  }

  @Test func `a good header is read field by field`() throws {
    let bytes = summed(packet { $0[6] = 0x40 } + [1, 2, 3])  // padding behind the packet
    let header = try IPv4Header(parsing: bytes.raw)
    #expect(header.source == IPv4Address(192, 0, 2, 1))
    #expect(header.destination == IPv4Address(192, 0, 2, 2))
    #expect(header.protocolNumber == IPProtocol.tcp)
    #expect(header.headerCount == 20 && header.totalCount == 28)
    #expect(header.typeOfService == 0xB8)
    #expect(!header.isFragment)
  }

  // IP4-1, IP4-2
  @Test func `each malformed header has its name`() {
    #expect(malformation(Array(summed(packet()).prefix(19))) == .truncated)
    #expect(malformation(summed(packet { $0[0] = 0x55 })) == .header)  // version 5
    #expect(malformation(summed(packet { $0[0] = 0x44 })) == .header)  // 16 octets of header
    #expect(malformation(summed(packet { $0[3] = 19 })) == .header)  // total below header
    #expect(malformation(summed(packet { $0[3] = 29 })) == .truncated)
    #expect(malformation(summed(packet(payload: 0) { $0[0] = 0x46; $0[3] = 24 })) == .truncated)
    var flipped = summed(packet())
    flipped[8] ^= 1
    #expect(malformation(flipped) == .header)
    #expect(malformation(summed(packet())) == nil)
  }

  @Test func `fragments are told from whole packets`() throws {
    for (word, isFragment): (UInt16, Bool) in [
      (0x0000, false), (0x4000, false), (0x8000, false), (0x2000, true), (0x0001, true),
      (0x1FFF, true), (0x2001, true),
    ] {
      let bytes = summed(
        packet {
          $0[6] = UInt8(word >> 8)
          $0[7] = UInt8(word & 0xFF)
        })
      let header = try IPv4Header(parsing: bytes.raw)
      #expect(header.isFragment == isFragment, "\(word)")
    }
  }

  // IP4-8, R9293-MUST-50
  @Test func `options are walked, unknown ones are ignored and impossible lengths refused`() {
    #expect(malformation(summed(packet(options: [1, 1, 1, 0]))) == nil)
    #expect(malformation(summed(packet(options: [68, 4, 5, 0]))) == nil)  // a timestamp
    #expect(malformation(summed(packet(options: [200, 3, 0, 1]))) == nil)
    #expect(malformation(summed(packet(options: [200, 0, 0, 0]))) == .options)
    #expect(malformation(summed(packet(options: [200, 1, 0, 0]))) == .options)
    #expect(malformation(summed(packet(options: [200, 5, 0, 0]))) == .options)
    #expect(malformation(summed(packet(options: [1, 1, 1, 200]))) == .options)
    #expect(malformation(summed(packet(options: [0, 200, 1, 0]))) == nil)  // behind the end
  }

  // DEC-6
  @Test func `source routes are refused`() {
    #expect(malformation(summed(packet(options: [131, 3, 4]))) == .sourceRouted)
    #expect(malformation(summed(packet(options: [1, 137, 3, 4]))) == .sourceRouted)
  }

  @Test func `random octets of every length are survived`() {
    var random = SeededRandom(seed: 5)
    var accepted = 0
    for count in 0...60 {
      for _ in 0..<200 {
        var bytes = random.bytes(count)
        if count > 3, Bool.random(using: &random) {
          // Past the first checks.
          bytes[0] = 0x40 | UInt8.random(in: 5...15, using: &random)
          bytes[2] = 0
          bytes[3] = UInt8.random(in: 20...60, using: &random)
          if count >= 20 { bytes = summed(bytes) }
        }
        if malformation(bytes) == nil { accepted += 1 }
      }
    }
    #expect(accepted > 0, "some get through to the options")
  }

  // IP4-2, IP4-10, IP4-12
  @Test func `what is written is read back`() throws {
    let bytes = [UInt8](capacity: 20) { output in
      IPv4Header.write(
        from: IPv4Address(192, 0, 2, 2), to: IPv4Address(192, 0, 2, 1),
        protocolNumber: IPProtocol.icmp, totalCount: 20, typeOfService: 0x28, timeToLive: 17,
        identification: 0xABCD, dontFragment: true, into: &output)
    }
    let header = try IPv4Header(parsing: bytes.raw)
    #expect(header.source == IPv4Address(192, 0, 2, 2))
    #expect(header.typeOfService == 0x28)
    #expect(header.protocolNumber == IPProtocol.icmp)
    #expect(bytes[4] == 0xAB && bytes[5] == 0xCD)
    #expect(bytes[6] == 0x40 && bytes[7] == 0)
    #expect(bytes[8] == 17)
  }
}
