// The stack's tables beside Linux's: the same pipelines read both, and Linux's own programs, given
// the stack's /proc files, print what ours print (NST-1 to NST-12).

import Foundation
import Testing

/// A server that closes first, and its clients, both of the kernel: N of them leave TIME-WAIT, two
/// stay.
private let kernelWorkload = """
  import socket, sys, time
  l = socket.create_server(("127.0.0.1", 80)); keep = []
  for i in range(int(sys.argv[1]) + 2):
      c = socket.create_connection(("127.0.0.1", 80)); s, _ = l.accept()
      if i < 2: keep += [c, s]
      else: s.close(); c.recv(1); c.close()
  print("ready", flush=True); time.sleep(60)
  """

/// The same against our stack at HOST: its HTTP service closes first.
private let stackWorkload = """
  import socket, sys, time
  keep = []
  for i in range(int(sys.argv[1]) + 2):
      c = socket.create_connection(("192.0.2.2", 80))
      if i < 2: keep.append(c)
      else:
          c.sendall(b"GET /hello HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
          while c.recv(4096): pass
          c.close()
  print("ready", flush=True); time.sleep(60)
  """

extension Kernel {
  @Suite struct Tables {
    /// What the operator of the story types.
    private static let histogram = "netstat -an|awk '/tcp/ {print $6}'|sort|uniq -c"

    private func withWorkload(_ body: (Server) throws -> Void) throws {
      try withServer { server in
        let clients = try server.namespace.start("python3", "-c", stackWorkload, "20")
        try eventually("the clients") { clients.outputSoFar.count > 0 }
        try eventually("the last ACKs") {
          try server.tool("ss", "-tanH", "state", "time-wait").split(separator: "\n").count == 20
        }
        try body(server)
        _ = clients.stop(SIGKILL)
      }
    }

    /// Runs one of Linux's programs where /proc says what the stack says.
    private func linux(_ server: Server, _ command: String) throws -> String {
      let folder = try ScratchFolder()
      try FileManager.default.createDirectory(
        at: folder.url.appending(path: "net"), withIntermediateDirectories: true)
      for file in ["net/tcp", "net/snmp", "net/netstat", "net/sockstat"] {
        try Data(try server.tool("proc", file).utf8).write(to: folder.url.appending(path: file))
      }
      return try server.namespace.succeed(
        "unshare", "-m", "sh", "-c", "mount --bind '\(folder.url.path)' /proc; exec \(command)"
      ).text
    }

    // The command of the issue this project began with, unchanged but for its first word.
    @Test func `the histogram of states has the shape that Linux's has`() throws {
      try withWorkload { server in
        let ours = try server.shell("tunstack \(Self.histogram)")
        #expect(
          ours.split(separator: "\n").map { $0.split(separator: " ").map(String.init) } == [
            ["2", "ESTABLISHED"], ["4", "LISTEN"], ["20", "TIME_WAIT"],
          ])
        let namespace = try Namespace()
        let kernel = try namespace.start("python3", "-c", kernelWorkload, "20")
        try eventually("the kernel's connections") { kernel.outputSoFar.count > 0 }
        let linux = try namespace.shell(Self.histogram).text
        // Both ends of the connections that stay are in this namespace.
        #expect(
          linux.split(separator: "\n").map { $0.split(separator: " ").map(String.init) } == [
            ["4", "ESTABLISHED"], ["1", "LISTEN"], ["20", "TIME_WAIT"],
          ])
        _ = kernel.stop(SIGKILL)
      }
    }

    // NST-1, NST-2, NST-3, NST-5, NST-6
    @Test(arguments: ["-ant", "-ltn", "-tn"])
    func `netstat prints of our net-tcp what ours prints`(_ options: String) throws {
      try withWorkload { server in
        let theirs = try linux(server, "netstat \(options)")
        #expect(try server.tool("netstat", options) == theirs)
      }
    }

    // NST-4: users and inodes; timers run on between the two.
    @Test func `netstat -ante is the same too`() throws {
      try withWorkload { server in
        let theirs = try linux(server, "netstat -ante")
        #expect(try server.tool("netstat", "-ante") == theirs)
        let timers = try server.tool("netstat", "-anto").split(separator: "\n")
          .filter { $0.contains("TIME_WAIT") }
        #expect(timers.count == 20)
        for line in timers {
          #expect(
            line.wholeMatch(of: /.*TIME_WAIT   timewait \([1-5][0-9]\.[0-9]{2}\/0\/0\)/) != nil)
        }
      }
    }

    // NST-12
    @Test(arguments: ["-s", "-st"])
    func `netstat prints of our counters what ours prints`(_ options: String) throws {
      try withWorkload { server in
        let theirs = try linux(server, "netstat \(options)")
        #expect(try server.tool("netstat", options) == theirs)
      }
    }

    // NST-11
    @Test func `nstat prints of our counters what ours prints`() throws {
      try withWorkload { server in
        let all = try linux(server, "nstat -azs")
        #expect(try server.tool("nstat", "-azs") == all)
        let some = try linux(server, "nstat -as 'Tcp*Opens'")
        #expect(try server.tool("nstat", "-as", "Tcp*Opens") == some)
      }
    }

    // NST-7, NST-8: ss reads the backlog of listeners from elsewhere, so these are without them.
    @Test(arguments: ["state time-wait", "state established", "exclude listening"])
    func `ss finds in our net-tcp what ours finds`(_ filter: String) throws {
      try withWorkload { server in
        func words(_ text: String) -> [[Substring]] {
          text.split(separator: "\n").map { $0.split(separator: " ") }
        }
        // PROC_NET_TCP makes ss read the file instead of asking the kernel.
        let linux = try linux(server, "env PROC_NET_TCP=/proc/net/tcp ss -tan \(filter)")
        let ours = try server.shell("tunstack ss -tan \(filter)")
        #expect(words(ours) == words(linux))
      }
    }

    // NST-10
    @Test func `net-sockstat counts as the table does`() throws {
      try withWorkload { server in
        let line = try server.tool("proc", "net/sockstat").split(separator: "\n")[1]
        #expect(line.hasPrefix("TCP: inuse 6 orphan 0 tw 20 alloc 6 mem "))
        #expect(try server.tool("ss", "-s").contains("TCP:   26 (estab 2, closed 20, "))
      }
    }

    @Test func `what was new is new only once`() throws {
      try withWorkload { server in
        let folder = try ScratchFolder()
        let history = "TUNSTACK_NSTAT_HISTORY='\(folder.path("history"))'"
        let first = try server.shell("export \(history); tunstack nstat")
        #expect(first.contains("TcpPassiveOpens                 22 "))
        #expect(try server.shell("export \(history); tunstack nstat") == "#kernel\n")
        _ = try server.curl("\(server.url)/hello")
        let third = try server.shell("export \(history); tunstack nstat")
        #expect(third.contains("TcpPassiveOpens                 1 "))
      }
    }

    @Test func `names come from the system, with a real database as the peer`() throws {
      let namespace = try Namespace()
      let folder = try ScratchFolder()
      let database = try namespace.start(
        "mariadbd", "--no-defaults", "--user=root", "--datadir=\(folder.url.path)",
        "--skip-grant-tables", "--skip-name-resolve", "--skip-log-bin", "--port=3306",
        "--bind-address=0.0.0.0", "--socket=\(folder.path("s"))", "--pid-file=\(folder.path("p"))",
        "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M")
      try eventually("MariaDB to listen", seconds: 60) {
        guard database.isRunning else { throw CommandError.notReady(database.errorsSoFar) }
        return try namespace.succeed("ss", "-Htln").text.contains(":3306")
      }
      let control = folder.path("control.sock")
      let client = try namespace.start(
        "sh", "-c",
        "sleep 60 | exec '\(Machine.tunstack)' connect 192.0.2.1 3306 --control '\(control)'")
      try eventually("the database's greeting") {
        String(decoding: client.outputSoFar, as: UTF8.self).contains("MariaDB")
      }
      let line = try namespace.shell(
        "'\(Machine.tunstack)' netstat -ae --control '\(control)' | grep mysql"
      ).text
      let words = line.split(whereSeparator: \.isWhitespace)
      #expect(words.count == 8, "\(line)")
      #expect(words[4].hasSuffix(":mysql") && words[5] == "ESTABLISHED" && words[6] == "root")
      _ = client.stop(SIGKILL)
      _ = database.stop(seconds: 30)
    }
  }
}
