// The recipes of docs/reach-the-stack.md, run as they stand there: a machine with the stack, another
// host behind a cable.

import Foundation
import Testing

/// The shell blocks of the page, by the name in the comment above each.
private func recipe(_ name: String) throws -> String {
  let page = try String(
    contentsOf: Machine.repository.appending(path: "docs/reach-the-stack.md"), encoding: .utf8)
  let blocks = page.components(separatedBy: "<!-- run: \(name) -->\n```sh\n")
  guard blocks.count == 2, let end = blocks[1].range(of: "```") else {
    throw CommandError.notReady("docs/reach-the-stack.md has no block \(name)")
  }
  return String(blocks[1][..<end.lowerBound])
}

extension Kernel {
  @Suite struct Reach {
    /// other (198.51.100.2) -- cable -- machine (198.51.100.1), on which the stack runs
    private struct Hosts {
      let machine: Namespace
      let other: Namespace

      init() throws {
        machine = try Namespace()
        other = try Namespace()
        try machine.succeed("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable1")
        try machine.succeed("ip", "link", "set", "cable1", "netns", other.name)
        try machine.succeed("ip", "address", "add", "198.51.100.1/24", "dev", "cable")
        try machine.succeed("ip", "link", "set", "cable", "up")
        try other.succeed("ip", "address", "add", "198.51.100.2/24", "dev", "cable1")
        try other.succeed("ip", "link", "set", "cable1", "up")
      }

      func follow(_ name: String, on host: Namespace) throws {
        try host.shell("uplink=cable\n" + recipe(name))
      }
    }

    @Test func `another host reaches the stack by a route`() throws {
      let hosts = try Hosts()
      let server = try Server(in: hosts.machine)
      #expect(
        try hosts.other.run("curl", "-sS", "-m", "2", "\(server.url)/hello").status != 0,
        "it worked before: the recipe proves nothing")
      try hosts.follow("forward", on: hosts.machine)
      try hosts.follow("route", on: hosts.other)
      #expect(try hosts.other.succeed("curl", "-sS", "\(server.url)/hello").text == "Hello, World!")
      let outcome = try hosts.other.succeed(
        "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(20 << 20)")
      #expect(outcome.text == "same \(20 << 20)\n")
      #expect(
        try hosts.other.succeed("curl", "-sS", "\(server.url)/status").text
          .contains("198.51.100.2"), "the stack sees who its client is")
      server.stop()
    }

    @Test func `another host reaches the stack by a port of the machine`() throws {
      let hosts = try Hosts()
      let server = try Server(in: hosts.machine)
      try hosts.follow("port", on: hosts.machine)
      let url = "http://198.51.100.1:8080"
      #expect(try hosts.other.succeed("curl", "-sS", "\(url)/hello").text == "Hello, World!")
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 20)
      try hosts.other.succeed(
        "curl", "-sS", "-T", file, "-o", folder.path("got"), "\(url)/echo")
      #expect(try digest(folder.path("got")) == digest(file))
      try hosts.follow("port-undo", on: hosts.machine)
      #expect(try hosts.other.run("curl", "-sS", "-m", "2", "\(url)/hello").status != 0)
      server.stop()
    }

    @Test func `the stack reaches another host through the machine`() throws {
      let hosts = try Hosts()
      try hosts.follow("out", on: hosts.machine)
      let server = try hosts.other.start("python3", "-c", PythonPeers.echoServer, "7000")
      try eventually("the other host's server") {
        String(decoding: server.outputSoFar, as: UTF8.self).contains("ready")
      }
      let sent = Data("over the hills and far away\n".utf8)
      let outcome = try hosts.machine.succeed(
        Machine.tunstack, "connect", "198.51.100.2", "7000", input: sent)
      #expect(outcome.output == sent)
      try hosts.follow("out-undo", on: hosts.machine)
    }

    @Test func `a namespace of the same machine reaches the stack`() throws {
      let machine = try Namespace()
      let server = try Server(in: machine)
      // The recipe names its namespace `lab`; here it has a name of its own, and is made, used and
      // removed in one shell: what `ip netns add` mounts is seen only there.
      let lab = "\(machine.name)-lab"
      let script = try recipe("lab").replacing("netns add lab", with: "netns add \(lab)")
        .replacing("netns lab", with: "netns \(lab)").replacing("-n lab", with: "-n \(lab)")
      let outcome = try machine.shell(
        """
        trap 'ip netns delete \(lab)' EXIT
        \(script)
        ip netns exec \(lab) curl -sS \(server.url)/hello
        """)
      #expect(outcome.text.hasSuffix("Hello, World!"))
      server.stop()
    }
  }
}
