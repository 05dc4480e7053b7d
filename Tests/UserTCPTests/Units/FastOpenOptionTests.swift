// The Fast Open option on the wire, and the cookie that Linux makes of the same key.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct FastOpenOptionTests {
  // TFO-1
  @Test
  func `a request and cookies of 4 to 16 even octets are understood, and written as they came`() {
    for count in 0...38 {
      let cookie = [UInt8](0..<UInt8(count))
      let options = TCPOptions(parsing: ([34, UInt8(count + 2)] + cookie).raw)
      guard count == 0 || ((4...16).contains(count) && count % 2 == 0) else {
        #expect(options?.fastOpen == .malformed)
        continue
      }
      var written = TCPOptions.none
      written.fastOpen = options?.fastOpen ?? .absent
      let bytes = [UInt8](capacity: 40) { output in
        written.write(to: &output)
      }
      #expect(bytes.count == written.encodedCount && bytes.count % 4 == 0)
      #expect(bytes.drop { $0 == 1 } == ([34, UInt8(count + 2)] + cookie)[...])
    }
  }

  // TFO-1, SYS-30: what Linux 6 gave to 127.0.0.5 and 127.0.0.6, with tcp_fastopen_key at
  // 00010203-04050607-08090a0b-0c0d0e0f
  @Test func `cookies depend on both addresses and the key, as Linux makes them`() {
    var context = TCPContext(
      settings: StackSettings(), secrets: HostSecrets(StackSecret(1, 2, 3, 4)),
      sendsSuperSegments: false)
    var ends = ConnectionKey(
      remoteAddress: IPv4Address(127, 0, 0, 5), remotePort: 1,
      localAddress: IPv4Address(127, 0, 0, 1), localPort: 2)
    let drawn = context.fastOpenCookie(for: ends)
    context.settings.fastOpenKeys = FastOpenKeys(
      current: .init(0x0405_0607_0001_0203, 0x0C0D_0E0F_0809_0A0B))
    let cookie = context.fastOpenCookie(for: ends)
    #expect(cookie == FastOpenCookie(0x6847_2395_AAE1_2A09))
    #expect(context.verdict(on: cookie, from: ends) == .valid)
    #expect(context.verdict(on: drawn, from: ends) == .forged)
    ends.remotePort = 9
    #expect(context.fastOpenCookie(for: ends) == cookie)
    ends.remoteAddress = IPv4Address(127, 0, 0, 6)
    #expect(context.fastOpenCookie(for: ends) == FastOpenCookie(0xACB5_F611_D38A_231E))
    #expect(context.verdict(on: cookie, from: ends) == .forged)
  }

  // SipHash-2-4, the authors' vectors: key 00…0f, input 00…07.
  @Test func `eight octets are hashed as SipHash does`() {
    let hash = KeyedHash.conservative(key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
    #expect(hash.hash(0x0706_0504_0302_0100) == 0x93F5_F579_9A93_2462)
  }
}
