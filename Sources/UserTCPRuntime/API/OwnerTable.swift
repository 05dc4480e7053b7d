// Who looks after a connection: twelve octets at the connection's slot, so that a notification finds
// its handler or its stream without a hash. Chunks are added as slots are used and stay.

/// Where a connection's handler or stream lies.
struct Owner: BitwiseCopyable {
  /// Of the connection: an entry of an earlier connection in the same slot is not this one's.
  let generation: UInt32
  /// The slot in the service's pool, or in the pool of streams.
  let element: UInt32
  /// The service's index; `streams` and `nobody` are no services.
  fileprivate(set) var service: UInt16
  /// The handler has been told that the input has ended.
  fileprivate(set) var inputEndWasTold = false

  static let nobody: UInt16 = 0
  static let streams: UInt16 = 1

  init(element: UInt32, service: UInt16, id: ConnectionID) {
    generation = id.generation
    self.element = element
    self.service = service
  }
}

/// The owners of all connections, by slot.
@safe struct OwnerTable: ~Copyable {
  private static let chunkShift = 10
  private static let chunkSize = 1 << chunkShift
  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<Owner>?>
  private var chunkCount = 0

  init() { unsafe chunks = .allocate(capacity: 0) }

  deinit {
    for index in 0..<chunkCount { unsafe chunks[index]?.deallocate() }
    unsafe chunks.deallocate()
  }

  /// The owner of `id`; `nil` when it has none or the handle is stale.
  subscript(id: ConnectionID) -> Owner? {
    get {
      guard let owner = unsafe place(of: id.slot)?.pointee, owner.service != Owner.nobody,
        owner.generation == id.generation
      else { return nil }
      return owner
    }
  }

  mutating func set(_ id: ConnectionID, _ owner: Owner) {
    let chunk = Int(id.slot) >> Self.chunkShift
    if chunk >= chunkCount { grow(toHold: chunk) }
    if unsafe chunks[chunk] == nil {
      let fresh = UnsafeMutablePointer<Owner>.allocate(capacity: Self.chunkSize)
      let empty = Owner(
        element: 0, service: Owner.nobody, id: ConnectionID(slot: 0, generation: 0))
      unsafe fresh.initialize(repeating: empty, count: Self.chunkSize)
      unsafe chunks[chunk] = fresh
    }
    unsafe place(of: id.slot)?.pointee = owner
  }

  mutating func setInputEndTold(_ id: ConnectionID) {
    unsafe place(of: id.slot)?.pointee.inputEndWasTold = true
  }

  mutating func clear(_ id: ConnectionID) {
    unsafe place(of: id.slot)?.pointee.service = Owner.nobody
  }

  private func place(of slot: UInt32) -> UnsafeMutablePointer<Owner>? {
    let chunk = Int(slot) >> Self.chunkShift
    guard chunk < chunkCount, let base = unsafe chunks[chunk] else { return nil }
    return unsafe base + (Int(slot) & (Self.chunkSize - 1))
  }

  private mutating func grow(toHold chunk: Int) {
    let bigger = UnsafeMutablePointer<UnsafeMutablePointer<Owner>?>.allocate(
      capacity: (chunk + 1) * 2)
    unsafe bigger.initialize(repeating: nil, count: (chunk + 1) * 2)
    for index in 0..<chunkCount { unsafe bigger[index] = chunks[index] }
    unsafe chunks.deallocate()
    unsafe chunks = bigger
    chunkCount = (chunk + 1) * 2
  }

  /// Every connection that has an owner, in a list that stays while they change; for shutting down.
  func all() -> [(ConnectionID, Owner)] {
    var all: [(ConnectionID, Owner)] = []
    for chunk in 0..<chunkCount {
      guard let base = unsafe chunks[chunk] else { continue }
      for index in 0..<Self.chunkSize where unsafe base[index].service != Owner.nobody {
        let slot = UInt32(chunk << Self.chunkShift + index)
        unsafe all.append(
          (ConnectionID(slot: slot, generation: base[index].generation), base[index]))
      }
    }
    return all
  }
}
