// `tunstack lab old-duplicate`: a delayed segment meets a new connection, with and without TIME_WAIT.

import ArgumentParser
import UserTCPSimulation

struct OldDuplicateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "old-duplicate",
    abstract: "See why TIME_WAIT must exist: an old segment meets a new connection.")

  static let explanation = """
    A segment may stay in the network while its connection ends and another begins between the same
    addresses and ports. If its numbers fit, it is data of the new connection: that is the second
    reason for TIME_WAIT, which keeps the pair until such segments have died. Played in virtual
    time, without and with TIME_WAIT, and with timestamps, which tell old from new by themselves.
    The client's numbers are as sent, the server's count from its SYN.
    """

  func run() throws {
    Lab.explain("old-duplicate", Self.explanation)
    for (index, act) in OldDuplicateStory.Act.allCases.enumerated() {
      Lab.say("\(index == 0 ? "" : "\n")\(act.title)")
      var story = OldDuplicateStory(act)
      do {
        try story.play()
      } catch {
        throw Failure(.system, "the story broke off: \(error); this is a mistake in tunstack")
      }
      for line in story.lines { Lab.say(line) }
    }
  }
}
