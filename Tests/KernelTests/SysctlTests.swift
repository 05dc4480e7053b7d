// `tunstack sysctl` beside procps' sysctl: the same files, words and exit codes.

import Foundation
import Testing

extension Kernel {
  @Suite struct Sysctl {
    private static let file = """
      # what an operator has
      net.ipv4.tcp_fin_timeout = 31
      net.ipv4.tcp_no_such_thing = 3
      net.ipv4.tcp_syn_retries = many
      this is no line
      net/ipv4/tcp_synack_retries=4
      """

    /// Without what ours adds in brackets: what would have been right.
    private static func bare(_ errors: String) -> String {
      errors.replacing(/[ ]\([^\n]*[^0-9\n]\)\n/, with: "\n")
    }

    // A file with every kind of mistake: each is told with its line or name, the rest is applied.
    @Test func `sysctl -p tells what sysctl -p tells and applies the rest`() throws {
      try withServer { server in
        let folder = try ScratchFolder()
        let path = folder.path("sysctl.conf")
        try Data(Self.file.utf8).write(to: URL(filePath: path))
        let linux = try server.namespace.run("sysctl", "-p", path)
        let ours = try server.ask("sysctl", "-p", path)
        #expect(ours.text == linux.text)
        #expect(ours.status == linux.status)
        #expect(Self.bare(ours.errors) == linux.errors)
        #expect(
          try server.tool("sysctl", "-n", "tcp_fin_timeout", "tcp_synack_retries") == "31\n4\n")
        #expect(try server.ask("sysctl", "-e", "-q", "-p", path).text == "")
      }
    }

    @Test(arguments: [
      ["net.ipv4.tcp_fin_timeout"], ["-n", "net.ipv4.tcp_fin_timeout"],
      ["-N", "net.ipv4.tcp_fin_timeout"], ["net/ipv4/tcp_fin_timeout"],
      ["-w", "net.ipv4.tcp_fin_timeout=5"], ["-q", "net.ipv4.tcp_fin_timeout=5"],
      ["net.ipv4.nope"], ["-e", "net.ipv4.nope", "net.ipv4.tcp_fin_timeout"],
      ["net.ipv4.nope", "net.ipv4.tcp_fin_timeout"], ["-w", "net.ipv4.tcp_fin_timeout"],
      ["net.ipv4.tcp_syn_retries=200"], ["net.ipv4.tcp_fin_timeout=soon"],
      ["net.ipv4.ip_local_port_range=5000 4000"], ["net.ipv4.ip_local_port_range=4000 5000"],
      ["net.ipv4.ip_local_reserved_ports=8080,9000-9010"], ["-p", "/nonexistent/file"],
    ])
    func `words and exit codes are those of sysctl`(_ words: [String]) throws {
      try withServer { server in
        let linux = try run(server.namespace.command(["sysctl"] + words))
        let ours = try run(
          server.namespace.command(
            [Machine.tunstack, "sysctl"] + words + ["--control", server.control]))
        #expect(ours.text == linux.text)
        #expect(ours.status == linux.status)
        #expect(Self.bare(ours.errors) == linux.errors)
      }
    }

    @Test func `every setting of -a can be written back`() throws {
      try withServer { server in
        let folder = try ScratchFolder()
        let all = try server.tool("sysctl", "-a")
        try Data(all.utf8).write(to: folder.url.appending(path: "all.conf"))
        let outcome = try server.ask("sysctl", "-q", "-p", folder.path("all.conf"))
        // Only the list of algorithms is read-only.
        #expect(
          outcome.errors.split(separator: "\n").filter { $0.contains("Invalid argument") }.count
            == 1)
        #expect(try server.tool("sysctl", "-a") == all)
        #expect(
          outcome.errors.contains("icmp_echo_ignore_broadcasts is kept but not in effect yet"))
      }
    }

    @Test func `the danger of tcp_tw_recycle is told`() throws {
      try withServer { server in
        let outcome = try server.ask("sysctl", "-w", "net.ipv4.tcp_tw_recycle=1")
        #expect(outcome.status == 0 && outcome.errors.contains("NAT"))
      }
    }
  }
}
