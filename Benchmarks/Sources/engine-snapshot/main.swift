// What one slice of the table of sockets costs the loop, and the whole table: COUNT connections, the size
// of slice that `TCPStack.sockets` takes, the copies kept as it keeps them.
//
//   swift run -c release engine-snapshot [COUNT]

import Glibc
import UserTCP

func nanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

let count = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 100_000
let placesPerSlice = 1024
var settings = StackSettings()
settings.maximumConnections = count
var stack = ProtocolStack(
  settings: settings, interface: InterfaceAddress(IPv4Address(192, 0, 2, 2), prefixLength: 24),
  secret: StackSecret(1, 2, 3, 4))
for number in 0..<count {
  _ = try stack.connect(
    to: Endpoint(IPv4Address(198, 51, 100, UInt8(1 + number / 60_000)), 80),
    from: Endpoint(IPv4Address(192, 0, 2, 2), Port(UInt16(1024 + number % 60_000))))
}
for round in 1...5 {
  var cursor: SnapshotCursor? = .start
  var longest: Int64 = 0
  var seen = 0
  let begin = nanoseconds()
  while let from = cursor {
    let start = nanoseconds()
    var rows: [ConnectionSnapshot] = []
    cursor = stack.snapshots(from: from, places: placesPerSlice) { rows.append($0) }
    longest = max(longest, nanoseconds() - start)
    seen += rows.count
  }
  let whole = nanoseconds() - begin
  print(
    "round \(round): \(seen) sockets, longest slice \(longest / 1000) us, table \(whole / 1000) us")
}
