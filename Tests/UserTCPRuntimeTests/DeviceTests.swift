import Testing

@testable import UserTCP
@testable import UserTCPRuntime

@Suite struct `A memory device` {
  @Test func `hands frames over in order, with their offload information`() throws {
    let (left, right) = try MemoryDevice.pair()
    let frames = (0..<10).map { Frames.tcp(payload: [UInt8](repeating: UInt8($0), count: $0)) }
    let offload = OffloadInfo(checksum: .partial, segmentSize: 3, carriesCWR: true)
    var outgoing = OutgoingBatch()
    for frame in frames { Frames.append(frame, offload, to: &outgoing) }
    #expect(try left.send(&outgoing))
    #expect(outgoing.count == 0)
    var incoming = IncomingBatch()
    try right.receive(into: &incoming)
    #expect(incoming.packets == frames)
    #expect((0..<10).allSatisfy { incoming.offload(at: $0) == offload })
    var nothing = IncomingBatch()
    try left.receive(into: &nothing)
    #expect(nothing.count == 0)
  }

  @Test func `that is full keeps the rest in the batch`() throws {
    let (left, right) = try MemoryDevice.pair(capacity: 2)
    let frames = (0..<5).map { Frames.tcp(payload: [UInt8($0)]) }
    var outgoing = OutgoingBatch()
    for frame in frames { Frames.append(frame, .none, to: &outgoing) }
    #expect(try !left.send(&outgoing))
    #expect(outgoing.count == 3)
    var incoming = IncomingBatch()
    try right.receive(into: &incoming)
    #expect(incoming.packets == Array(frames[..<2]))
    #expect(try !left.send(&outgoing))
    try right.receive(into: &incoming)
    #expect(try left.send(&outgoing))
    try right.receive(into: &incoming)
    #expect(incoming.packets == frames)
  }

  @Test func `fills a batch no further than its limit and goes on with the next`() throws {
    let (left, right) = try MemoryDevice.pair()
    let frames = (0..<5).map { Frames.tcp(payload: [UInt8($0)]) }
    var outgoing = OutgoingBatch()
    for frame in frames { Frames.append(frame, .none, to: &outgoing) }
    #expect(try left.send(&outgoing))
    var incoming = IncomingBatch(packetLimit: 3)
    try right.receive(into: &incoming)
    #expect(incoming.packets == Array(frames[..<3]))
    incoming.removeAll()
    try right.receive(into: &incoming)
    #expect(incoming.packets == Array(frames[3...]))
  }

  @Test func `loses what is sent to an end that was closed`() throws {
    let (left, right) = try MemoryDevice.pair(capacity: 1)
    right.close()
    var outgoing = OutgoingBatch()
    for _ in 0..<3 { Frames.append(Frames.tcp(), .none, to: &outgoing) }
    #expect(try left.send(&outgoing))
  }
}

@Suite struct `A TUN device` {
  @Test(arguments: ["", "0123456789abcdef", "a/b", "a:b", "a b", "..", ".", "tun%d", "tün"])
  func `is not opened by a name that no interface can have`(_ name: String) {
    #expect(throws: DeviceError.invalidName(name)) {
      try TunDevice.open(.init(name: name, address: "192.0.2.2/24"))
    }
  }

  @Test(arguments: [-1, 0, 67, 65_536])
  func `is not opened with an MTU that no interface can have`(_ mtu: Int) {
    #expect(throws: DeviceError.mtuRejected(mtu)) {
      try TunDevice.open(.init(name: "tun0", address: "192.0.2.2/24", mtu: mtu))
    }
  }
}

@Suite struct `An error of a device` {
  private static let all: [DeviceError] = [
    .notPermitted(name: "tun0"), .noTunDevice, .busy(name: "tun0"), .invalidName("a/b"),
    .notATun(name: "eth0"), .queueMismatch(name: "tun0"), .linkDown, .deleted(name: "tun0"),
    .addressRejected("192.0.2.1", code: 99), .noHostAddress("192.0.2.2/32"), .mtuRejected(67),
    .captureFile(path: "/x.pcap", code: 28),
  ]

  @Test(arguments: all) func `is one line that says what to do`(_ error: DeviceError) {
    let text = "\(error)"
    #expect(!text.contains("\n"))
    let parts = text.split(separator: ":", maxSplits: 1)
    #expect(parts.count == 2)
    let remedies = ["run ", "load ", "stop ", "use ", "choose ", "make ", "set ", "start "]
    #expect(remedies.contains { text.contains(": \($0)") }, "no remedy in: \(text)")
  }

  @Test func `of a system call says which and why`() {
    #expect("\(DeviceError.io(code: 28, call: "write"))" == "write failed: No space left on device")
    #expect("\(DeviceError.noHostAddress("192.0.2.2/32"))".contains("192.0.2.2/32"))
    #expect("\(DeviceError.notPermitted(name: "tun7"))".contains("CAP_NET_ADMIN"))
  }
}
