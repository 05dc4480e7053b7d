// Bare TCP and ICMP against `tunstack serve`: echo, discard, chargen, half-close, ping, refusals.

import Foundation
import Testing

extension Kernel {
  @Suite struct Streams {
    // LC-18: after the client's FIN the stack still sends.
    @Test(arguments: HTTP.modes)
    func `nc -N half-closes and still gets its echo`(_ mode: [String]) throws {
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 8)
      try withServer(mode) { server in
        try server.namespace.shell(
          "nc -N \(Server.address) 7 < '\(file)' > '\(folder.path("got"))'")
        #expect(try digest(folder.path("got")) == digest(file))
      }
    }

    @Test(arguments: HTTP.modes)
    func `200 MB go both ways at once and are the same`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(200 << 20)", seconds: 180)
        #expect(outcome.text == "same \(200 << 20)\n")
      }
    }

    @Test(arguments: HTTP.modes) func `bulk in is taken to the end`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let outcome = try server.namespace.shell(
          "head -c 500M /dev/zero | nc -N \(Server.address) 9 | wc -c", seconds: 180)
        #expect(outcome.text.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
      }
    }

    @Test(arguments: HTTP.modes)
    func `bulk out is the pattern of RFC 864 without a gap`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.chargenCheck, Server.address, "\(100 << 20)", seconds: 180)
        #expect(outcome.text.hasPrefix("pattern "))
      }
    }

    @Test func `readers that never read keep nobody else waiting`() throws {
      try withServer { server in
        let reader = try server.namespace.start(
          "python3", "-c", PythonPeers.neverReader, Server.address)
        try eventually("ten idle readers") {
          String(decoding: reader.outputSoFar, as: UTF8.self).contains("ready")
        }
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        let outcome = try server.namespace.succeed(
          "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(10 << 20)")
        #expect(outcome.text == "same \(10 << 20)\n")
      }
    }

    // ICMP4-1. Up to the MTU: longer ones come in fragments, which are dropped for now.
    @Test(arguments: [0, 1, 56, 1400, 1472])
    func `ping is answered with the same octets`(_ size: Int) throws {
      try withServer { server in
        let outcome = try server.namespace.succeed(
          "ping", "-c", "3", "-i", "0.05", "-W", "5", "-s", "\(size)", Server.address)
        #expect(outcome.text.contains("3 packets transmitted, 3 received, 0% packet loss"))
        #expect(!outcome.text.contains("wrong data"))
      }
    }

    // LC-1: a segment for no connection is answered with a reset, which the kernel's client shows.
    @Test func `a closed port refuses the connection`() throws {
      try withServer { server in
        let outcome = try server.namespace.run("nc", "-v", "-z", Server.address, "81")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("Connection refused"))
        #expect(try server.namespace.run("curl", "-s", "\(server.url):81/").status == 7)
      }
    }

    // IP4-13
    @Test func `a datagram to nobody is answered with port unreachable`() throws {
      try withServer { server in
        try server.namespace.succeed(
          "python3", "-c", PythonPeers.refusedDatagram, Server.address, "33434")
      }
    }
  }
}
