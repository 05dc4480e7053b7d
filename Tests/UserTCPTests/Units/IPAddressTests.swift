// Addresses as people write them, prefixes with their edges, and who may speak to us.

import Testing

@testable import UserTCP

struct IPAddressTests {
  @Test func `dotted decimal is read and written`() {
    for (text, bits): (String, UInt32) in [
      ("0.0.0.0", 0), ("255.255.255.255", .max), ("192.0.2.1", 0xC000_0201), ("1.2.3.4", 0x0102_0304),
    ] {
      let address = IPv4Address(text)
      #expect(address?.bits == bits)
      #expect(address?.description == text)
      #expect(IPAddress(text)?.description == text)
    }
  }

  @Test func `texts that are no address are refused`() {
    let texts = [
      "", ".", "...", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1", "1.2.3.04",
      "01.2.3.4", "00.0.0.0", "+1.2.3.4", "-1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.a", "0x1.2.3.4",
      "1.2.3.4/24", "١.٢.٣.٤", "999999999999999999999.1.1.1",
    ]
    for text in texts { #expect(IPv4Address(text) == nil, "\(text)") }
  }

  @Test func `the classes of addresses have their edges`() {
    #expect(IPv4Address(224, 0, 0, 0).isMulticast && IPv4Address(239, 255, 255, 255).isMulticast)
    #expect(!IPv4Address(223, 255, 255, 255).isMulticast && !IPv4Address(240, 0, 0, 0).isMulticast)
    #expect(IPv4Address(240, 0, 0, 0).isReserved && IPv4Address.limitedBroadcast.isReserved)
    #expect(IPv4Address(127, 0, 0, 0).isLoopback && IPv4Address(127, 255, 255, 255).isLoopback)
    #expect(!IPv4Address(126, 255, 255, 255).isLoopback && !IPv4Address(128, 0, 0, 0).isLoopback)
    #expect(IPv4Address(0, 255, 255, 255).isThisNetwork && !IPv4Address(1, 0, 0, 0).isThisNetwork)
  }
}

struct InterfaceAddressTests {
  @Test func `a prefix is read with its address`() {
    let address = InterfaceAddress("192.0.2.2/24")
    #expect(address?.address == IPv4Address(192, 0, 2, 2))
    #expect(address?.prefixLength == 24)
    #expect(address?.description == "192.0.2.2/24")
    for text in ["192.0.2.2", "192.0.2.2/", "192.0.2.2/33", "192.0.2.2/-1", "192.0.2.2/24/1", "/24"] {
      #expect(InterfaceAddress(text) == nil, "\(text)")
    }
  }

  @Test func `every prefix length has a mask of as many bits`() {
    for length in 0...32 {
      let address = InterfaceAddress(IPv4Address(192, 0, 2, 2), prefixLength: length)
      #expect(address.mask.nonzeroBitCount == length)
      #expect(address.mask.leadingZeroBitCount == (length == 0 ? 32 : 0))
      #expect(address.contains(address.address))
      #expect(address.contains(IPv4Address(bits: address.address.bits ^ 1)) == (length < 32))
    }
  }

  @Test func `a broadcast address exists up to 30 bits`() {
    func broadcast(_ text: String) -> IPv4Address? { InterfaceAddress(text)!.broadcast }
    #expect(broadcast("192.0.2.2/24") == IPv4Address(192, 0, 2, 255))
    #expect(broadcast("192.0.2.5/30") == IPv4Address(192, 0, 2, 7))
    #expect(broadcast("10.1.2.3/0") == .limitedBroadcast)
    #expect(broadcast("192.0.2.2/31") == nil)  // RFC 3021
    #expect(broadcast("192.0.2.2/32") == nil)
  }

  // OFF-11
  @Test func `the first other host is ours never and a host always`() {
    func other(_ text: String) -> String? { InterfaceAddress(text)!.firstOtherHost?.description }
    #expect(other("192.0.2.2/24") == "192.0.2.1")
    #expect(other("192.0.2.1/24") == "192.0.2.2")
    #expect(other("192.0.2.9/30") == "192.0.2.10")
    #expect(other("192.0.2.10/30") == "192.0.2.9")
    #expect(other("192.0.2.2/31") == "192.0.2.3")
    #expect(other("192.0.2.3/31") == "192.0.2.2")
    #expect(other("192.0.2.2/32") == nil)
    #expect(other("255.255.255.255/32") == nil)
    #expect(other("255.255.255.255/31") == "255.255.255.254")
  }
}

struct HostAddressesTests {
  private var hosts: HostAddresses {
    var hosts = HostAddresses(interface: InterfaceAddress("192.0.2.2/24")!)
    hosts.add(InterfaceAddress("198.51.100.5/28")!)
    return hosts
  }

  // IP4-4, R9293-MUST-63
  @Test func `nobody speaks from an address that no single host has`() {
    let martians = [
      "0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.1.2.3", "240.0.0.1",
      "255.255.255.255", "192.0.2.255", "198.51.100.15", "192.0.2.2", "198.51.100.5",
    ]
    for text in martians { #expect(!hosts.isValidSource(IPv4Address(text)!), "\(text)") }
    for text in ["192.0.2.1", "198.51.100.6", "8.8.8.8", "198.51.100.255", "223.255.255.254"] {
      #expect(hosts.isValidSource(IPv4Address(text)!), "\(text)")
    }
  }

  // R9293-MUST-46
  @Test func `connections are opened to single hosts only`() {
    for text in ["0.0.0.0", "0.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.255"] {
      #expect(!hosts.isValidDestination(IPv4Address(text)!), "\(text)")
    }
    for text in ["192.0.2.1", "127.0.0.1", "192.0.2.2", "8.8.8.8"] {
      #expect(hosts.isValidDestination(IPv4Address(text)!), "\(text)")
    }
  }

  // IP4-3, IP4-5
  @Test func `what is ours and what stays inside`() {
    #expect(hosts.isOwn(IPv4Address("192.0.2.2")!) && hosts.isOwn(IPv4Address("198.51.100.5")!))
    #expect(!hosts.isOwn(IPv4Address("192.0.2.1")!) && !hosts.isOwn(IPv4Address("127.0.0.1")!))
    #expect(hosts.isLocal(IPv4Address("127.0.0.1")!) && hosts.isLocal(IPv4Address("192.0.2.2")!))
    #expect(hosts.preferred == IPv4Address("192.0.2.2")!)
  }

  @Test func `the first address stays, others come once and go`() {
    var hosts = hosts
    hosts.add(InterfaceAddress("198.51.100.5/28")!)
    #expect(hosts.all.count == 2)
    hosts.remove(IPv4Address("192.0.2.2")!)
    hosts.remove(IPv4Address("198.51.100.5")!)
    #expect(hosts.all.map(\.description) == ["192.0.2.2/24"])
  }
}
