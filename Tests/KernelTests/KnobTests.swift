// The knobs an operator turns first, turned on a running stack behind a real TUN: each shows that
// it acts. What a test waits for it asks of the stack's own tables; virtual time has the exact
// numbers.

import Foundation
import Testing

extension Server {
  /// A counter by Linux's name.
  fileprivate func counter(_ name: String) throws -> Int {
    let line = try tool("nstat", "-azs", name).split(separator: "\n").last ?? ""
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }

  fileprivate func set(_ assignment: String) throws {
    _ = try tool("sysctl", "-q", "-w", assignment)
  }

  fileprivate func sockets(_ state: String) throws -> [Substring] {
    try tool("ss", "-tanoH", "state", state).split(separator: "\n")
  }

  /// SYNs from hosts that are not there; returns when the stack has seen them.
  fileprivate func flood(port: Int, count: Int) throws {
    let before = try counter("TcpInSegs")
    try namespace.succeed("python3", "-c", RawSegments.strangers, "\(port)", "\(count)")
    try eventually("the SYNs") { try counter("TcpInSegs") >= before + count }
  }

  /// Memory of the process, in KiB.
  fileprivate func residentKiB() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.split(separator: " ")[1].trimmingCharacters(in: .whitespaces)))
  }

  /// A request after which the stack closes first.
  fileprivate func closeFirst() throws {
    _ = try curl("-H", "Connection: close", "\(url)/hello")
  }
}

extension Kernel {
  @Suite struct Knobs {
    // SYS-1
    @Test func `tcp_syncookies decides whether a flood shuts clients out`() throws {
      try withServer("--set", "somaxconn=16", "--set", "tcp_syncookies=0") { server in
        try server.flood(port: 80, count: 60)
        #expect(try server.counter("TcpExtSyncookiesSent") == 0)
        #expect(try server.counter("TcpExtTCPReqQFullDrop") > 30)
        #expect(try server.sockets("syn-recv").count <= 17)
        try server.set("tcp_syncookies=1")
        try server.flood(port: 80, count: 60)
        #expect(try server.counter("TcpExtSyncookiesSent") >= 60)
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        #expect(try server.counter("TcpExtSyncookiesRecv") == 1)
        #expect(server.process.errorsSoFar.contains("SYN flooding on port 80. Sending cookies."))
        // Without a flood only 2 sends them.
        #expect(
          try server.namespace.shell("echo hello | nc -N \(Server.address) 7").text == "hello\n")
        #expect(try server.counter("TcpExtSyncookiesRecv") == 1)
        try server.set("tcp_syncookies=2")
        #expect(
          try server.namespace.shell("echo hello | nc -N \(Server.address) 7").text == "hello\n")
        #expect(try server.counter("TcpExtSyncookiesRecv") == 2)
      }
    }

    // SEC-16: the SYN queue fills to its bound, then cookies go out, and memory stays as it is.
    @Test func `a flood of SYNs takes the memory of its backlog and no more`() throws {
      try withServer { server in
        _ = try server.curl("\(server.url)/hello")
        _ = try server.sockets("all")
        let before = try server.residentKiB()
        try server.flood(port: 80, count: 30_000)
        #expect(try server.counter("TcpExtSyncookiesSent") >= 30_000 - 4097)
        #expect(try server.residentKiB() - before <= 1024)
      }
    }

    // SYS-2: the last quarter is for peers that were connected before.
    @Test func `tcp_max_syn_backlog bounds half-open connections of strangers`() throws {
      try withServer("--set", "tcp_syncookies=0", "--set", "tcp_max_syn_backlog=128") { server in
        try server.flood(port: 7, count: 150)
        #expect(try server.sockets("syn-recv").count == 97)
        try server.set("tcp_max_syn_backlog=160")
        try server.flood(port: 9, count: 150)
        #expect(try server.sockets("syn-recv").count == 121)
      }
    }

    // SYS-8
    @Test func `somaxconn cuts what a listener asks for`() throws {
      try withServer("--set", "somaxconn=4") { server in
        let backlogs = try server.tool("ss", "-ltnH").split(separator: "\n")
        #expect(backlogs.allSatisfy { $0.split(separator: " ")[2] == "4" })
        try server.flood(port: 7, count: 5)
        #expect(try server.counter("TcpExtSyncookiesSent") == 0)
        try server.flood(port: 7, count: 5)
        #expect(try server.counter("TcpExtSyncookiesSent") > 0)
      }
      try withServer { server in
        try server.flood(port: 7, count: 10)
        #expect(try server.counter("TcpExtSyncookiesSent") == 0)
      }
    }

    // SYS-10: an entry of the SYN queue is completed when the accept queue is full.
    @Test(arguments: [0, 1])
    func `tcp_abort_on_overflow decides what a client that finds no room gets`(_ value: Int) throws
    {
      try withServer("--set", "somaxconn=1") { server in
        try server.set("tcp_abort_on_overflow=\(value)")
        try server.namespace.succeed(
          "python3", "-c", RawSegments.overflow, "\(server.process.processID)")
        try eventually("the overflow") { try server.counter("TcpExtListenOverflows") > 0 }
        try eventually("all to be read") { try server.counter("TcpInSegs") >= 12 }
        // Ignored, its SYN-ACK is repeated; reset, nothing is left of it.
        #expect(try server.counter("TcpOutRsts") == value)
        #expect(try server.sockets("syn-recv").count == 1 - value)
      }
    }

    // SYS-9
    @Test func `tcp_fin_timeout decides how long FIN_WAIT2 waits for a peer that keeps open`()
      throws
    {
      try withServer("--set", "tcp_fin_timeout=2") { server in
        let stays = """
          import socket, time
          c = socket.create_connection(("192.0.2.2", 80))
          c.sendall(b"GET /hello HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
          while c.recv(4096): pass
          print("ready", flush=True); time.sleep(60)
          """
        let first = try server.namespace.start("python3", "-c", stays)
        try eventually("the first client") { first.outputSoFar.count > 0 }
        try eventually("FIN_WAIT2") { try server.sockets("fin-wait-2").count == 1 }
        try eventually("its end") { try server.sockets("fin-wait-2").isEmpty }
        try server.set("tcp_fin_timeout=3000")
        let second = try server.namespace.start("python3", "-c", stays)
        try eventually("its timer to be of minutes") {
          try server.sockets("fin-wait-2").contains { $0.contains("timer:(timewait,49min,0)") }
        }
        for client in [first, second] { _ = client.stop(SIGKILL) }
      }
    }

    // SYS-20
    @Test func `tcp_keepalive settings find a peer that is gone`() throws {
      let silent = """
        import socket, time
        c = socket.create_connection(("192.0.2.2", 7)); time.sleep(60)
        """
      try withServer("--keep-alive") { server in
        let idle = try server.namespace.start("python3", "-c", silent)
        try eventually("the client") {
          try server.sockets("established").contains { $0.contains("timer:(keepalive,119min,0)") }
        }
        _ = idle.stop(SIGKILL)
        try eventually("its end") { try server.sockets("established").isEmpty }
        for setting in ["time=1", "intvl=1", "probes=2"] {
          try server.set("tcp_keepalive_\(setting)")
        }
        let gone = try server.namespace.start("python3", "-c", silent)
        try eventually("probes that are answered") {
          try server.counter("TcpExtTCPKeepAlive") >= 3 && server.sockets("established").count == 1
        }
        try server.namespace.shell(
          """
          nft add table ip lost; nft add chain ip lost out '{ type filter hook output priority 0; }'
          nft add rule ip lost out oifname tun0 drop
          """)
        try eventually("its connection to be given up") {
          try server.sockets("established").isEmpty
        }
        #expect(try server.counter("TcpExtTCPAbortOnTimeout") == 1)
        _ = gone.stop(SIGKILL)
      }
    }

    // SYS-6
    @Test func `tcp_max_tw_buckets bounds TIME_WAIT, and the log tells`() throws {
      try withServer { server in
        for _ in 1...3 { try server.closeFirst() }
        try eventually("three") { try server.sockets("time-wait").count == 3 }
        try server.set("tcp_max_tw_buckets=5")
        for _ in 1...6 { try server.closeFirst() }
        try eventually("the overflow") { try server.counter("TcpExtTCPTimeWaitOverflow") == 4 }
        #expect(try server.sockets("time-wait").count == 5)
        #expect(server.process.errorsSoFar.contains("time wait bucket table overflow"))
      }
    }

    // SYS-4: also its danger, a host whose clock seems to go back.
    @Test func `tcp_tw_recycle shortens TIME_WAIT and shuts out a second host behind an address`()
      throws
    {
      try withServer { server in
        // With its default of 1 a kernel starts a new clock for each connection, and would shut out
        // itself.
        try server.namespace.succeed("sysctl", "-qw", "net.ipv4.tcp_timestamps=2")
        try server.namespace.succeed("python3", "-c", RawSegments.earlierClock)
        try eventually("its SYN to be answered") { try server.counter("TcpAttemptFails") == 1 }
        #expect(try server.counter("TcpExtPAWSPassive") == 0)
        try server.set("tcp_tw_recycle=1")
        for _ in 1...3 { try server.closeFirst() }
        try eventually("the three to be over while the first waits its minute") {
          try server.counter("TcpExtTWKilled") == 3 && server.sockets("time-wait").count == 1
        }
        try server.namespace.succeed("python3", "-c", RawSegments.earlierClock)
        try eventually("its SYN to be refused") { try server.counter("TcpExtPAWSPassive") == 1 }
      }
    }

    // SYS-5
    @Test func `tcp_rfc1337 keeps TIME_WAIT when a reset arrives`() throws {
      try withServer { server in
        try server.namespace.succeed("python3", "-c", RawSegments.resetIntoTimeWait, "0.2")
        try eventually("the assassination") { try server.sockets("time-wait").isEmpty }
        #expect(try server.counter("TcpExtTW") == 0, "its minute is not over")
        try server.set("tcp_rfc1337=1")
        let before = try server.counter("TcpInSegs")
        try server.namespace.succeed("python3", "-c", RawSegments.resetIntoTimeWait, "0.2")
        try eventually("the second reset") { try server.counter("TcpInSegs") > before + 4 }
        #expect(try server.sockets("time-wait").count == 1)
      }
    }

    // SYS-17
    @Test func `ip_local_port_range and the reserved ports bound where connections come from`()
      throws
    {
      let namespace = try Namespace()
      let echo = """
        import socket
        l = socket.create_server(("0.0.0.0", 7)); print("ready", flush=True)
        while True:
            c, peer = l.accept(); c.sendall(str(peer[1]).encode()); c.close()
        """
      let server = try namespace.start("python3", "-c", echo)
      try eventually("the server") { server.outputSoFar.count > 0 }
      for _ in 1...4 {
        let outcome = try namespace.succeed(
          Machine.tunstack, "connect", Server.host, "7", "--no-control",
          "--set", "ip_local_port_range=5000 5003", "--set",
          "ip_local_reserved_ports=5000,5002-5003")
        #expect(outcome.text == "5001")
      }
      _ = server.stop(SIGKILL)
    }
  }
}
