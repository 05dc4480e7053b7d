// `tunstack link` as its help says it: two namespaces, two TUN devices, a kernel at each end. That packets take
// their time, that some are lost, and that it ends with a summary and leaves nothing.

import Foundation
import Testing

extension Kernel {
  @Suite struct Link {
    /// left: wire0 === relay === wire1 :right
    private final class Wire {
      let left: Namespace
      let right: Namespace
      let relay: RunningCommand

      init(_ options: String...) throws {
        left = try Namespace()
        right = try Namespace()
        relay = try RunningCommand(
          left.command([Machine.tunstack, "link", "wire0", "wire1"] + options))
        try eventually("both devices") {
          try left.hasDevice("wire0") && left.hasDevice("wire1") || !relay.isRunning
        }
        try left.succeed("ip", "link", "set", "wire1", "netns", right.name)
        for (place, device, address) in [
          (left, "wire0", "198.51.100.1"), (right, "wire1", "198.51.100.2"),
        ] {
          try place.succeed("ip", "address", "add", "\(address)/24", "dev", device)
          try place.succeed("ip", "link", "set", device, "up")
        }
      }
    }

    @Test func `a packet takes the delay each way, and the end has a summary`() throws {
      let wire = try Wire("--rate", "100", "--delay", "30")
      let ping = try wire.left.succeed("ping", "-c", "5", "-i", "0.2", "198.51.100.2").text
      #expect(ping.contains(" 0% packet loss"), "\(ping)")
      // "rtt min/avg/max/mdev = 60.1/60.3/…": never less than the link says.
      let least = ping.split(separator: "=").last.flatMap { $0.split(separator: "/").first }
      let milliseconds = try #require(
        least.flatMap { Double($0.trimmingCharacters(in: .whitespaces)) })
      #expect(milliseconds >= 60, "\(ping)")
      let outcome = wire.relay.stop(SIGINT)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let lines = outcome.text.split(separator: "\n")
      #expect(lines.count == 2)
      #expect(lines[0].hasPrefix("wire0 to wire1: 5 frames, 5 delivered, 0 lost"), "\(lines)")
      #expect(lines[1].hasPrefix("wire1 to wire0: 5 frames, 5 delivered, 0 lost"), "\(lines)")
      #expect(try !wire.left.hasDevice("wire0") && !wire.right.hasDevice("wire1"))
    }

    @Test func `what is lost is lost on the way there only, and counted`() throws {
      let wire = try Wire("--rate", "100", "--delay", "1", "--loss", "100")
      let ping = try wire.left.run("ping", "-c", "3", "-i", "0.2", "-W", "1", "198.51.100.2")
      #expect(ping.status == 1)
      let back = try wire.right.run("ping", "-c", "3", "-i", "0.2", "-W", "1", "198.51.100.1")
      #expect(back.status == 1, "the answers are lost")
      let outcome = wire.relay.stop(SIGTERM)
      #expect(outcome.status == 0)
      #expect(outcome.text.contains("wire0 to wire1: 6 frames, 0 delivered, 6 lost"))
      #expect(outcome.text.contains("wire1 to wire0: 3 frames, 3 delivered, 0 lost"))
    }

    @Test func `the kernel's TCP passes through it with every octet right`() throws {
      let wire = try Wire(
        "--rate", "200", "--delay", "2", "--loss", "1", "--reordering", "1",
        "--reordering-delay", "1", "--duplication", "1", "--both-ways")
      let scratch = try ScratchFolder()
      let path = try scratch.randomFile("data", megabytes: 2)
      let server = try wire.right.start(
        "bash", "-c", "nc -l 198.51.100.2 9000 > '\(scratch.path("copy"))'")
      try eventually("the server") {
        try wire.right.succeed("ss", "-ltn").text.contains(":9000")
      }
      try wire.left.shell("nc -N 198.51.100.2 9000 < '\(path)'", seconds: 120)
      #expect(server.wait(seconds: 60).status == 0)
      #expect(try digest(path) == digest(scratch.path("copy")))
      let outcome = wire.relay.stop()
      #expect(!outcome.text.contains(" 0 lost"), "\(outcome.text)")
    }

    @Test func `two ends of one name, or a name that is none, are exit code 64`() throws {
      let namespace = try Namespace()
      for words in [["same", "same"], ["a/b", "wire1"], ["wire0", "wire1", "--loss", "much"]] {
        let outcome = try KernelTests.run(
          namespace.command([Machine.tunstack, "link"] + words))
        #expect(outcome.status == 64, "\(words): \(outcome.errors)")
        #expect(outcome.errorLines.count == 1)
      }
    }

    @Test func `a device that goes away ends the link with exit code 69`() throws {
      let wire = try Wire()
      try wire.right.succeed("ip", "link", "delete", "wire1")
      let outcome = wire.relay.wait(seconds: 10)
      #expect(outcome.status == 69)
      #expect(outcome.errors.contains("wire1 was deleted while in use"))
    }

    @Test func `congestion: three pairs, a table, a row for each run`() throws {
      let scratch = try ScratchFolder()
      let outcome = try KernelTests.run(
        [
          Machine.tunstack, "lab", "congestion", "--runs", "1", "--seconds", "2", "--losses", "0",
          "--rate", "20", "--csv", scratch.path("runs.csv"),
        ], seconds: 60)
      // Whether we keep up in two seconds on a busy machine is no test.
      #expect(outcome.status == 0 || outcome.status == 1, "\(outcome.errors)")
      #expect(
        outcome.text.contains("| loss | kernel to kernel | kernel to ours | ours to kernel |"))
      let rows = scratch.text("runs.csv").split(separator: "\n")
      #expect(rows.count == 4)
      for row in rows.dropFirst() {
        let goodput = row.split(separator: ",", omittingEmptySubsequences: false)[4]
        #expect(Double(goodput) ?? 0 > 1, "\(row)")
      }
    }

    @Test func `serve traces a connection from its SYN to its end`() throws {
      let namespace = try Namespace()
      let scratch = try ScratchFolder()
      let server = try Server(in: namespace, ["--trace", scratch.path("trace")])
      try namespace.succeed("curl", "-sS", "http://\(Server.address)/hello")
      server.stop()
      let lines = scratch.text("trace").split(separator: "\n")
      for text in ["flags=S ", "new=ESTABLISHED", "parameters_set", "flags=F"] {
        #expect(lines.contains { $0.contains(text) }, "no \(text) in \(lines.count) lines")
      }
    }
  }
}
