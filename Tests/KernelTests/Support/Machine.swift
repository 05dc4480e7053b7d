// What these tests need of the machine, and the suite that all of them belong to.

import Foundation
import Testing

/// Level 4: the real kernel on the other side of a real TUN. One at a time: they share two cores
/// with each other, and a starved peer retransmits.
@Suite(
  .serialized,
  .enabled(if: Machine.missing.isEmpty, "\(Machine.missing.joined(separator: ", "))"))
struct Kernel {}

enum Machine {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Empty when the tests can run; otherwise what they lack.
  static let missing: [String] = {
    var missing: [String] = []
    if getuid() != 0 { missing.append("needs root") }
    if !FileManager.default.fileExists(atPath: "/dev/net/tun") {
      missing.append("needs /dev/net/tun")
    }
    if !FileManager.default.isExecutableFile(atPath: builtTunstack) {
      missing.append("needs a release build of tunstack (scripts/build.sh), or TUNSTACK=path")
    }
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".split(separator: ":")
    for program in [
      "curl", "ip", "mariadbd", "nc", "netstat", "nft", "nginx", "nstat", "ping", "python3",
      "setpriv",
      "ss", "sysctl", "unshare", "wrk",
    ]
    where !path.contains(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    ) {
      missing.append("needs \(program)")
    }
    return missing
  }()

  private static let builtTunstack =
    ProcessInfo.processInfo.environment["TUNSTACK"]
    ?? repository.appending(path: ".build/release/tunstack").path

  /// A copy at a place where an ordinary user may run it too.
  private static let toolFolder: ScratchFolder? = {
    do {
      let folder = try ScratchFolder()
      let copy = folder.path("tunstack")
      try FileManager.default.copyItem(atPath: builtTunstack, toPath: copy)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy)
      atexit { Machine.toolFolder?.remove() }
      return folder
    } catch {
      return nil
    }
  }()

  /// The tool under test.
  static var tunstack: String { toolFolder?.path("tunstack") ?? builtTunstack }
}

@Test(.enabled(if: ProcessInfo.processInfo.environment["KERNEL_TESTS_REQUIRED"] != nil))
func `the kernel tests can run here`() {
  #expect(Machine.missing == [], "scripts/test.sh has promised them")
}
