// Congestion notification with the kernel at the other end, in both roles, over a real TUN with offloads:
// agreed on, used, and with packets that nftables marks as a congested router would.

import Foundation
import Testing

extension Namespace {
  /// Counters of the kernel's TCP and IP in here that are not 0.
  fileprivate func counters() throws -> [String: Int] {
    parsedCounters(try succeed("nstat", "-as").text)
  }

  /// Has one ECT(0) packet of every `period` marked on its way out of the kernel and into it.
  fileprivate func marksPackets(every period: Int) throws {
    try shell(
      """
      nft add table ip router
      for hook in prerouting postrouting; do
        nft add chain ip router $hook "{ type filter hook $hook priority mangle; }"
        nft add rule ip router $hook ip ecn ect0 numgen inc mod \(period) 0 counter ip ecn set ce
      done
      """)
  }
}

private func parsedCounters(_ text: String) -> [String: Int] {
  var counters: [String: Int] = [:]
  for line in text.split(separator: "\n").dropFirst() {
    let words = line.split(separator: " ")
    counters[String(words[0])] = Int(words[1])
  }
  return counters
}

extension Kernel {
  @Suite struct CongestionNotification {
    /// HOST: exchanges some octets over port 7 and keeps the connection.
    private static let lingeringClient = """
      import socket, sys, time
      s = socket.create_connection((sys.argv[1], 7), 30)
      s.sendall(b"x" * 20000)
      left = 20000
      while left: left -= len(s.recv(left))
      print("ready", flush=True); time.sleep(60)
      """

    // ECN-1, SYS-29
    @Test(arguments: [("1", true), ("0", false)])
    func `a kernel that asks for it gets it, and both ends use it`(
      _ mode: String, _ isAgreed: Bool
    ) throws {
      try withServer { server in
        try server.namespace.succeed("sysctl", "-qw", "net.ipv4.tcp_ecn=\(mode)")
        let client = try server.namespace.start(
          "python3", "-c", Self.lingeringClient, Server.address)
        try eventually("the client") { client.outputSoFar.count > 0 }
        let ours = try server.tool("ss", "-tinH", "state", "established")
        #expect(ours.contains(" ecn ecnseen ") == isAgreed, "\(ours)")
        let kernel = try server.namespace.counters()
        #expect((kernel["IpExtInECT0Pkts"] ?? 0 > 0) == isAgreed)
        _ = client.stop(SIGKILL)
      }
    }

    // ECN-3, ECN-4, OFF-3
    @Test func `both ends cut their windows for marks, and lose nothing`() throws {
      try withServer { server in
        try server.namespace.succeed("sysctl", "-qw", "net.ipv4.tcp_ecn=1")
        try server.namespace.marksPackets(every: 20)
        let said = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "30000000", seconds: 120)
        #expect(said.text.hasPrefix("same 30000000"))
        let ours = parsedCounters(try server.tool("nstat", "-as"))
        let kernel = try server.namespace.counters()
        #expect(ours["IpExtInCEPkts"] ?? 0 > 0)
        // Each heard that the other had received its marks. (The kernel counts before nftables marks.)
        #expect(ours["TcpExtTCPDeliveredCE"] ?? 0 > 0)
        #expect(kernel["TcpExtTCPDeliveredCE"] ?? 0 > 0)
        #expect(ours["TcpRetransSegs"] ?? 0 == 0 && kernel["TcpRetransSegs"] ?? 0 == 0)
      }
    }

    // ECN-1, SYS-29
    @Test(arguments: [("1", true), ("0", false)])
    func `a kernel that we ask answers as its own setting says`(
      _ mode: String, _ isAgreed: Bool
    ) throws {
      let namespace = try Namespace()
      try namespace.succeed("sysctl", "-qw", "net.ipv4.tcp_ecn=\(mode)")
      try namespace.marksPackets(every: 20)
      let folder = try ScratchFolder()
      let sent = try Data(contentsOf: URL(filePath: folder.randomFile("sent", megabytes: 5)))
      let server = try namespace.start("python3", "-c", PythonPeers.echoServer, "7777")
      try eventually("the kernel's server") {
        String(decoding: server.outputSoFar, as: UTF8.self).contains("ready")
      }
      let outcome = try run(
        namespace.command([
          Machine.tunstack, "connect", Server.host, "7777", "--set", "tcp_ecn=1",
        ]),
        input: sent, seconds: 120)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output == sent)
      let kernel = try namespace.counters()
      #expect((kernel["IpExtInECT0Pkts"] ?? 0 > 0) == isAgreed)
      #expect((kernel["TcpExtTCPDeliveredCE"] ?? 0 > 0) == isAgreed)
    }
  }
}
