// How the tool starts and ends: signals under load, twice in a row, two at once.

import Foundation
import Testing

extension Kernel {
  @Suite struct Lifecycle {
    @Test(arguments: [SIGTERM, SIGINT], [[], ["--async"]])
    func `a signal under load ends it with 0 and removes the device`(
      _ signal: Int32, _ mode: [String]
    ) throws {
      let namespace = try Namespace()
      let server = try Server(in: namespace, mode)
      let load = try [
        namespace.start("wrk", "-t1", "-c32", "-d60", "\(server.url)/hello"),
        namespace.start("wrk", "-t1", "-c32", "-d60", "-HConnection: close", "\(server.url)/hello"),
        namespace.start("bash", "-c", "nc \(Server.address) 19 > /dev/null"),
        namespace.start("bash", "-c", "nc \(Server.address) 9 < /dev/zero"),
      ]
      try eventually("the load to arrive") {
        try namespace.succeed("ss", "-Htn", "state", "established").text
          .split(separator: "\n").count > 30
      }
      let outcome = server.process.stop(signal)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try !namespace.hasDevice("tun0"))
      for program in load { _ = program.stop(SIGKILL) }
    }

    @Test func `it runs again where it ran before`() throws {
      let namespace = try Namespace()
      for _ in 1...3 {
        let server = try Server(in: namespace)
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        server.stop()
        #expect(try !namespace.hasDevice("tun0"))
      }
    }

    @Test func `a second instance on the same device is told that it is busy`() throws {
      try withServer { server in
        let second = try server.namespace.run(Machine.tunstack, "serve", seconds: 20)
        #expect(second.status == 69)
        #expect(second.errorLines.count == 1, "\(second.errors)")
        #expect(second.errors.contains("busy") || second.errors.contains("in use"))
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!", "the first is untouched")
      }
    }

    @Test func `a second instance on another device and network runs beside it`() throws {
      try withServer { first in
        let second = try Server(
          in: first.namespace, ["--tun", "tun7", "--address", "198.51.100.2/24"])
        #expect(try second.curl("http://198.51.100.2/hello") == "Hello, World!")
        #expect(try first.curl("\(first.url)/hello") == "Hello, World!")
        second.stop()
        #expect(try !first.namespace.hasDevice("tun7"))
      }
    }

    @Test func `a reset by kill -9 leaves a device that goes with the process`() throws {
      let namespace = try Namespace()
      let server = try Server(in: namespace)
      #expect(server.process.stop(SIGKILL).status == 128 + SIGKILL)
      #expect(try !namespace.hasDevice("tun0"))
    }

    @Test func `ports, address and settings are as asked`() throws {
      try withServer("--address", "10.1.2.3/16", "--port", "http=8080", "--port", "echo=7007") {
        (server) throws in
        #expect(try server.curl("http://10.1.2.3:8080/hello") == "Hello, World!")
        #expect(
          try server.namespace.succeed("nc", "-N", "10.1.2.3", "7007", input: Data("hi".utf8)).text
            == "hi")
        #expect(try server.namespace.run("nc", "-z", "10.1.2.3", "80").status == 1)
      }
    }
  }
}
