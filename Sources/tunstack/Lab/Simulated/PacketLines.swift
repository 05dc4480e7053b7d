// Packets of a simulation as lines in the manner of tcpdump, with names for hosts, time from the story's
// beginning, and sequence numbers that a reader can follow: relative to the sender's SYN where the
// sender is a real stack, as they are where a script has chosen them small.

import UserTCP
import UserTCPSimulation

struct PacketLines {
  let start: Instant
  let names: [IPv4Address: String]
  /// Senders whose numbers are shown as they are.
  let absolute: [IPv4Address]
  private var bases: [IPv4Address: SequenceNumber] = [:]

  init(start: Instant, names: [IPv4Address: String], absolute: [IPv4Address] = []) {
    self.start = start
    self.names = names
    self.absolute = absolute
  }

  /// `remark` stands at the end of the line: what the network did to the packet.
  mutating func line(_ packet: CapturedPacket, remark: String = "") -> String {
    let (source, destination) = (packet.ip.source, packet.ip.destination)
    guard let segment = packet.segment else { return "\(stamp(packet.time)) \(packet)" }
    if segment.flags.contains(.syn), !absolute.contains(source) { bases[source] = segment.seq }
    var text = "\(stamp(packet.time)) \(name(source)) > \(name(destination)): "
    text += "Flags [\(segment.flags)], seq \(number(segment.seq, of: source))"
    if !segment.payload.isEmpty {
      text += ":\(number(segment.seq + segment.payload.count, of: source))"
    }
    if segment.flags.contains(.ack) { text += ", ack \(number(segment.ack, of: destination))" }
    if let stamps = segment.timestamps { text += ", TS val \(stamps.value)" }
    text += ", length \(segment.payload.count)"
    if !segment.payload.isEmpty { text += " \(Self.quoted(segment.payload))" }
    return remark.isEmpty ? text : "\(text)   <-- \(remark)"
  }

  func stamp(_ time: Instant) -> String {
    let microseconds = (time - start).nanoseconds / 1000
    return padded("\(microseconds / 1_000_000)", 3) + "."
      + String("\(1_000_000 + microseconds % 1_000_000)".dropFirst())
  }

  private func name(_ address: IPv4Address) -> String { names[address] ?? address.description }

  private func number(_ number: SequenceNumber, of sender: IPv4Address) -> String {
    guard let base = bases[sender] else { return "\(number.rawValue)" }
    // Before the sender's latest SYN: a number of a connection that was there earlier.
    return number < base ? "old" : "\(number - base)"
  }

  static func quoted(_ octets: [UInt8]) -> String {
    let text = octets.prefix(32).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }
    return "'\(String(decoding: text, as: UTF8.self))'"
  }
}
