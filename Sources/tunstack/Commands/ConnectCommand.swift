// `tunstack connect HOST PORT`: a client like nc. Standard input goes to the connection and its end
// half-closes it; what the other end sends goes to standard output, and its end ends the program.

import ArgumentParser
import Glibc
import Synchronization
import UserTCPRuntime

struct ConnectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connect",
    abstract: "Connect standard input and output to a TCP server.",
    discussion: """
      The end of standard input half-closes the connection. The program ends with the other side's \
      end, even when there is more input. SIGINT and SIGTERM reset the connection.
      """)

  @Argument(help: "IPv4 address of the server.")
  var host: String

  @Argument(help: "Port of the server.")
  var port: String

  @Option(help: "Local port (default: any that is free).")
  var from: String?

  @Flag(
    help: """
      Send the first input on the SYN (RFC 7413). A short connection before it asks the server for \
      the cookie.
      """)
  var fastOpen = false

  @OptionGroup var stack: StackOptions

  func run() async throws {
    let plan = try ConnectPlan(self)
    let log = ToolLog(stack)
    try await plan.stack.run("connect", log) { stack in
      try await withThrowingTaskGroup { group in
        group.addTask { try await plan.converse(stack, log) }
        group.addTask {
          // Leaving resets the connection; the exit code is a shell's for a death by signal.
          if let number = await TerminationSignals.next() { throw ExitCode(128 + number) }
        }
        try await group.next()
        group.cancelAll()
      }
    }
  }
}

extension ConnectPlan {
  fileprivate func converse(_ stack: TCPStack, _ log: ToolLog) async throws {
    do {
      let stream = try await open(stack)
      log.debug("connected to \(remote) from \(stream.local)")
      let input = InputPump(stream)
      do {
        try await Self.printAll(stream)
      } catch {
        try input.end()  // if input failed, that is why the connection did
        throw error
      }
      stream.close()
      await stack.shutdown(grace: .seconds(2))  // until our FIN is acknowledged
    } catch let error as TCPError {
      throw Failure(error, connection: remote)
    }
  }

  private func open(_ stack: TCPStack) async throws -> TCPStream {
    guard usesFastOpen else { return try await stack.connect(to: remote, from: local) }
    // A stack remembers cookies for as long as it runs, and this one has just begun.
    try await stack.connect(to: remote, sending: []).close()
    let first = try await firstInput()
    return try await stack.connect(to: remote, from: local, sending: first)
  }

  private func firstInput() async throws(Failure) -> [UInt8] {
    do throws(StreamError) { return try await StandardInput.next() } catch {
      throw Failure(unreadable: error)
    }
  }

  private static func printAll(_ stream: TCPStream) async throws {
    for try await chunk in stream.inbound {
      do throws(StreamError) {
        try await StandardOutput.write(chunk.array)
      } catch {
        if error.code == EPIPE { return }  // who read our output has enough
        throw Failure(
          .inputOutput, "cannot write standard output: \(error.text); see where it leads")
      }
    }
  }
}

/// Carries standard input into a stream. Its task is not a child: a read of a terminal cannot be
/// cancelled, and the program must not wait for a line that nobody types.
private final class InputPump: Sendable {
  private let failure = Mutex<Failure?>(nil)

  init(_ stream: TCPStream) {
    Task { [self] in
      do throws(StreamError) {
        try await carry(to: stream)
      } catch {
        failure.withLock {
          $0 = Failure(unreadable: error)
        }
        stream.abort()
      }
    }
  }

  /// Throws what went wrong with standard input.
  func end() throws(Failure) {
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func carry(to stream: TCPStream) async throws(StreamError) {
    while true {
      let octets = try await StandardInput.next()
      do throws(TCPError) {
        guard !octets.isEmpty else { return try await stream.finish() }
        try await stream.write(octets)
      } catch {
        return  // the reading side sees why, and tells it
      }
    }
  }
}

extension Failure {
  fileprivate init(unreadable error: StreamError) {
    self.init(.inputOutput, "cannot read standard input: \(error.text); see what it is")
  }
}
