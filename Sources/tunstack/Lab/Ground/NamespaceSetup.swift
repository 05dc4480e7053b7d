// What a lab does to a namespace before it begins: addresses, a cable to another namespace, values
// of /proc/sys. `ip` of iproute2 speaks netlink for us.

import Glibc
import UserTCPRuntime

extension NetworkNamespace {
  /// Runs `ip` with these arguments in here; what it complains about goes to standard error.
  func ip(_ arguments: String...) async throws(Failure) {
    let words = ["ip"] + arguments
    let ended = await run { SpawnedProgram.run(words) }
    switch ended {
    case .exited(0): return
    case .exited(let status):
      throw Failure(
        .system, "'\(words.joined(separator: " "))' failed with status \(status); see its message")
    case .notStarted(ENOENT):
      throw Failure(.unavailable, "the program 'ip' is missing; install iproute2")
    case .notStarted(let code):
      throw Failure(.system, "cannot start ip: \(unsafe String(cString: strerror(code)))")
    }
  }

  /// Lays a cable (veth(4)) from here to `other` and gives both ends addresses of one network.
  func connect(
    to other: NetworkNamespace, own: InterfaceAddress, others: InterfaceAddress
  ) async throws(Failure) {
    try await ip(
      "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", other.path)
    for (namespace, address) in [(self, own), (other, others)] {
      try await namespace.ip("address", "add", "\(address)", "dev", "veth0")
      try await namespace.ip("link", "set", "veth0", "up")
    }
  }

  /// Sets a value of the namespace, like `tcp_max_tw_buckets`.
  func setSysctl(_ name: String, to value: String) async throws(Failure) {
    try await run { () throws(Failure) in
      let path = "/proc/sys/net/ipv4/\(name)"
      let file = unsafe open(path, O_WRONLY | O_CLOEXEC)
      guard file >= 0 else {
        throw Failure(.unavailable, "this kernel has no \(name); run the lab with --no-kernel")
      }
      defer { close(file) }
      var text = value
      let count = text.withUTF8 { unsafe write(file, $0.baseAddress, $0.count) }
      guard count == value.utf8.count else {
        throw Failure(.system, "the kernel refuses \(name)=\(value); run with --no-kernel")
      }
    }
  }

  /// A TUN device in here, and the kernel's side of it with the first other address of the network.
  func openTun(_ address: InterfaceAddress) async throws(Failure) -> TunDevice {
    do throws(DeviceError) {
      return try await run { () throws(DeviceError) in
        try TunDevice.open(TunDevice.Configuration(name: "tun0", address: address))
      }
    } catch {
      throw Failure(error)
    }
  }
}
