// What it costs to find a connection by the addresses and ports of a segment: the keyed hash, the index
// and the comparison of the key in the control block, in random order.
//
//   swift run -c release -Xswiftc -enable-testing engine-lookup

import Glibc

@testable import UserTCP

func nanoseconds() -> Int64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func measure(_ count: Int) throws {
  var settings = StackSettings()
  settings.maximumConnections = count
  var stack = ProtocolStack(
    settings: settings, interface: InterfaceAddress(IPv4Address(192, 0, 2, 2), prefixLength: 24),
    secret: StackSecret(1, 2, 3, 4))
  var keys: [ConnectionKey] = []
  for number in 0..<count {
    let key = ConnectionKey(
      local: Endpoint(IPv4Address(192, 0, 2, 2), Port(UInt16(1024 + number % 60_000))),
      remote: Endpoint(IPv4Address(198, 51, 100, UInt8(1 + number / 60_000)), 80))
    _ = try stack.connect(to: key.remote, from: key.local)
    keys.append(key)
  }
  var random = SeededRandom(seed: 1)
  let looked = 2_000_000
  var order: [Int32] = []
  for _ in 0..<looked { order.append(Int32(random.next() % UInt64(count))) }
  var found = 0
  let start = nanoseconds()
  for index in order {
    let key = keys[Int(index)]
    if stack.find(key, hash: stack.context.secrets.tableHash(key)) != nil { found += 1 }
  }
  let each = Double(nanoseconds() - start) / Double(looked)
  guard found == looked else { fatalError("a connection was not found") }
  print("\(count) connections: \(each) ns each")
}

for count in [1_000, 100_000, 1_000_000] { try measure(count) }
