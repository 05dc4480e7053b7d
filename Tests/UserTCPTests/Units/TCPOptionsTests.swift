// TCP options and the header around them: read at any alignment, unknown ones skipped, impossible
// lengths refused, and no octets that trap.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct TCPOptionsTests {
  private func parse(_ bytes: [UInt8]) -> TCPOptions? { TCPOptions(parsing: bytes.raw) }

  // R9293-MUST-4, R9293-MUST-64
  @Test func `options are understood at every alignment`() {
    let mss: [UInt8] = [2, 4, 0x03, 0xE8]
    let stamps: [UInt8] = [8, 10, 0, 0, 0, 1, 0, 0, 0, 2]
    let scale: [UInt8] = [3, 3, 7]
    for padding in 0...8 {
      let pads = [UInt8](repeating: 1, count: padding)
      for parts in [[mss, stamps, scale], [scale, mss, stamps], [stamps, scale, mss]] {
        let options = parse(pads + parts[0] + parts[1] + parts[2])
        #expect(options?.maximumSegmentSize == 1000)
        #expect(options?.timestamps == .init(value: 1, echo: 2))
        #expect(options?.windowShift == 7)
      }
    }
    // The form that everybody sends has a way of its own.
    #expect(parse([1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8])?.timestamps == .init(value: 9, echo: 8))
  }

  // R9293-MUST-6
  @Test func `unknown options are skipped by their length`() {
    let options = parse([253, 6, 1, 2, 3, 4, 2, 4, 0x03, 0x84, 254, 2])
    #expect(options?.maximumSegmentSize == 900)
    #expect(options?.timestamps == nil && options?.windowShift == nil)
  }

  @Test func `a known option with a strange length is skipped as if unknown`() {
    let options = parse([2, 3, 9, 3, 4, 1, 1, 8, 3, 1, 2, 4, 0x01, 0x00])
    #expect(options?.maximumSegmentSize == 256)
    #expect(options?.windowShift == nil && options?.timestamps == nil)
  }

  // R9293-MUST-7
  @Test func `lengths that cannot be are refused`() {
    #expect(parse([99, 0, 1, 1]) == nil)
    #expect(parse([99, 1, 1, 1]) == nil)
    #expect(parse([99, 5, 1, 1]) == nil)
    #expect(parse([1, 1, 1, 99]) == nil)
    #expect(parse([2, 4, 5]) == nil)
    #expect(parse([UInt8](repeating: 1, count: 38) + [8, 10]) == nil)
  }

  @Test func `nothing is read behind the end`() {
    #expect(parse([0, 99, 0, 2]) == TCPOptions.none)
    #expect(parse([]) == TCPOptions.none)
  }

  // R9293-MUST-7
  @Test func `random octets of every length are survived`() {
    var random = SeededRandom(seed: 6)
    let kinds: [UInt8] = [0, 1, 2, 3, 4, 5, 8, 19, 253]
    var refused = 0
    for count in 0...40 {
      for round in 0..<300 {
        var bytes = random.bytes(count)
        if round % 2 == 0 {
          for index in 0..<count where random.happens(0.5) {
            bytes[index] = kinds.randomElement(using: &random)!
          }
        }
        if parse(bytes) == nil { refused += 1 }
      }
    }
    #expect(refused > 1000)
  }

  // R9293-MUST-68, R9293-MUST-69
  @Test func `what is written is whole words and reads back the same`() {
    for mss: UInt16? in [nil, 1460] {
      for shift: UInt8? in [nil, 0, 14] {
        for stamps: TCPOptions.Timestamps? in [nil, .init(value: .max, echo: 1)] {
          var options = TCPOptions.none
          options.maximumSegmentSize = mss
          options.windowShift = shift
          options.timestamps = stamps
          let bytes = [UInt8](capacity: 40) { output in
            options.write(to: &output)
          }
          #expect(bytes.count == options.encodedCount)
          #expect(bytes.count % 4 == 0)
          #expect(parse(bytes) == options)
        }
      }
    }
  }
}

struct TCPSegmentTests {
  private func header(
    dataOffset: UInt8 = 5, flags: UInt8 = 0x10, options: [UInt8] = [], text: [UInt8] = []
  ) -> [UInt8] {
    [0x12, 0x34, 0x00, 0x50, 1, 2, 3, 4, 5, 6, 7, 8, dataOffset << 4, flags]
      + [0x80, 0x01, 0, 0, 0x00, 0x07] + options + text
  }

  private func parse(
    _ bytes: [UInt8], segmentSize: Int = 0
  ) -> (segment: TCPSegment, textOffset: Int)? {
    try? TCPSegment.parse(bytes.raw, segmentSize: segmentSize).get()
  }

  private func malformation(_ bytes: [UInt8]) -> TCPSegment.Malformation? {
    switch TCPSegment.parse(bytes.raw, segmentSize: 0) {
    case .success: nil
    case .failure(let malformed): malformed.part
    }
  }

  // R9293-MUST-1: the window is unsigned.
  @Test func `a header is read field by field`() throws {
    let bytes = header(dataOffset: 6, flags: 0xFF, options: [2, 4, 5, 0xB4], text: [9, 9, 9])
    let (segment, textOffset) = try #require(parse(bytes, segmentSize: 1448))
    #expect(segment.sourcePort == 0x1234 && segment.destinationPort == 80)
    #expect(segment.sequence == SequenceNumber(0x0102_0304))
    #expect(segment.acknowledgment == SequenceNumber(0x0506_0708))
    #expect(segment.flags == [.fin, .syn, .rst, .psh, .ack, .urg, .ece, .cwr])
    #expect(segment.window == 0x8001)
    #expect(segment.urgentPointer == 7)
    #expect(segment.options.maximumSegmentSize == 1460)
    #expect(segment.textCount == 3 && textOffset == 24)
    #expect(segment.segmentSize == 1448)
    #expect(segment.length == 5, "SYN and FIN count one each")
  }

  @Test func `headers that cannot be are refused`() {
    #expect(malformation(Array(header().prefix(19))) == .header)
    #expect(malformation(header(dataOffset: 4)) == .header)
    #expect(malformation(header(dataOffset: 6)) == .header)
    #expect(malformation(header(dataOffset: 15, text: [UInt8](repeating: 1, count: 39))) == .header)
    #expect(malformation(header(dataOffset: 6, options: [9, 0, 0, 0])) == .options)
    #expect(malformation(header()) == nil)
    #expect(malformation(header(dataOffset: 15, text: [UInt8](repeating: 1, count: 40))) == nil)
  }

  @Test func `random octets of every length are survived`() {
    var random = SeededRandom(seed: 7)
    var accepted = 0
    for count in 0...80 {
      for _ in 0..<100 {
        var bytes = random.bytes(count)
        if count > 12 { bytes[12] |= 0x50 }
        guard let (segment, textOffset) = parse(bytes) else { continue }
        accepted += 1
        #expect(textOffset + segment.textCount == count)
      }
    }
    #expect(accepted > 0)
  }

  @Test func `combinations that no TCP sends are noticed`() {
    for flags in 0..<64 as Range<UInt8> {
      let segment = parse(header(flags: flags))?.segment
      let isImpossible = flags == 0 || flags & 0x03 == 0x03 || flags & 0x06 == 0x06
      #expect(segment?.hasImpossibleFlags == isImpossible, "\(flags)")
    }
  }

  @Test func `a header that is written is read back`() throws {
    let written = TCPHeader(
      flags: [.ack, .psh], sequence: SequenceNumber(7), acknowledgment: SequenceNumber(9),
      window: 65_535, urgentPointer: 3)
    let bytes = [UInt8](capacity: 60) { output in
      written.write(from: 80, to: 4711, checksum: 0xBEEF, into: &output)
    }
    let (segment, textOffset) = try #require(parse(bytes))
    #expect(textOffset == 20)
    #expect(segment.sourcePort == 80 && segment.destinationPort == 4711)
    #expect(segment.flags == [.ack, .psh])
    #expect(segment.sequence == SequenceNumber(7))
    #expect(segment.acknowledgment == SequenceNumber(9))
    #expect(segment.window == 65_535 && segment.urgentPointer == 3)
    #expect(bytes[16] == 0xBE && bytes[17] == 0xEF)
  }
}
