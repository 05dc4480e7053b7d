// Opening a TUN: attaching to one that exists, or making one and configuring it as `ip` would. The
// kernel's side gets the host's address; the stack's own address exists in user space only.

internal import CTun
internal import Glibc

extension TunDevice {
  public struct Configuration: Sendable {
    /// The interface's name, at most 15 characters.
    public var name: String
    /// The stack's address; its prefix is what the kernel will route to the device. `nil`: a device that
    /// is made has no address and stays down, for who gives it one later.
    public var address: InterfaceAddress?
    /// The kernel's own address on a device that is made; `nil`: the first other host of the prefix.
    public var hostAddress: IPv4Address?
    /// Of a device that is made; `nil`: 1500.
    public var mtu: Int?
    /// Whether super-segments and unfinished checksums are exchanged with the kernel.
    public var offloads: Bool

    public init(
      name: String = "tun0", address: InterfaceAddress?, hostAddress: IPv4Address? = nil,
      mtu: Int? = nil, offloads: Bool = true
    ) {
      self.name = name
      self.address = address
      self.hostAddress = hostAddress
      self.mtu = mtu
      self.offloads = offloads
    }
  }

  /// Attaches to the device, whose address and MTU then stay as they are (OFF-11), or makes it.
  ///
  /// Making needs CAP_NET_ADMIN; attaching to a persistent device that was made for the calling user
  /// needs nothing.
  public static func open(_ configuration: Configuration) throws(DeviceError) -> TunDevice {
    let name = configuration.name
    guard isInterfaceName(name) else { throw .invalidName(name) }
    if let mtu = configuration.mtu, !(68...65_535).contains(mtu) { throw .mtuRejected(mtu) }
    let file = ctun_open()
    guard file >= 0 else { throw openError(-file, name) }
    do throws(DeviceError) {
      let exists = unsafe ctun_interface_index(name) > 0
      let vnetHeaderSize = try attach(file, name, exists: exists)
      let offloads = setOffloads(
        file, wanted: configuration.offloads && vnetHeaderSize > 0)
      if !exists { try configure(configuration) }
      let mtu = unsafe ctun_get_mtu(name)
      guard mtu > 0 else { throw .io(code: -mtu, call: "reading the MTU of \(name)") }
      return TunDevice(
        file: file, name: name, made: !exists, mtu: Int(mtu), offloads: offloads,
        vnetHeaderSize: vnetHeaderSize)
    } catch {
      _ = Glibc.close(file)  // a device that we made goes with it
      throw error
    }
  }

  /// Returns the size of the virtio-net header, 0 where the kernel has none.
  private static func attach(
    _ file: Int32, _ name: String, exists: Bool
  ) throws(DeviceError) -> Int {
    var size = Int(CTUN_VNET_HEADER_SIZE)
    var result = unsafe ctun_attach(file, name, true, false)
    if result == -EINVAL {
      result = unsafe ctun_attach(file, name, false, false)
      size = 0
    }
    guard result == 0 else { throw attachError(-result, name, exists: exists) }
    guard size > 0 else { return 0 }
    let sizeResult = ctun_set_vnet_header_size(file, Int32(size))  // OFF-4
    guard sizeResult == 0 else { throw .io(code: -sizeResult, call: "TUNSETVNETHDRSZ") }
    return size
  }

  /// Always tells the kernel, also to hand over nothing unfinished (OFF-4), and takes what it grants.
  private static func setOffloads(_ file: Int32, wanted: Bool) -> OffloadCapabilities {
    if wanted {
      if ctun_set_offloads(file, UInt32(CTUN_OFFLOAD_ALL)) == 0 { return .all }
      if ctun_set_offloads(file, UInt32(CTUN_OFFLOAD_CHECKSUM)) == 0 {
        return OffloadCapabilities(checksum: true, segmentation: false)
      }
    }
    _ = ctun_set_offloads(file, UInt32(CTUN_OFFLOAD_NONE))
    return .none
  }

  /// What `ip` would do to a device that is ours.
  private static func configure(_ configuration: Configuration) throws(DeviceError) {
    let name = configuration.name
    if let mtu = configuration.mtu, unsafe ctun_set_mtu(name, Int32(mtu)) != 0 {
      throw .mtuRejected(mtu)
    }
    // OFF-10. Neither is worth failing for: without IPv6 there is no such file, and the default
    // queue only drops more.
    _ = unsafe ctun_set_queue_length(name, 4096)
    _ = unsafe ctun_disable_ipv6(name)
    guard let address = configuration.address else { return }
    try setAddress(address, host: configuration.hostAddress, of: name)
    let result = unsafe ctun_set_up(name)
    guard result == 0 else { throw .io(code: -result, call: "setting \(name) up") }
  }

  /// Gives the kernel's side its address.
  private static func setAddress(
    _ address: InterfaceAddress, host chosen: IPv4Address?, of name: String
  ) throws(DeviceError) {
    guard let host = chosen ?? address.firstOtherHost else { throw .noHostAddress(address) }
    // The kernel would answer for it itself.
    guard host != address.address else {
      throw .addressRejected(host.description, code: EADDRINUSE)
    }
    // A host outside the prefix gets a route to the stack alone.
    let isInPrefix = address.prefixLength < 32 && address.contains(host)
    let result = unsafe ctun_set_address(
      name, host.bits, address.mask, isInPrefix ? 0 : address.address.bits)
    guard result == 0 else { throw .addressRejected(host.description, code: -result) }
  }

  // MARK: Errors

  /// What the kernel's `dev_valid_name` takes; a percent sign would be a pattern.
  private static func isInterfaceName(_ name: String) -> Bool {
    (1...15).contains(name.utf8.count) && name != "." && name != ".."
      && name.utf8.allSatisfy {
        $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
          && $0 != UInt8(ascii: "%")
      }
  }

  private static func openError(_ code: Int32, _ name: String) -> DeviceError {
    switch code {
    case ENOENT, ENXIO, ENODEV: .noTunDevice
    case EACCES, EPERM: .notPermitted(name: name)
    default: .io(code: code, call: "opening /dev/net/tun")
    }
  }

  private static func attachError(_ code: Int32, _ name: String, exists: Bool) -> DeviceError {
    switch code {
    case EPERM: return .notPermitted(name: name)
    case ENOTTY: return .noTunDevice  // something else stands at its path
    case EBUSY: return .busy(name: name)
    case EINVAL where exists:
      // The kernel has one error for two causes; the file exists for TUNs only, and knows.
      let flags = unsafe ctun_read_interface_file(name, "tun_flags")
      let isTun = flags >= 0 && flags & 0x0001 != 0  // IFF_TUN
      return isTun ? .queueMismatch(name: name) : .notATun(name: name)
    case EINVAL: return .invalidName(name)
    default: return .io(code: code, call: "TUNSETIFF")
    }
  }
}
