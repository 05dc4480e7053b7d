// The record of a simulation: every packet and call with its virtual time, one line each. Printed
// when an expectation fails, so that a failure can be read without running it again.

import UserTCP

public struct Transcript: CustomStringConvertible {
  private enum Entry {
    case text(String)
    /// Described only when somebody reads the transcript: most are never read.
    case packet(String, CapturedPacket)
  }

  /// Older lines are dropped, so that a long run costs bounded memory.
  private let limit: Int
  private var entries: [(time: Instant, entry: Entry)] = []
  private var dropped = 0

  public init(limit: Int = 400) { self.limit = limit }

  public mutating func note(_ line: String, at time: Instant) { append(.text(line), at: time) }

  /// `direction` stands in front of the packet's description.
  public mutating func note(_ direction: String, _ packet: CapturedPacket, at time: Instant) {
    append(.packet(direction, packet), at: time)
  }

  /// The packets among the lines, with what stands in front of them, for who tells the story otherwise.
  public var packets: [(direction: String, packet: CapturedPacket)] {
    entries.compactMap { entry in
      if case .packet(let direction, let packet) = entry.entry { (direction, packet) } else { nil }
    }
  }

  private mutating func append(_ entry: Entry, at time: Instant) {
    guard limit > 0 else { return }
    if entries.count >= 2 * limit {
      dropped += entries.count - limit
      entries.removeFirst(entries.count - limit)
    }
    entries.append((time, entry))
  }

  public var description: String {
    let lines = entries.map { time, entry in
      switch entry {
      case .text(let line): "\(time.transcriptText) \(line)"
      case .packet(let direction, let packet): "\(time.transcriptText) \(direction) \(packet)"
      }
    }
    return (dropped > 0 ? "… \(dropped) lines before\n" : "") + lines.joined(separator: "\n")
  }
}
