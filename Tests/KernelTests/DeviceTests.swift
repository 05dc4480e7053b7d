// The TUN device as the kernel sees it: what is set on devices we make, what is left alone on
// devices that were there, offloads that outlive a process, links that go down and devices that go.

import Foundation
import Testing

extension Kernel {
  @Suite struct Device {
    /// A persistent TUN, as an administrator prepares it.
    private func prepared(mtu: Int = 1500, user: String? = nil) throws -> Namespace {
      let namespace = try Namespace()
      try KernelTests.succeed(
        namespace.command(
          ["ip", "tuntap", "add", "dev", "tun0", "mode", "tun"]
            + (user.map { ["user", $0] } ?? [])))
      try namespace.succeed("ip", "address", "add", "\(Server.host)/24", "dev", "tun0")
      try namespace.succeed("ip", "link", "set", "tun0", "mtu", "\(mtu)", "up")
      return namespace
    }

    private func describe(_ namespace: Namespace) throws -> String {
      let address = try namespace.succeed("ip", "-o", "-4", "address", "show", "tun0").text
      let mtu = try namespace.succeed("cat", "/sys/class/net/tun0/mtu").text
      let queue = try namespace.succeed("cat", "/sys/class/net/tun0/tx_queue_len").text
      return address + mtu + queue
    }

    // OFF-11: address and MTU of an existing device stay as found.
    @Test func `an existing device is used and left as it was`() throws {
      let namespace = try prepared(mtu: 1400)
      let before = try describe(namespace)
      for _ in 1...2 {
        let server = try Server(in: namespace)
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        #expect(try describe(namespace) == before)
        server.stop()
        #expect(try describe(namespace) == before)
      }
    }

    // OFF-11: the MTU is read from the device.
    @Test(arguments: [(1500, 1460), (9000, 8960), (65535, 65495)])
    func `the MSS follows the MTU of an existing device`(_ mtu: Int, _ mss: Int) throws {
      let folder = try ScratchFolder()
      let namespace = try prepared(mtu: mtu)
      let server = try Server(in: namespace, ["--capture", folder.path("c.pcap")])
      #expect(try server.curl("--data", "x", "\(server.url)/echo") == "x")
      server.stop()
      let capture = try succeed(
        ["python3", "-c", PythonPeers.captureCheck, folder.path("c.pcap")]
      ).text
      #expect(capture.contains("mss \(mss)\n"), "\(capture)")
    }

    @Test func `the owner of a device needs no root`() throws {
      let namespace = try prepared(user: "nobody")
      // An ordinary user may open the device node on most machines; where not, it gets one here.
      let server = try RunningCommand(
        namespace.command([
          "unshare", "-m", "sh", "-c",
          """
          mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 &&
          exec setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all "$0" serve
          """, Machine.tunstack,
        ]))
      try eventually("the unprivileged server") {
        guard server.isRunning else { throw CommandError.notReady(server.errorsSoFar) }
        return server.errorsSoFar.contains("serving on")
      }
      let status = try String(
        contentsOf: URL(filePath: "/proc/\(server.processID)/status"), encoding: .utf8)
      #expect(status.contains("Uid:\t65534\t65534") && status.contains("CapEff:\t0000000000000000"))
      let answer = try namespace.succeed("curl", "-sS", "http://\(Server.address)/hello").text
      #expect(answer == "Hello, World!")
      #expect(server.stop().status == 0)
      #expect(try namespace.hasDevice("tun0"), "the device was not ours to remove")
    }

    // OFF-4: what one process asked of the device must not reach the next.
    @Test func `with offloads, then without, then with them again on one device`() throws {
      let namespace = try prepared()
      for mode in [[], ["--no-offload"], [], ["--no-offload"]] {
        let server = try Server(in: namespace, mode)
        let outcome = try namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(10 << 20)")
        #expect(outcome.text == "same \(10 << 20)\n")
        server.stop()
      }
    }

    // OFF-10
    @Test func `a device we make has a long queue and no IPv6`() throws {
      try withServer { server in
        let namespace = server.namespace
        #expect(try namespace.succeed("cat", "/sys/class/net/tun0/tx_queue_len").text == "4096\n")
        #expect(
          try namespace.succeed("cat", "/proc/sys/net/ipv6/conf/tun0/disable_ipv6").text == "1\n")
        #expect(
          try namespace.succeed("ip", "-o", "-4", "address", "show", "tun0").text
            .contains("\(Server.host)/24"))
        try namespace.succeed("python3", "-c", PythonPeers.datagramBurst, Server.address, "2000")
        #expect(
          try namespace.succeed("cat", "/sys/class/net/tun0/statistics/tx_dropped").text == "0\n")
      }
    }

    @Test func `the MTU of a device we make is as asked`() throws {
      try withServer("--mtu", "9000") { server in
        #expect(try server.namespace.succeed("cat", "/sys/class/net/tun0/mtu").text == "9000\n")
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(20 << 20)")
        #expect(outcome.text == "same \(20 << 20)\n")
        let ping = try server.namespace.succeed(
          "ping", "-c", "1", "-W", "5", "-s", "8972", Server.address)
        #expect(ping.text.contains("1 received"))
      }
    }

    // Linux sends no less than 48 octets of TCP options and text (tcp_min_snd_mss), 88 with both
    // headers; on a smaller MTU it fragments its own segments, and fragments are dropped for now.
    @Test(arguments: [88, 576])
    func `a small MTU carries everything, only slower`(_ mtu: Int) throws {
      try withServer("--mtu", "\(mtu)") { server in
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "300000")
        #expect(outcome.text == "same 300000\n")
      }
    }

    @Test func `the smallest MTU of IPv4 answers a ping`() throws {
      try withServer("--mtu", "68") { server in
        let outcome = try server.namespace.succeed(
          "ping", "-c", "1", "-W", "5", "-s", "40", Server.address)
        #expect(outcome.text.contains("1 received"))
        #expect(try server.namespace.run("nc", "-z", Server.address, "81").status == 1)
      }
    }

    // OFF-9: EIO while the link is down is waited out.
    @Test func `a link that goes down and up again only pauses`() throws {
      let namespace = try prepared()
      let server = try Server(in: namespace)
      #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
      for _ in 1...3 {
        try namespace.succeed("ip", "link", "set", "tun0", "down")
        #expect(try namespace.run("curl", "-sS", "-m", "1", "\(server.url)/hello").status != 0)
        try namespace.succeed("ip", "link", "set", "tun0", "up")
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
      }
      server.stop()
    }

    // OFF-9: EBADFD, the device is gone for good.
    @Test func `a deleted device is told in one line, with status 69`() throws {
      let namespace = try Namespace()
      let server = try Server(in: namespace)
      let before = server.process.errorsSoFar
      try namespace.succeed("ip", "link", "delete", "tun0")
      let outcome = server.process.wait(seconds: 20)
      #expect(outcome.status == 69)
      let said = outcome.errors.dropFirst(before.count).split(separator: "\n")
      #expect(said.count == 1, "\(said)")
    }

    // OFF-6
    @Test(arguments: [[], ["--no-offload"]])
    func `a capture has every frame with its final checksums`(_ mode: [String]) throws {
      let folder = try ScratchFolder()
      let file = folder.path("c.pcap")
      try withServer(mode + ["--capture", file]) { server in
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "3000000")
        #expect(outcome.text == "same 3000000\n")
        #expect(try server.namespace.run("nc", "-z", Server.address, "81").status == 1)
        try server.namespace.succeed("ping", "-c", "1", "-W", "5", Server.address)
      }
      let checked = try succeed(["python3", "-c", PythonPeers.captureCheck, file]).text
      #expect(checked.contains("frames "))
      // Where it is installed, a second opinion.
      guard FileManager.default.isExecutableFile(atPath: "/usr/bin/tshark") else { return }
      let bad = try succeed(
        [
          "tshark", "-n", "-r", file, "-o", "tcp.check_checksum:TRUE", "-o",
          "ip.check_checksum:TRUE",
          "-Y", "tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed",
        ])
      #expect(bad.text == "", "\(bad.text.prefix(1000))")
    }
  }
}
