// What the commands that ask a running stack share: its socket, and how their text leaves.

import ArgumentParser
import Foundation

struct ControlOptions: ParsableArguments {
  @Option(help: "Control socket of the stack (default: the only one in /run/tunstack).")
  var control: String?

  func client() throws(Failure) -> ControlClient { try ControlClient(control) }
}

enum Report {
  /// Writes text to standard output, whole. A reader that has had enough is no error.
  static func print(_ text: String) throws(Failure) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      guard errno != EPIPE else { return }
      throw Failure(.inputOutput, "cannot write standard output: \(error); see where it leads")
    }
  }
}

extension ControlClient {
  func overview() throws(Failure) -> OverviewMessage { try get(OverviewMessage.self, "/") }
  func counters() throws(Failure) -> CountersMessage { try get(CountersMessage.self, "/counters") }

  func sockets() throws(Failure) -> [SocketRow] {
    try get(SocketsMessage.self, "/sockets").sockets
  }
}
