// `tunstack lab last-ack`: the last ACK of a connection is lost, with TIME_WAIT and without.

import ArgumentParser
import UserTCP

struct LastAckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "last-ack",
    abstract: "See why TIME_WAIT must exist: the last ACK is lost.")

  static let explanation = """
    The one who closes first sends the last ACK, and cannot know whether it arrived. If it was lost,
    the other repeats its FIN, and somebody must still be there to acknowledge it: that is the first
    reason for TIME_WAIT. Two stacks play it in virtual time, once as they are and once with
    tcp_max_tw_buckets=0, where a connection that should wait is forgotten at once. In brackets
    stand the states of both ends; sequence numbers count from each end's SYN.
    """

  func run() throws {
    Lab.explain("last-ack", Self.explanation)
    for withTimeWait in [true, false] {
      Lab.say(withTimeWait ? "with TIME_WAIT" : "\nwithout: tcp_max_tw_buckets=0")
      var story = LastAckStory(withTimeWait: withTimeWait)
      do throws(TCPError) {
        try story.play()
      } catch {
        throw Failure(.system, "the story broke off: \(error); this is a mistake in tunstack")
      }
      for line in story.lines { Lab.say(line) }
    }
  }
}
