// How a program names the device of a stack: a TUN by name, or a device that it made itself.

/// What a stack sends and receives through.
public enum DeviceChoice: Sendable {
  /// The TUN device `name`: attached to when it exists, otherwise made, which needs CAP_NET_ADMIN.
  /// `hostAddress` is the kernel's side of a device that is made; `nil`: the first other host.
  case tun(_ name: String, hostAddress: IPv4Address? = nil, mtu: Int? = nil)
  /// Any device. The stack closes it in the end.
  case device(any PacketDevice)

  func open(_ address: InterfaceAddress) throws(DeviceError) -> any PacketDevice {
    switch self {
    case .device(let device): device
    case .tun(let name, let hostAddress, let mtu):
      try TunDevice.open(
        TunDevice.Configuration(name: name, address: address, hostAddress: hostAddress, mtu: mtu))
    }
  }
}

extension InterfaceAddress: ExpressibleByStringLiteral {
  /// `"192.0.2.2/24"` in a program's text; anything else there is a mistake of the programmer.
  /// What a user typed goes through `init?(_:)`.
  public init(stringLiteral text: String) {
    guard let address = InterfaceAddress(text) else {
      preconditionFailure("not an address with a prefix length: \(text)")
    }
    self = address
  }
}
