// Everything that can go wrong between the runtime and a device, one case per cause. A description
// is one line for the terminal: what happened and how to mend it (DESIGN §7).

internal import Glibc

/// Why a device could not be opened or went away.
public enum DeviceError: Error, Hashable, Sendable {
  /// Neither root nor `CAP_NET_ADMIN`, and the device is not an existing one of this user.
  case notPermitted(name: String)
  /// The kernel has no TUN driver, or the container hides it.
  case noTunDevice
  /// Another process is attached to the device.
  case busy(name: String)
  /// Not a name that an interface can have.
  case invalidName(String)
  /// An interface of that name exists and is no TUN.
  case notATun(name: String)
  /// The device exists with several queues and one was asked for, or the other way round (OFF-9).
  case queueMismatch(name: String)
  /// The interface is down; it may come back (EIO).
  case linkDown
  /// The device was deleted while in use (EBADFD).
  case deleted(name: String)
  /// The kernel does not take the address for its side of the device.
  case addressRejected(String, code: Int32)
  /// The prefix has no second host address for the kernel's side.
  case noHostAddress(InterfaceAddress)
  /// Not between 68 and 65,535, or the kernel does not take it.
  case mtuRejected(Int)
  /// The capture file cannot be written.
  case captureFile(path: String, code: Int32)
  /// Any other failure of a system call.
  case io(code: Int32, call: String)
}

extension DeviceError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notPermitted(let name):
      "no permission to open \(name): run as root, with CAP_NET_ADMIN, or on a TUN device that "
        + "was made for this user (ip tuntap add \(name) mode tun user NAME)"
    case .noTunDevice:
      "there is no /dev/net/tun: load the driver (modprobe tun) or pass the device to the "
        + "container (--device /dev/net/tun)"
    case .busy(let name):
      "\(name) is in use by another process: stop it or choose another name"
    case .invalidName(let name):
      "\"\(name)\" is not an interface name: use 1 to 15 characters without slash, colon or space"
    case .notATun(let name):
      "\(name) exists and is not a TUN device: choose another name"
    case .queueMismatch(let name):
      "\(name) exists with another number of queues: make it without multi_queue"
    case .linkDown:
      "the device is down: set it up (ip link set dev NAME up)"
    case .deleted(let name):
      "\(name) was deleted while in use: start again"
    case .addressRejected(let address, let code):
      "the host address \(address) was refused (\(Self.text(code))): choose another one"
    case .noHostAddress(let address):
      "\(address) leaves no address for the host's side: use a shorter prefix or name the host "
        + "address"
    case .mtuRejected(let mtu):
      "an MTU of \(mtu) is not possible: use 68 to 65535"
    case .captureFile(let path, let code):
      "cannot write the capture file \(path) (\(Self.text(code))): choose another path"
    case .io(let code, let call):
      "\(call) failed: \(Self.text(code))"
    }
  }

  /// What the C library calls an error.
  private static func text(_ code: Int32) -> String {
    guard let message = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: message)
  }
}
