// The options that `serve` and `connect` share: the device, the addresses, the settings. Arguments
// arrive as text and are checked all together before anything is opened, so that a mistake leaves
// nothing half started and is answered with a line of ours and not of a parser's.

import ArgumentParser
import UserTCPRuntime

struct StackOptions: ParsableArguments {
  @Option(help: "Name of the TUN device: attached to if it exists, else made and removed.")
  var tun = "tun0"

  @Option(help: "Address of this stack and its prefix.")
  var address = "192.0.2.2/24"

  @Option(help: "Address of this machine on a device that is made (default: first of the prefix).")
  var hostAddress: String?

  @Option(help: "MTU of a device that is made, 68 to 65535 (default: 1500).")
  var mtu: String?

  @Option(
    name: .customLong("set"),
    help: "A setting of the stack with Linux's name, like tcp_fin_timeout=30. Repeatable.")
  var assignments: [String] = []

  @Option(help: "A file of settings in the syntax of sysctl.conf.")
  var conf: String?

  @Option(help: "Whose numbers hold where the RFCs and Linux differ: linux or rfc.")
  var profile = "linux"

  @Option(help: "Write every packet to this file (pcap).")
  var capture: String?

  @Option(help: "Write what happens to every connection to this file, a line for each event.")
  var trace: String?

  @Option(help: "Form of the trace: text, or json in the shape of qlog.")
  var traceFormat = "text"

  @Option(help: "Path of the control socket (default: /run/tunstack/TUN.sock).")
  var control: String?

  @Flag(help: "Have no control socket.")
  var noControl = false

  @Flag(help: "Have the kernel neither cut segments nor compute checksums.")
  var noOffload = false

  @Flag(help: "Log errors only.")
  var quiet = false

  @Flag(help: "Log more.")
  var verbose = false
}

/// Whether a stack has a control socket, and where.
enum ControlChoice: Equatable {
  case none
  case path(String)
  /// The usual place; without it when that cannot be had.
  case standard
}

/// The options once they are checked.
struct StackPlan {
  var device: TunDevice.Configuration
  var address: InterfaceAddress
  var values: SettingValues
  var capture: String?
  var trace: TracePlan?
  /// The control socket that was asked for.
  var control: ControlChoice
  /// Lines of the configuration file that belong to other parts of a system.
  var skippedSettings: [String]
  /// What to tell of settings that were made.
  var settingWarnings: [String]

  var settings: StackSettings { values.stack }

  init(_ options: StackOptions) throws(Failure) {
    guard let address = InterfaceAddress(options.address) else {
      throw .usage(
        "'\(options.address)' is not an address with a prefix; write it like 192.0.2.2/24")
    }
    try Self.checkOwn(address)
    self.address = address
    device = TunDevice.Configuration(
      name: try Self.deviceName(options.tun), address: address,
      hostAddress: try Self.hostAddress(options.hostAddress, beside: address),
      mtu: try Self.mtu(options.mtu), offloads: !options.noOffload)
    (values, skippedSettings, settingWarnings) = try Self.settings(options)
    capture = options.capture
    trace = try TracePlan(path: options.trace, format: options.traceFormat)
    control = try Self.control(options)
    if options.quiet, options.verbose {
      throw .usage("--quiet and --verbose exclude each other; leave one out")
    }
  }

  private static func control(_ options: StackOptions) throws(Failure) -> ControlChoice {
    guard let path = options.control else { return options.noControl ? .none : .standard }
    if options.noControl {
      throw .usage("--control and --no-control exclude each other; leave one out")
    }
    try ControlPath.check(path)
    return .path(path)
  }

  private static func checkOwn(_ own: InterfaceAddress) throws(Failure) {
    let address = own.address
    guard !address.isMulticast, !address.isReserved, !address.isLoopback, !address.isThisNetwork,
      own.broadcast != address, own.network != address
    else {
      throw .usage(
        "\(address) is not an address a host can have; take one like 192.0.2.2/24")
    }
  }

  /// What the kernel takes as the name of an interface (IFNAMSIZ is 16 with the final NUL).
  private static func deviceName(_ name: String) throws(Failure) -> String {
    let isName =
      !name.isEmpty && name.utf8.count <= 15 && name != "." && name != ".."
      && name.utf8.allSatisfy { $0 > ASCII.space && $0 != 0x2F && $0 != ASCII.colon && $0 != 0x25 }
    guard isName else {
      throw .usage("'\(name)' is not a device name; take up to 15 letters and digits, like tun0")
    }
    return name
  }

  private static func hostAddress(
    _ text: String?, beside own: InterfaceAddress
  ) throws(Failure) -> IPv4Address? {
    guard let text else { return nil }
    guard let host = IPv4Address(text), own.contains(host), host != own.address,
      host != own.broadcast, host != own.network
    else {
      throw .usage(
        "--host-address '\(text)' is not another host of \(own); "
          + "take one like \(own.firstOtherHost?.description ?? "192.0.2.1")")
    }
    return host
  }

  private static func mtu(_ text: String?) throws(Failure) -> Int? {
    guard let text else { return nil }
    guard let mtu = Int(text), (68...65_535).contains(mtu) else {
      throw .usage("--mtu: '\(text)' is not an MTU; an MTU is 68 to 65535 octets")
    }
    return mtu
  }

  /// The profile first, then the file, then the command line: the later one holds.
  private static func settings(
    _ options: StackOptions
  ) throws(Failure) -> (SettingValues, skipped: [String], warnings: [String]) {
    guard let profile = Profile(rawValue: options.profile) else {
      throw .usage("--profile: '\(options.profile)' is unknown; the profiles are linux and rfc")
    }
    var values = SettingValues(StackSettings(profile: profile))
    var assignments: [SettingAssignment] = []
    var skipped: [String] = []
    if let path = options.conf {
      let file = try SysctlFile(try TextFile.read(path), name: path)
      assignments = file.assignments
      skipped = file.skipped
    }
    for text in options.assignments {
      do throws(SettingAssignment.Problem) {
        assignments.append(try SettingAssignment(text))
      } catch {
        throw .usage("--set: \(error.description)")
      }
    }
    for assignment in assignments { assignment.apply(to: &values) }
    return (values, skipped, assignments.flatMap(\.warnings))
  }
}

extension InterfaceAddress {
  /// The address of the prefix itself, which no host has; a prefix of 31 or 32 bits has none.
  fileprivate var network: IPv4Address? {
    prefixLength <= 30 ? IPv4Address(bits: address.bits & mask) : nil
  }
}
