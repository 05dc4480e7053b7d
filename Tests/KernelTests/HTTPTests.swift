// Real HTTP clients against `tunstack serve`: what a new user tries first. The kernel's TCP is the
// other side; the octets that come back are compared, nothing depends on how long it took.

import Foundation
import Testing

extension Kernel {
  @Suite struct HTTP {
    /// The three ways the same services are served.
    static let modes = [[], ["--async"], ["--no-offload"]]

    @Test(arguments: modes) func `curl gets the pages`(_ mode: [String]) throws {
      try withServer(mode) { server in
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        #expect(try server.curl("\(server.url)/").lowercased().contains("<html"))
        #expect(try server.curl("\(server.url)/status").contains("ESTABLISHED"))
        let head = try server.curl("--head", "\(server.url)/hello").lowercased()
        #expect(head.hasPrefix("http/1.1 200"))
        #expect(head.contains("content-length: 13"))
        #expect(
          try server.curl(
            "--write-out", "%{http_code}", "--output", "/dev/null", "\(server.url)/no")
            == "404")
      }
    }

    @Test(arguments: modes) func `what curl posts comes back`(_ mode: [String]) throws {
      try withServer(mode) { (server) throws in
        #expect(try server.curl("--data", "ping", "\(server.url)/echo") == "ping")
        #expect(try server.curl("--data", "", "\(server.url)/echo") == "")
      }
    }

    @Test(arguments: modes)
    func `100 MB up and down come back with the same digest`(_ mode: [String]) throws {
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 100)
      try withServer(mode) { server in
        let size = try server.curl(
          "--upload-file", file, "--output", folder.path("got"), "--write-out", "%{size_download}",
          "\(server.url)/echo", seconds: 180)
        #expect(size == "\(100 << 20)")
        #expect(try digest(folder.path("got")) == digest(file))
      }
    }

    @Test(arguments: modes) func `a chunked upload comes back whole`(_ mode: [String]) throws {
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 5)
      try withServer(mode) { server in
        try server.namespace.shell(
          "curl -sS -T - --fail -o '\(folder.path("got"))' \(server.url)/echo < '\(file)'")
        #expect(try digest(folder.path("got")) == digest(file))
      }
    }

    @Test func `an upload that asks for 100 Continue gets it`() throws {
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 2)
      try withServer { server in
        // With an hour to wait, curl sends the body only because the server told it to.
        let outcome = try server.namespace.succeed(
          "curl", "-sSv", "-H", "Expect: 100-continue", "--expect100-timeout", "3600",
          "--data-binary", "@\(file)", "-o", folder.path("got"), "\(server.url)/echo")
        #expect(outcome.errors.contains("100 Continue"))
        #expect(try digest(folder.path("got")) == digest(file))
      }
    }

    @Test func `an early refusal reaches a client that still uploads`() throws {
      let folder = try ScratchFolder()
      let file = try folder.randomFile("sent", megabytes: 20)
      try withServer { server in
        let code = try server.curl(
          "-H", "Expect:", "--upload-file", file, "--output", "/dev/null", "--write-out",
          "%{http_code}", "\(server.url)/status")
        #expect(code == "405")
      }
    }

    @Test(arguments: modes) func `1,000 requests one after another`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let lines = try server.curl(
          "-H", "Connection: close", "--output", "/dev/null", "--write-out",
          "%{http_code} %{num_connects} %{size_download}\\n", "\(server.url)/hello?[1-1000]")
        #expect(lines == String(repeating: "200 1 13\n", count: 1000))
      }
    }

    @Test(arguments: modes) func `1,000 requests on one connection`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let lines = try server.curl(
          "--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\\n",
          "\(server.url)/hello?[1-1000]")
        #expect(lines == "200 1\n" + String(repeating: "200 0\n", count: 999))
      }
    }

    @Test(arguments: modes) func `200 requests at once`(_ mode: [String]) throws {
      try withServer(mode) { server in
        let lines = try server.curl(
          "--parallel", "--parallel-immediate", "--parallel-max", "200", "-H", "Connection: close",
          "--output", "/dev/null", "--write-out", "%{http_code} %{size_download}\\n",
          "\(server.url)/hello?[1-200]")
        #expect(lines == String(repeating: "200 13\n", count: 200))
      }
    }

    // R9293-MUST-13: the active closer, which is the server here, keeps TIME-WAIT.
    @Test func `with Connection close the server closes first and keeps TIME_WAIT`() throws {
      try withServer { server in
        _ = try server.curl("-H", "Connection: close", "\(server.url)/hello?[1-20]")
        #expect(
          try server.namespace.succeed("ss", "-Htan", "state", "time-wait").text == "",
          "the kernel's side is not the one that waits")
        #expect(try server.status().contains("\"TIME_WAIT\": 20"))
      }
    }

    @Test(arguments: [["/hello"], ["-H", "Connection: close", "/hello"]])
    func `64 clients that never pause see no error`(_ request: [String]) throws {
      try withServer { server in
        let outcome = try server.namespace.succeed(
          "wrk", "-t", "2", "-c", "64", "-d", "3",
          request.count > 1 ? "-HConnection: close" : "-HX: y", server.url + request.last!)
        #expect(!outcome.text.contains("Socket errors"), "\(outcome.text)")
        #expect(!outcome.text.contains("Non-2xx"), "\(outcome.text)")
      }
    }

    @Test func `clients that vanish in the middle of an upload disturb nobody`() throws {
      try withServer { server in
        try server.namespace.succeed(
          "python3", "-c", PythonPeers.vanishingClient, Server.address, "80")
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        try eventually("the connections of vanished clients to be gone") {
          try server.status().contains("\"ESTABLISHED\": 1,")  // the one that asks
        }
      }
    }
  }
}
