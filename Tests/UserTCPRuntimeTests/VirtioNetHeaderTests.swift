import Testing

@testable import UserTCPRuntime

@Suite struct `A virtio-net header` {
  @Test func `is ten octets, laid out as the kernel has it`() {
    #expect(MemoryLayout<VirtioNetHeader>.size == 10)
    let header = VirtioNetHeader(
      flags: 1, segmentationType: 0x81, headerLength: 40, segmentSize: 1460, checksumStart: 20,
      checksumOffset: 16)
    let octets = unsafe withUnsafeBytes(of: header) { unsafe [UInt8]($0) }
    func word(_ value: UInt16) -> [UInt8] {
      unsafe withUnsafeBytes(of: value) { unsafe [UInt8]($0) }
    }
    #expect(octets == [1, 0x81] + word(40) + word(1460) + word(20) + word(16))
  }

  // OFF-1
  @Test func `in front of a received frame says whether the checksum must be verified`() {
    var header = VirtioNetHeader.empty
    #expect(header.offload == .none)
    header.flags = VirtioNetHeader.dataValid
    #expect(header.offload == OffloadInfo(checksum: .verified))
    header.flags = VirtioNetHeader.needsChecksum
    #expect(header.offload == OffloadInfo(checksum: .partial))
    header.flags = VirtioNetHeader.needsChecksum | VirtioNetHeader.dataValid
    #expect(header.offload == OffloadInfo(checksum: .partial))
    header.flags = 0xF8  // bits of later versions mean nothing to us
    #expect(header.offload == .none)
  }

  // OFF-3
  @Test func `of a received super-segment gives its segment size and whether it carries CWR`() {
    var header = VirtioNetHeader.empty
    header.flags = VirtioNetHeader.needsChecksum
    header.segmentSize = 1448
    #expect(header.offload.segmentSize == 0)  // no type: not to be cut, whatever the size says
    for type in [VirtioNetHeader.tcpOverIPv4, VirtioNetHeader.tcpOverIPv6] {
      header.segmentationType = type
      #expect(header.offload == OffloadInfo(checksum: .partial, segmentSize: 1448))
      header.segmentationType = type | VirtioNetHeader.carriesCWR
      #expect(
        header.offload == OffloadInfo(checksum: .partial, segmentSize: 1448, carriesCWR: true))
    }
  }

  @Test func `of a complete frame is all zero`() {
    let frame = Frames.tcp()
    #expect(unsafe VirtioNetHeader(.none, header: frame.span.bytes) == .empty)
    #expect(
      unsafe VirtioNetHeader(OffloadInfo(checksum: .verified), header: frame.span.bytes) == .empty)
  }

  @Test(arguments: 0...10)
  func `of a super-segment finds checksum and payload in the frame`(_ optionWords: Int) {
    let frame = Frames.tcp(payload: [1, 2, 3], optionWords: optionWords)
    let offload = OffloadInfo(checksum: .partial, segmentSize: 1460, carriesCWR: true)
    let header = unsafe VirtioNetHeader(offload, header: frame.span.bytes)
    #expect(header.flags == 1)
    #expect(header.checksumStart == 20)
    #expect(header.checksumOffset == 16)
    #expect(header.headerLength == UInt16(40 + 4 * optionWords))
    #expect(header.segmentSize == 1460)
    #expect(header.segmentationType == 0x81)
    #expect(header.offload == offload)
  }

  @Test func `of a single segment asks for the checksum only`() {
    let frame = Frames.tcp(payload: [1])
    let offload = OffloadInfo(checksum: .partial)
    let header = unsafe VirtioNetHeader(offload, header: frame.span.bytes)
    #expect(header.segmentationType == 0 && header.segmentSize == 0 && header.headerLength == 0)
    #expect(header.flags == 1 && header.checksumStart == 20)
    #expect(header.offload == offload)
  }

  @Test func `counts the options of IP`() {
    var frame = Frames.tcp()
    frame[0] = 0x47
    frame.insert(contentsOf: [1, 1, 1, 1, 1, 1, 1, 0], at: 20)
    let offload = OffloadInfo(checksum: .partial, segmentSize: 500)
    let header = unsafe VirtioNetHeader(offload, header: frame.span.bytes)
    #expect(header.checksumStart == 28)
    #expect(header.headerLength == 48)
  }

  @Test func `knows IPv6`() {
    var frame = [UInt8](repeating: 0, count: 60)
    frame[0] = 0x60
    frame[6] = 6
    frame[52] = 0x50
    let offload = OffloadInfo(checksum: .partial, segmentSize: 1440)
    let header = unsafe VirtioNetHeader(offload, header: frame.span.bytes)
    #expect(header.segmentationType == VirtioNetHeader.tcpOverIPv6)
    #expect(header.checksumStart == 40 && header.headerLength == 60)
  }

  @Test func `is empty for what is not a whole TCP header`() {
    let frame = Frames.tcp()
    let offload = OffloadInfo(checksum: .partial)
    for length in 0..<40 {
      #expect(
        unsafe VirtioNetHeader(offload, header: frame.span.bytes.extracting(first: length))
          == .empty)
    }
    var icmp = frame
    icmp[9] = 1
    #expect(unsafe VirtioNetHeader(offload, header: icmp.span.bytes) == .empty)
    var nothing = frame
    nothing[0] = 0x15
    #expect(unsafe VirtioNetHeader(offload, header: nothing.span.bytes) == .empty)
  }
}
