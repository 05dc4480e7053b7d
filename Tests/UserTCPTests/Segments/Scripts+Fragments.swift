// Scripts about fragments: a packet cut where the script says, as a router with a small MTU would.

import Testing
import UserTCP
import UserTCPSimulation

extension IPv4Packet {
  /// The fragments of the packet, cut at these offsets of its payload, which are multiples of eight.
  func fragments(at cuts: [Int], identification: UInt16) -> [IPv4Packet] {
    let bounds = [0] + cuts + [payload.count]
    return (0...cuts.count).map { index in
      fragment(
        bounds[index]..<bounds[index + 1], more: index < cuts.count, identification: identification)
    }
  }

  /// One fragment, whether or not it makes sense.
  func fragment(
    _ range: Range<Int>, more: Bool, identification: UInt16
  ) -> IPv4Packet {
    var packet = self
    packet.identification = identification
    packet.dontFragment = false
    packet.moreFragments = more
    packet.fragmentOffset = UInt16(range.lowerBound / 8)
    packet.payload = Array(payload[range])
    return packet
  }
}

extension ScriptedPeer {
  /// An echo request with `count` octets of data, as one packet.
  func ping(_ count: Int, typeOfService: UInt8 = 0, from host: IPv4Address? = nil) -> IPv4Packet {
    var packet = ICMPPacket.echoRequest(identifier: 7, sequence: 1, Self.pattern(count))
      .packet(from: host ?? address, to: stackAddress)
    packet.typeOfService = typeOfService
    return packet
  }

  /// Two fragments of a ping that is answered when both are taken.
  func halves(_ identification: UInt16, from host: IPv4Address? = nil) -> [IPv4Packet] {
    ping(192, from: host).fragments(at: [96], identification: identification)
  }
}

/// All orders of `items`.
func permutations(of items: [Int]) -> [[Int]] {
  guard items.count > 1 else { return [items] }
  return items.flatMap { first in
    permutations(of: items.filter { $0 != first }).map { [first] + $0 }
  }
}
