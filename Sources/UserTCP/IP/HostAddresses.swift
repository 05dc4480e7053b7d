// The addresses that are ours, and which others may speak to us (RFC 1122 §3.2.1.3). A host, not a
// router: what is not for us is dropped and never passed on.

struct HostAddresses {
  private(set) var interface: InterfaceAddress
  private var additional: [InterfaceAddress] = []

  init(interface: InterfaceAddress) { self.interface = interface }

  /// The address that an active open takes when the program names none (R9293-MUST-44).
  var preferred: IPv4Address { interface.address }

  var all: [InterfaceAddress] { [interface] + additional }

  mutating func add(_ address: InterfaceAddress) {
    if !isOwn(address.address) { additional.append(address) }
  }

  mutating func remove(_ address: IPv4Address) { additional.removeAll { $0.address == address } }

  func isOwn(_ address: IPv4Address) -> Bool {
    address == interface.address || additional.contains { $0.address == address }
  }

  /// Reached without the device: our own addresses and 127/8 (IP4-5).
  func isLocal(_ address: IPv4Address) -> Bool { address.isLoopback || isOwn(address) }

  /// Limited broadcast or the directed broadcast of one of our networks.
  func isBroadcast(_ address: IPv4Address) -> Bool {
    address == .limitedBroadcast || interface.broadcast == address
      || additional.contains { $0.broadcast == address }
  }

  /// Whether a packet from the network can have come from `source` (IP4-4, R9293-MUST-63).
  func isValidSource(_ source: IPv4Address) -> Bool {
    !source.isThisNetwork && !source.isLoopback && !source.isMulticast && !source.isReserved
      && !isBroadcast(source) && !isOwn(source)
  }

  /// Whether a connection can be opened to `address` (R9293-MUST-46).
  func isValidDestination(_ address: IPv4Address) -> Bool {
    !address.isThisNetwork && !address.isMulticast && !address.isReserved && !isBroadcast(address)
  }
}
