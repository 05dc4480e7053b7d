// The record of a simulation: every packet and call with its virtual time, one line each. Printed
// when an expectation fails, so that a failure can be read without running it again.

import UserTCP

public struct Transcript: CustomStringConvertible {
  /// Older lines are dropped, so that a long run costs bounded memory.
  private let limit: Int
  private var lines: [String] = []
  private var dropped = 0

  public init(limit: Int = 400) { self.limit = limit }

  public mutating func note(_ line: @autoclosure () -> String, at time: Instant) {
    guard limit > 0 else { return }
    if lines.count >= 2 * limit {
      dropped += lines.count - limit
      lines.removeFirst(lines.count - limit)
    }
    lines.append("\(time.transcriptText) \(line())")
  }

  public var description: String {
    (dropped > 0 ? "… \(dropped) lines before\n" : "") + lines.joined(separator: "\n")
  }
}
