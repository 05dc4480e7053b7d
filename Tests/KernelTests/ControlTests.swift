// The control socket from outside: curl asks, strangers may not, and clients that misbehave hurt
// nobody.

import Foundation
import Testing

/// Something on a Unix socket that is no tunstack, or one of another time. PATH and the answer.
private let otherServer = """
  import socket, sys
  l = socket.socket(socket.AF_UNIX); l.bind(sys.argv[1]); l.listen(); print("ready", flush=True)
  while True:
      c, _ = l.accept(); c.recv(65536); c.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
      c.close()
  """

/// Connects, says nothing, and tells when it was dropped.
private let silentClient = """
  import socket, sys
  c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])
  if not c.recv(1): print("dropped")
  """

extension Kernel {
  @Suite struct Control {
    private func get(_ server: Server, _ path: String, _ options: String...) throws -> String {
      try succeed(
        server.namespace.command(
          ["curl", "-sS", "--max-time", "20", "--unix-socket", server.control] + options
            + ["http://localhost\(path)"])
      ).text
    }

    private func object(_ text: String) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func `curl reads the stack as JSON, with a version in every answer`() throws {
      try withServer { server in
        let overview = try object(try get(server, "/"))
        #expect(overview["device"] as? String == "tun0")
        #expect((overview["states"] as? [String: Int])?["LISTEN"] == 4)
        for path in ["/", "/sockets", "/counters", "/settings", "/settings/tcp_fin_timeout", "/x"] {
          let answer = try get(server, path, "-i")
          #expect(answer.contains("Tunstack-Version: "), "\(path)")
          let body = try #require(answer.range(of: "\r\n\r\n"))
          #expect(try object(String(answer[body.upperBound...]))["version"] is String, "\(path)")
        }
        let rows = try object(try get(server, "/sockets"))["sockets"] as? [[String: Any]]
        #expect(rows?.count == 4)
        #expect(try get(server, "/metrics").contains("tunstack_sockets{state=\"LISTEN\"} 4\n"))
      }
    }

    @Test func `curl changes a setting, and it holds`() throws {
      try withServer { server in
        let answer = try get(server, "/settings/tcp_fin_timeout", "-X", "PUT", "-d", "31")
        #expect(try object(answer)["value"] as? String == "31")
        #expect(try get(server, "/settings/net/ipv4/tcp_fin_timeout").contains("\"31\""))
        _ = try get(server, "/settings/tcp_fin_timeout", "-X", "PUT", "-d", "{\"value\": \"32\"}")
        #expect(try server.tool("sysctl", "-n", "tcp_fin_timeout") == "32\n")
      }
    }

    @Test(arguments: [
      (["/nothing"], 404), (["/sockets?state=half-open"], 400), (["/", "-X", "POST"], 405),
      (["/settings/tcp_sack", "-X", "DELETE"], 405), (["/settings/tcp_sak"], 404),
      (["/settings/tcp_fin_timeout", "-X", "PUT", "-d", "soon"], 422),
      (["/settings/tcp_fin_timeout", "-X", "PUT", "-d", ""], 422),
    ])
    func `a question that makes no sense has its status`(_ words: [String], _ status: Int) throws {
      try withServer { server in
        let answer = try succeed(
          server.namespace.command(
            [
              "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket",
              server.control,
            ]
              + words.dropFirst() + ["http://localhost\(words[0])"])
        ).text
        #expect(answer == "\(status)")
      }
    }

    @Test func `nobody else may open it, and it goes with the program`() throws {
      let server = try Server(in: try Namespace())
      #expect(try succeed(["stat", "-c", "%a", server.control]).text == "600\n")
      let stranger = try server.namespace.run(
        "setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups",
        Machine.tunstack, "netstat", "-an", "--control", server.control)
      #expect(stranger.status == 77)
      #expect(stranger.errorLines.count == 1 && stranger.errors.contains("not yours"))
      server.stop()
      #expect(!FileManager.default.fileExists(atPath: server.control))
      #expect(try server.ask("netstat").status == 69)
    }

    @Test func `a socket that somebody answers on is not taken, one that nobody does is`() throws {
      let server = try Server(in: try Namespace())
      let second = try server.namespace.run(
        Machine.tunstack, "serve", "--tun", "tun1", "--control", server.control)
      #expect(second.status == 69)
      #expect(second.errorLines.count == 1 && second.errors.contains(server.control))
      #expect(try server.tool("netstat", "-an").contains("LISTEN"), "the first one serves on")
      // Killed, a program cannot take its socket away.
      _ = server.process.stop(SIGKILL)
      #expect(FileManager.default.fileExists(atPath: server.control))
      let stale = try server.ask("netstat")
      #expect(stale.status == 69 && stale.errors.contains("nobody answers"))
      let third = try server.namespace.start(
        Machine.tunstack, "serve", "--control", server.control)
      try eventually("the next one to serve") { try server.ask("netstat", "-an").status == 0 }
      #expect(third.stop().status == 0)
    }

    @Test func `ten megabytes are refused, and a client that says nothing delays nobody`() throws {
      try withServer { server in
        let silent = try (0..<8).map { _ in
          try server.namespace.start("python3", "-c", silentClient, server.control)
        }
        let large = Data(repeating: 0x31, count: 10 << 20)
        for transfer in [
          ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
        ] {
          let answer = try run(
            server.namespace.command(
              [
                "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20",
                "--unix-socket", server.control, "-X", "PUT", "--data-binary", "@-",
              ] + transfer + ["http://localhost/settings/tcp_fin_timeout"]), input: large)
          #expect(answer.text == "413", "\(answer.errors)")
        }
        // Not HTTP at all.
        _ = try run(
          ["nc", "-N", "-U", "-w", "5", server.control], input: Data(large.prefix(1 << 20)))
        #expect(try server.tool("sysctl", "-n", "tcp_fin_timeout") == "60\n")
        #expect(try server.curl("\(server.url)/hello") == "Hello, World!")
        for client in silent { #expect(client.wait(seconds: 60).text == "dropped\n") }
      }
    }

    @Test(arguments: [
      ("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi", "no tunstack"),
      ("SSH-2.0-OpenSSH_9.2\\r\\n", "no tunstack"), ("", "no tunstack"),
      (
        "HTTP/1.1 200 OK\\r\\nTunstack-Version: 9.0.0\\r\\nContent-Length: 2\\r\\n\\r\\n{}",
        "version 9.0.0"
      ),
      (
        "HTTP/1.1 200 OK\\r\\nTunstack-Version: 0.1.0\\r\\nContent-Length: 2\\r\\n\\r\\n{}",
        "cannot be read"
      ),
    ])
    func `what answers in another way is named`(_ answer: String, _ says: String) throws {
      let folder = try ScratchFolder()
      let path = folder.path("other.sock")
      let other = try RunningCommand(["python3", "-c", otherServer, path, answer])
      try eventually("the other server") { other.outputSoFar.count > 0 }
      let outcome = try run([Machine.tunstack, "netstat", "-an", "--control", path])
      #expect(outcome.status == 76, "\(outcome.errors)")
      #expect(outcome.errorLines.count == 1 && outcome.errors.contains(says), "\(outcome.errors)")
      _ = other.stop(SIGKILL)
    }

    @Test func `a missing socket, and a path that is too long, are named`() throws {
      let missing = try run([Machine.tunstack, "ss", "--control", "/nonexistent/x.sock"])
      #expect(missing.status == 69 && missing.errors.contains("/nonexistent/x.sock"))
      let long = "/tmp/" + String(repeating: "x", count: 120)
      #expect(try run([Machine.tunstack, "ss", "--control", long]).status == 64)
    }
  }
}
