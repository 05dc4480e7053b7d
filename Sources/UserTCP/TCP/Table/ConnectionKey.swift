// What names a connection on the wire: two addresses and two ports (RFC 9293 §3.1). The key is the
// one thing above `Wire/` that knows an IP version, so that IPv4's stays twelve octets; IPv6 gets a
// key and tables of its own.

struct ConnectionKey: Hashable, BitwiseCopyable {
  var remoteAddress: IPv4Address
  var localAddress: IPv4Address
  var remotePort: Port
  var localPort: Port

  init(
    remoteAddress: IPv4Address, remotePort: Port, localAddress: IPv4Address, localPort: Port
  ) {
    self.remoteAddress = remoteAddress
    self.localAddress = localAddress
    self.remotePort = remotePort
    self.localPort = localPort
  }

  init(local: Endpoint, remote: Endpoint) {
    switch (local.address, remote.address) {
    case (.v4(let localAddress), .v4(let remoteAddress)):
      self.init(
        remoteAddress: remoteAddress, remotePort: remote.port, localAddress: localAddress,
        localPort: local.port)
    }
  }

  var local: Endpoint { Endpoint(localAddress, localPort) }
  var remote: Endpoint { Endpoint(remoteAddress, remotePort) }

  func hash(with keyed: KeyedHash) -> UInt64 {
    keyed.hash(
      UInt64(remoteAddress.bits) << 32 | UInt64(localAddress.bits),
      UInt64(remotePort.rawValue) << 16 | UInt64(localPort.rawValue))
  }
}
