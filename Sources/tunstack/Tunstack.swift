// The program: parses the command line, runs one command, and turns whatever ends it into a line on
// standard error and an exit code. Nothing else in the tool prints an error or exits.

import ArgumentParser
import Glibc
import UserTCPRuntime

@main
struct Tunstack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tunstack",
    abstract: "A TCP/IP host in user space, behind a Linux TUN device.",
    version: ToolVersion.current,
    subcommands: [
      ServeCommand.self, ConnectCommand.self, NetstatCommand.self, SSCommand.self,
      NstatCommand.self, ProcCommand.self, SysctlCommand.self,
      LabCommand.self, SimulateCommand.self, LinkCommand.self,
    ])

  static func main() {
    TerminationSignals.block()
    StandardStreams.fillGaps()
    Task.detached {
      do {
        var command = try parseAsRoot()
        if var command = command as? any AsyncParsableCommand {
          try await command.run()
        } else {
          try command.run()
        }
        Glibc.exit(ExitStatus.success.rawValue)
      } catch {
        end(with: error)
      }
    }
    TerminationSignals.takeForEver()
  }

  private static func end(with error: any Error) -> Never {
    switch error {
    case let failure as Failure:
      StandardError.write(line: "tunstack: \(failure)")
      Glibc.exit(failure.status.rawValue)
    case let code as ExitCode:
      Glibc.exit(code.rawValue)
    default:
      let code = exitCode(for: error)
      if code.isSuccess { exit(withError: error) }  // help that was asked for, on standard output
      let mend = code == .validationFailure ? "; see '\(helpCommand)'" : ""
      StandardError.write(line: "tunstack: \(message(for: error))\(mend)")
      Glibc.exit(code.rawValue)
    }
  }

  /// The help that belongs to what was typed.
  private static var helpCommand: String {
    let names = configuration.subcommands.map { $0.configuration.commandName ?? "" }
    let typed = CommandLine.arguments.dropFirst().first { names.contains($0) }
    return ["tunstack", typed, "--help"].compactMap(\.self).joined(separator: " ")
  }
}
