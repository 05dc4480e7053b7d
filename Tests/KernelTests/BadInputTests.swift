// What the tool answers to a wrong option or an unfit machine: one line on standard error that says
// what and how to mend it, a status as in sysexits, and nothing left behind.

import Foundation
import Testing

struct BadInput: CustomTestStringConvertible {
  var words: [String]
  var status: Int32
  var says: String

  init(_ words: String, _ status: Int32, says: String) {
    self.words = words.split(separator: " ").map(String.init)
    self.status = status
    self.says = says
  }

  var testDescription: String { "tunstack \(words.joined(separator: " "))" }

  static let table = [
    BadInput("serve --address 192.0.2.2", 64, says: "address with a prefix"),
    BadInput("serve --address 192.0.2.2/33", 64, says: "address with a prefix"),
    BadInput("serve --address 192.0.2.256/24", 64, says: "address with a prefix"),
    BadInput("serve --address stack/24", 64, says: "address with a prefix"),
    BadInput("serve --host-address 198.51.100.1", 64, says: "--host-address"),
    BadInput("serve --host-address 192.0.2.2", 64, says: "--host-address"),
    BadInput("serve --mtu 67", 64, says: "68 to 65535"),
    BadInput("serve --mtu 65536", 64, says: "68 to 65535"),
    BadInput("serve --mtu big", 64, says: "68 to 65535"),
    BadInput("serve --port http=0", 64, says: "1 to 65535"),
    BadInput("serve --port http=65536", 64, says: "1 to 65535"),
    BadInput("serve --port http=www", 64, says: "1 to 65535"),
    BadInput("serve --port http=7", 64, says: "is taken by"),
    BadInput("serve --port time=37", 64, says: "echo, discard, chargen and http"),
    BadInput("serve --set tcp_no_such_thing=1", 64, says: "is not a setting"),
    BadInput("serve --set tcp_fin_timeout=-1", 64, says: "tcp_fin_timeout"),
    BadInput("serve --set tcp_fin_timeout", 64, says: "--set"),
    BadInput("serve --tun a/b", 64, says: "is not a device name"),
    BadInput("serve --tun a-name-far-too-long", 64, says: "is not a device name"),
    BadInput("serve --profile windows", 64, says: "linux and rfc"),
    BadInput("serve --no-such-option", 64, says: "--help"),
    BadInput("dig", 64, says: "--help"),
    BadInput("serve --conf /nonexistent/sysctl.conf", 66, says: "cannot read"),
    BadInput("serve --capture /nonexistent/c.pcap", 73, says: "cannot write the capture file"),
    BadInput("serve --capture /proc/version", 73, says: "cannot write the capture file"),
    BadInput("serve --control", 64, says: "--help"),
    BadInput("serve --control /nonexistent/x.sock", 73, says: "--no-control"),
    BadInput("serve --control /proc/version", 69, says: "is no socket"),
    BadInput("serve --control /tmp/x.sock --no-control", 64, says: "exclude each other"),
    BadInput("netstat -x", 64, says: "--help"),
    BadInput("netstat -an --control /nonexistent/x.sock", 69, says: "there is no socket"),
    BadInput("netstat -an --control /proc/version", 69, says: "/proc/version"),
    BadInput("ss state half-open", 64, says: "the states are"),
    BadInput("ss dport = :80", 64, says: "state NAME"),
    BadInput("proc net/udp", 64, says: "net/tcp"),
    BadInput("sysctl", 64, says: "--help"),
    BadInput("sysctl -a -r ( --control /nonexistent/x.sock", 64, says: "regular expression"),
    BadInput("connect 192.0.2.1", 64, says: "--help"),
    BadInput("connect nowhere.example 80", 64, says: "nowhere.example"),
    BadInput("connect 192.0.2.1 0", 64, says: "1 to 65535"),
    BadInput("connect 192.0.2.1 http", 64, says: "1 to 65535"),
  ]
}

extension Kernel {
  @Suite struct BadInputs {
    private func expectRefusal(
      _ outcome: Outcome, _ status: Int32, says: String, in namespace: Namespace
    ) throws {
      #expect(outcome.status == status, "\(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasPrefix("tunstack: "))
      #expect(outcome.errors.contains(says), "\(outcome.errors)")
      #expect(outcome.text == "")
      #expect(try namespace.succeed("ls", "/sys/class/net").text == "lo\n", "a device was left")
    }

    @Test(arguments: BadInput.table) func `is refused in one line`(_ bad: BadInput) throws {
      let namespace = try Namespace()
      let outcome = try run(namespace.command([Machine.tunstack] + bad.words), seconds: 20)
      try expectRefusal(outcome, bad.status, says: bad.says, in: namespace)
    }

    @Test func `a configuration line that is wrong is named`() throws {
      let namespace = try Namespace()
      let folder = try ScratchFolder()
      let file = folder.path("sysctl.conf")
      try Data("# fine\nnet.ipv4.tcp_fin_timeout = 5\nnet.ipv4.tcp_fin = 5\n".utf8)
        .write(to: URL(filePath: file))
      let outcome = try namespace.run(Machine.tunstack, "serve", "--conf", file, seconds: 20)
      try expectRefusal(outcome, 78, says: "\(file):3:", in: namespace)
    }

    /// Runs the tool where `/dev/net` is prepared by a shell script, as an ordinary user or as root.
    private func serve(_ namespace: Namespace, devices: String, asNobody: Bool) throws -> Outcome {
      let user = asNobody ? "setpriv --reuid nobody --regid nogroup --clear-groups" : "env"
      return try namespace.run(
        "unshare", "-m", "sh", "-c", "\(devices); exec \(user) \"$0\" serve", Machine.tunstack,
        seconds: 20)
    }

    @Test(arguments: [
      "mount -t tmpfs none /dev/net; mknod -m 600 /dev/net/tun c 10 200",  // may not open it
      "mount -t tmpfs none /dev/net; mknod -m 666 /dev/net/tun c 10 200",  // may not make a TUN
    ])
    func `without root or the capability it names the capability`(_ devices: String) throws {
      let namespace = try Namespace()
      let outcome = try serve(namespace, devices: devices, asNobody: true)
      try expectRefusal(outcome, 77, says: "CAP_NET_ADMIN", in: namespace)
    }

    @Test func `without a TUN device it says so`() throws {
      let namespace = try Namespace()
      let outcome = try serve(
        namespace, devices: "mount -t tmpfs none /dev/net", asNobody: false)
      try expectRefusal(outcome, 69, says: "/dev/net/tun", in: namespace)
    }

    @Test func `where /dev/net/tun is something else there is no TUN device either`() throws {
      let namespace = try Namespace()
      let outcome = try serve(
        namespace, devices: "mount --bind /dev/null /dev/net/tun", asNobody: false)
      try expectRefusal(outcome, 69, says: "/dev/net/tun", in: namespace)
    }

    @Test func `a device of the wrong kind is refused by name`() throws {
      let namespace = try Namespace()
      try namespace.succeed("ip", "tuntap", "add", "dev", "tun0", "mode", "tap")
      let outcome = try namespace.run(Machine.tunstack, "serve", seconds: 20)
      #expect(outcome.status != 0)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("tun0"))
      #expect(try namespace.hasDevice("tun0"), "not ours to remove")
    }
  }
}
