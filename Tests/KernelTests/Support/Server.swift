// `tunstack serve` in a namespace of its own, ready to be talked to.

import Foundation
import Testing

struct Server {
  static let address = "192.0.2.2"
  static let host = "192.0.2.1"

  let namespace: Namespace
  let process: RunningCommand

  /// Starts the tool and returns when its services answer.
  init(in namespace: Namespace, _ arguments: [String] = []) throws {
    self.namespace = namespace
    process = try RunningCommand(namespace.command([Machine.tunstack, "serve"] + arguments))
    let process = process
    try eventually("tunstack serve to answer") {
      guard process.isRunning else {
        throw CommandError.failed(
          command: "tunstack serve \(arguments.joined(separator: " "))", process.wait(seconds: 1))
      }
      return process.errorsSoFar.contains("serving on")
    }
  }

  var url: String { "http://\(Self.address)" }

  /// Runs curl, which has to succeed, and returns what it wrote to its standard output.
  func curl(_ arguments: String..., input: Data? = nil, seconds: Int = 120) throws -> String {
    try succeed(
      namespace.command(["curl", "--silent", "--show-error"] + arguments), input: input,
      seconds: seconds
    ).text
  }

  /// The connection table, as text.
  func status() throws -> String { try curl("\(url)/status") }

  /// Ends the tool as an operator would; it has to agree.
  func stop() {
    let outcome = process.stop()
    #expect(outcome.status == 0, "SIGTERM ends tunstack with 0; it said: \(outcome.errors)")
  }
}

/// Runs `body` against a server on a device of its own; afterwards both must be gone.
func withServer(_ arguments: String..., body: (Server) throws -> Void) throws {
  try withServer(arguments, body: body)
}

func withServer(_ arguments: [String], body: (Server) throws -> Void) throws {
  let namespace = try Namespace()
  let server = try Server(in: namespace, arguments)
  do {
    try body(server)
  } catch {
    Issue.record("tunstack had said: \(server.process.errorsSoFar)")
    throw error
  }
  #expect(server.process.isRunning, "tunstack died: \(server.process.errorsSoFar)")
  server.stop()
  #expect(try !namespace.hasDevice("tun0"), "tunstack removes the device it made")
}
