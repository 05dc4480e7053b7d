// `tunstack serve` in a namespace of its own, ready to be talked to.

import Foundation
import Testing

struct Server {
  static let address = "192.0.2.2"
  static let host = "192.0.2.1"

  let namespace: Namespace
  let process: RunningCommand
  /// The control socket: one of its own, since all namespaces share the folder of the usual ones.
  let control: String
  private let folder: ScratchFolder

  /// Starts the tool and returns when its services answer.
  init(in namespace: Namespace, _ arguments: [String] = []) throws {
    self.namespace = namespace
    folder = try ScratchFolder()
    control = folder.path("control.sock")
    process = try RunningCommand(
      namespace.command([Machine.tunstack, "serve", "--control", control] + arguments))
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

  /// Runs a command of the tool that asks this stack.
  func ask(_ words: String...) throws -> Outcome {
    try run(namespace.command([Machine.tunstack] + words + ["--control", control]), seconds: 60)
  }

  /// The same, when it has to succeed: what it wrote to its standard output.
  func tool(_ words: String...) throws -> String {
    try succeed(namespace.command([Machine.tunstack] + words + ["--control", control])).text
  }

  /// A line of a shell, where `tunstack` is the tool and knows its socket, as an operator has it.
  func shell(_ line: String) throws -> String {
    let words = "tunstack() { command '\(Machine.tunstack)' \"$@\" --control '\(control)'; }"
    return try namespace.shell("\(words); \(line)").text
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
