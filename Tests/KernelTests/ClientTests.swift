// `tunstack connect`: our TCP as the client of the kernel's.

import Foundation
import Testing

/// Runs `body` with a server of the kernel listening on `port` of a new namespace.
private func withKernelServer(
  _ program: String, port: Int, body: (Namespace, RunningCommand) throws -> Void
) throws {
  let namespace = try Namespace()
  let server = try namespace.start("python3", "-c", program, "\(port)")
  try eventually("the kernel's server") {
    String(decoding: server.outputSoFar, as: UTF8.self).contains("ready")
  }
  try body(namespace, server)
  #expect(try !namespace.hasDevice("tun0"), "tunstack removes the device it made")
}

extension Kernel {
  @Suite struct Client {
    private func connect(
      _ namespace: Namespace, _ port: Int, _ options: [String] = [], input: Data
    ) throws -> Outcome {
      try run(
        namespace.command([Machine.tunstack, "connect", Server.host, "\(port)"] + options),
        input: input, seconds: 120)
    }

    @Test func `nginx answers a request`() throws {
      let namespace = try Namespace()
      let folder = try ScratchFolder()
      let configuration = """
        daemon off; master_process off; pid \(folder.path("pid")); error_log stderr;
        events {}
        http {
          access_log off;
          client_body_temp_path \(folder.path("body")); proxy_temp_path \(folder.path("proxy"));
          fastcgi_temp_path \(folder.path("fastcgi")); uwsgi_temp_path \(folder.path("uwsgi"));
          scgi_temp_path \(folder.path("scgi"));
          server { listen 8080; location / { return 200 "it was nginx\\n"; } }
        }
        """
      try Data(configuration.utf8).write(to: folder.url.appending(path: "nginx.conf"))
      let nginx = try namespace.start("nginx", "-c", folder.path("nginx.conf"), "-e", "stderr")
      try eventually("nginx to listen") {
        guard nginx.isRunning else { throw CommandError.notReady("nginx: \(nginx.errorsSoFar)") }
        return try namespace.succeed("ss", "-Htln").text.contains(":8080")
      }
      for _ in 1...3 {
        let outcome = try connect(
          namespace, 8080, input: Data("GET / HTTP/1.0\r\nHost: nginx\r\n\r\n".utf8))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text.hasPrefix("HTTP/1.1 200 OK"))
        #expect(outcome.text.hasSuffix("it was nginx\n"))
      }
    }

    @Test(arguments: [[], ["--no-offload"]])
    func `all that it sends comes back after its half-close`(_ options: [String]) throws {
      let folder = try ScratchFolder()
      let sent = try Data(contentsOf: URL(filePath: folder.randomFile("sent", megabytes: 20)))
      try withKernelServer(PythonPeers.echoServer, port: 7777) { namespace, _ in
        let outcome = try connect(namespace, 7777, options, input: sent)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output == sent)
      }
    }

    // The end of the other side ends the program, as its help says; what was sent before counts.
    @Test func `a server that closes first ends it with 0`() throws {
      try withKernelServer(PythonPeers.earlyHalfCloser, port: 7778) { namespace, server in
        let outcome = try connect(namespace, 7778, input: Data("hello".utf8))
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text == "good bye")
        let said = server.wait(seconds: 30)
        #expect(said.status == 0, "the server saw an orderly end: \(said.errors)")
      }
    }

    // LC-4: a reset that acknowledges our SYN is a refusal.
    @Test func `a refusal is told in one line`() throws {
      let namespace = try Namespace()
      let outcome = try connect(namespace, 7779, input: Data())
      #expect(outcome.status == 69)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("connection refused"))
      #expect(try !namespace.hasDevice("tun0"))
    }
  }
}
