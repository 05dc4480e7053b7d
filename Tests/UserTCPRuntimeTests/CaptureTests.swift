import Foundation
import Testing

@testable import UserTCP
@testable import UserTCPRuntime

@Suite struct `A capture` {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "capture-\(UUID().uuidString).pcap").path

  private func records() throws -> [[UInt8]] {
    var rest = [UInt8](try Data(contentsOf: URL(filePath: path)))[...]
    #expect(Array(rest.prefix(24)) == fileHeader)
    rest = rest.dropFirst(24)
    var records: [[UInt8]] = []
    while rest.count >= 16 {
      let words = stride(from: 0, to: 16, by: 4).map { at in
        rest.dropFirst(at).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      #expect(words[1] < 1_000_000_000)
      #expect(words[2] == words[3])
      records.append(Array(rest.dropFirst(16).prefix(Int(words[2]))))
      rest = rest.dropFirst(16 + Int(words[2]))
    }
    #expect(rest.isEmpty)
    return records
  }

  // Nanoseconds, version 2.4, LINKTYPE_RAW; the machines we run on are little-endian.
  private let fileHeader: [UInt8] = [
    0x4D, 0x3C, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0,
  ]

  // OFF-6
  @Test(arguments: [0, 1, 2, 3, 1460, 40_001])
  func `has completed checksums, also of super-segments and odd lengths`(_ count: Int) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (device, peer) = try MemoryDevice.pair()
    let capture = try CapturingDevice(device, path: path)
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let pseudoHeader = Frames.pseudoHeaderSum(segmentLength: 20 + count)
    let left = Frames.tcp(payload: payload, checksum: pseudoHeader)
    let offload = OffloadInfo(checksum: .partial, segmentSize: count > 1460 ? 1460 : 0)

    var outgoing = OutgoingBatch()
    Frames.append(left, offload, to: &outgoing)
    #expect(try capture.send(&outgoing))
    var received = IncomingBatch()
    try peer.receive(into: &received)
    #expect(received.packets == [left])  // the traffic itself is not touched
    #expect(received.offload(at: 0) == offload)

    let record = try #require(try records().first)
    #expect(record.count == left.count)
    #expect(Array(record.prefix(36)) == Array(left.prefix(36)))
    let segment = Frames.sum(record.dropFirst(20)) + UInt64(pseudoHeader)
    #expect(Frames.fold(segment) == 0xFFFF)
    #expect(Array(record.dropFirst(40)) == payload)
  }

  @Test func `holds what was received and what was sent, in order, complete frames untouched`()
    throws
  {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (device, peer) = try MemoryDevice.pair()
    let capture = try CapturingDevice(device, path: path)
    let first = Frames.tcp(payload: [1], checksum: 0x1234)
    let second = Frames.tcp(payload: [2, 2], checksum: 0x5678)
    var outgoing = OutgoingBatch()
    Frames.append(first, .none, to: &outgoing)
    #expect(try peer.send(&outgoing))
    var incoming = IncomingBatch()
    try capture.receive(into: &incoming)
    Frames.append(second, .none, to: &outgoing)
    #expect(try capture.send(&outgoing))
    #expect(try records() == [first, second])
  }

  @Test func `has a frame once that the device kept back`() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (device, peer) = try MemoryDevice.pair(capacity: 1)
    let capture = try CapturingDevice(device, path: path)
    let frames = (0..<3).map { Frames.tcp(payload: [$0]) }
    var outgoing = OutgoingBatch()
    for frame in frames { Frames.append(frame, .none, to: &outgoing) }
    var passed: [[UInt8]] = []
    for _ in frames {
      _ = try capture.send(&outgoing)
      var incoming = IncomingBatch()
      try peer.receive(into: &incoming)
      passed += incoming.packets
    }
    #expect(outgoing.count == 0)
    #expect(passed == frames)
    #expect(try records() == frames)
  }

  @Test func `that cannot be made says why and how to mend it`() throws {
    let (device, _) = try MemoryDevice.pair()
    #expect {
      _ = try CapturingDevice(device, path: "/nowhere/x.pcap")
    } throws: { error in
      "\(error)".contains("/nowhere/x.pcap") && "\(error)".contains("choose another path")
    }
  }

  @Test func `that has no room is refused at the start`() throws {
    let (device, _) = try MemoryDevice.pair()
    #expect(throws: DeviceError.captureFile(path: "/dev/full", code: ENOSPC)) {
      try CapturingDevice(device, path: "/dev/full")
    }
  }

  @Test func `that cannot be written any more ends and the traffic goes on`() throws {
    let (device, peer) = try MemoryDevice.pair()
    let failures = Log<DeviceError>()
    let readOnly = unsafe open("/dev/null", O_RDONLY)
    let capture = CapturingDevice(device, PcapFile(file: readOnly, path: "/x")) {
      failures.note($0)
    }
    for _ in 0..<2 {
      var outgoing = OutgoingBatch()
      Frames.append(Frames.tcp(), .none, to: &outgoing)
      #expect(try capture.send(&outgoing))
    }
    var incoming = IncomingBatch()
    try peer.receive(into: &incoming)
    #expect(incoming.count == 2)
    #expect(failures.all == [.captureFile(path: "/x", code: EBADF)])
  }
}
