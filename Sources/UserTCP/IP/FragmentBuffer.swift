// The octets of one datagram while its fragments come in, and what is missing of them (FRAG-1). Two tables
// with a bit for every eight octets, as in the procedure of RFC 791 §3.2, and not RFC 815's list of holes:
// what a fragment costs does not depend on how many holes a stranger has made, and the second table tells
// where fragments begin, so that a repetition (ignored) is told from an overlap (FRAG-4).
//
//   | room for a header 64 | payload: capacity | filled: capacity / 64 | begins: capacity / 64 |
//             header ends ^ where the payload begins, so that the whole datagram lies in one piece
//
// Unsafe inside: `base` is nil or a block laid out like that; both tables are zeroed when they are made,
// octets are read only where `filled` says that they were written.

@safe struct FragmentBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer? = nil
  /// Octets of payload it has room for, a power of two.
  private var capacity = 0
  /// Octets of the payload, once the last fragment is there.
  private var total: Int? = nil
  /// One past the last octet so far.
  private var end = 0
  private var filledUnits = 0
  /// Of the first fragment; 0 while that is missing.
  private var headerCount = 0
  /// A bit for each ECN codepoint that a fragment had.
  private var congestionSet: UInt8 = 0

  private static let headerRoom = 64
  private static let smallest = 512

  init() {}

  deinit { unsafe base?.deallocate() }

  /// What it occupies.
  var byteCount: Int { capacity == 0 ? 0 : Self.headerRoom + capacity + capacity / 32 }

  enum Verdict: BitwiseCopyable {
    case kept
    /// All of it has been here before; ignored.
    case repeated
    /// FRAG-4, DEC-8: it says something else about octets that are here.
    case overlapping
    /// It and another disagree where the datagram ends.
    case contradictory
  }

  /// Takes the octets of a fragment, and with the first one the header of its packet.
  mutating func insert(_ fragment: Fragment, _ payload: RawSpan, header: RawSpan) -> Verdict {
    guard agrees(fragment) else { return .contradictory }
    if fragment.end > capacity { grow(to: fragment.end) }
    let units = fragment.offset / 8..<(fragment.end + 7) / 8
    if count(in: units, of: .filled) > 0 {
      return isRepetition(fragment, units, payload) ? .repeated : .overlapping
    }
    unsafe payload.withUnsafeBytes {
      unsafe octets(from: fragment.offset, count: fragment.count).copyMemory(from: $0)
    }
    if fragment.offset == 0 { keep(header) }
    set(units, in: .filled)
    set(units.lowerBound..<units.lowerBound + 1, in: .begins)
    filledUnits += units.count
    end = max(end, fragment.end)
    if fragment.isLast { total = fragment.end }
    congestionSet |= 1 << fragment.congestionBits
    return .kept
  }

  private func agrees(_ fragment: Fragment) -> Bool {
    if let total { return fragment.isLast ? fragment.end == total : fragment.end <= total }
    return !fragment.isLast || fragment.end >= end
  }

  /// The same octets at the same place, from the same cut.
  private func isRepetition(_ fragment: Fragment, _ units: Range<Int>, _ payload: RawSpan) -> Bool {
    let next = units.upperBound..<min(units.upperBound + 1, capacity / 8)
    guard count(in: units, of: .filled) == units.count, count(in: units, of: .begins) == 1,
      count(in: units.lowerBound..<units.lowerBound + 1, of: .begins) == 1,
      count(in: next, of: .filled) == count(in: next, of: .begins)
    else { return false }
    return unsafe payload.withUnsafeBytes {
      unsafe $0.elementsEqual(octets(from: fragment.offset, count: fragment.count))
    }
  }

  // MARK: The whole datagram

  /// Nothing is missing.
  var isComplete: Bool {
    guard let total else { return false }
    return filledUnits == (total + 7) / 8
  }

  /// The first fragment is here, which an error may quote (ICMP4-5).
  var hasFirst: Bool { headerCount > 0 }

  /// The header of the first fragment and what has come of the payload behind it, without a gap, at most
  /// `limit` octets.
  @_lifetime(borrow self)
  func quotation(limit: Int) -> RawSpan {
    var units = 0
    while units * 8 < limit, units * 8 < end, count(in: units..<units + 1, of: .filled) > 0 {
      units += 1
    }
    return packet(count: min(limit, headerCount + min(units * 8, end)))
  }

  /// Makes one packet of what is complete; false when that would be too long, or when its fragments
  /// contradict each other about congestion.
  mutating func finish() -> Bool {
    guard isComplete, headerCount + end <= Fragment.largestPacket,
      let congestionBits = mergedCongestionBits
    else { return false }
    let typeOfService = unsafe header.load(fromByteOffset: 1, as: UInt8.self) & ~3 | congestionBits
    unsafe header.storeBytes(of: typeOfService, toByteOffset: 1, as: UInt8.self)
    store(UInt16(headerCount + end), at: 2)
    store(0, at: 6)  // neither a fragment nor one that must not become one
    store(0, at: 10)
    var checksum = InternetChecksum()
    checksum.add(packet(count: headerCount))
    store(checksum.value, at: 10)
    return true
  }

  /// The datagram that `finish` made.
  var packet: RawSpan {
    @_lifetime(borrow self) get { packet(count: headerCount + end) }
  }

  /// RFC 3168 §5.3, FRAG-7: a mark on one fragment marks the datagram, unless another was not capable of
  /// marks; then somebody has set bits that are not theirs, and it is dropped.
  private var mergedCongestionBits: UInt8? {
    let notCapable: UInt8 = 1 << 0
    let experienced: UInt8 = 1 << 3
    if congestionSet & experienced != 0 { return congestionSet & notCapable == 0 ? 3 : nil }
    // The RFC leaves other mixtures open: what one did not offer is not offered.
    if congestionSet & notCapable != 0 { return 0 }
    return unsafe header.load(fromByteOffset: 1, as: UInt8.self) & 3
  }

  // MARK: Memory

  private var block: UnsafeMutableRawPointer {
    guard let base = unsafe base else { preconditionFailure("something has been inserted") }
    return unsafe base
  }

  private var header: UnsafeMutableRawPointer { unsafe block + (Self.headerRoom - headerCount) }

  private func octets(from offset: Int, count: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: block + Self.headerRoom + offset, count: count)
  }

  @_lifetime(borrow self)
  private func packet(count: Int) -> RawSpan {
    let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(header), byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  private mutating func keep(_ bytes: RawSpan) {
    headerCount = bytes.byteCount
    unsafe bytes.withUnsafeBytes {
      unsafe UnsafeMutableRawBufferPointer(start: header, count: headerCount).copyMemory(from: $0)
    }
  }

  private func store(_ value: UInt16, at offset: Int) {
    unsafe header.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }

  private mutating func grow(to needed: Int) {
    var larger = max(capacity, Self.smallest)
    while larger < needed { larger *= 2 }
    let target = UnsafeMutableRawPointer.allocate(
      byteCount: Self.headerRoom + larger + larger / 32, alignment: 16)
    unsafe (target + Self.headerRoom + larger).initializeMemory(
      as: UInt64.self, repeating: 0, count: larger / 256)
    if let old = unsafe base {
      unsafe target.copyMemory(from: old, byteCount: Self.headerRoom + end)
      for table in 0..<2 {
        unsafe (target + Self.headerRoom + larger + table * larger / 64).copyMemory(
          from: old + Self.headerRoom + capacity + table * capacity / 64,
          byteCount: capacity / 64)
      }
      unsafe old.deallocate()
    }
    unsafe base = target
    capacity = larger
  }

  // MARK: Bit tables

  private enum Table: Int { case filled, begins }

  private func word(_ index: Int, of table: Table) -> UnsafeMutablePointer<UInt64> {
    let first = Self.headerRoom + capacity + table.rawValue * capacity / 64
    return unsafe (block + first).assumingMemoryBound(to: UInt64.self) + index
  }

  private func count(in units: Range<Int>, of table: Table) -> Int {
    var count = 0
    var unit = units.lowerBound
    while unit < units.upperBound {
      let mask = Self.mask(from: unit, below: units.upperBound)
      unsafe count += (word(unit / 64, of: table).pointee & mask).nonzeroBitCount
      unit = (unit / 64 + 1) * 64
    }
    return count
  }

  private func set(_ units: Range<Int>, in table: Table) {
    var unit = units.lowerBound
    while unit < units.upperBound {
      let mask = Self.mask(from: unit, below: units.upperBound)
      unsafe word(unit / 64, of: table).pointee |= mask
      unit = (unit / 64 + 1) * 64
    }
  }

  /// The bits of one word from `unit` on that lie below `limit`.
  private static func mask(from unit: Int, below limit: Int) -> UInt64 {
    let width = min(64 - unit % 64, limit - unit)
    return (UInt64.max >> UInt64(64 - width)) << UInt64(unit % 64)
  }
}
