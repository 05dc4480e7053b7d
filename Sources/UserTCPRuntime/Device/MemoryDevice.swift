// Two devices joined by a cable in memory, for tests and demos in one process: what one sends the
// other receives, with its offload information, in order and without loss. Not fast, but honest: it
// takes a bounded number of frames and then says so.

internal import CTun
internal import Glibc
internal import Synchronization

/// One end of a cable between two stacks.
public final class MemoryDevice: PacketDevice {
  public let mtu: Int
  public let offloads: OffloadCapabilities
  private let incoming: Pipe
  private let outgoing: Pipe

  /// The two ends of a new cable that holds up to `capacity` frames each way.
  public static func pair(
    mtu: Int = 1500, offloads: OffloadCapabilities = .all, capacity: Int = 256
  ) throws(DeviceError) -> (MemoryDevice, MemoryDevice) {
    let there = try Pipe(capacity: capacity)
    let back = try Pipe(capacity: capacity)
    return (
      MemoryDevice(mtu, offloads, incoming: back, outgoing: there),
      MemoryDevice(mtu, offloads, incoming: there, outgoing: back)
    )
  }

  private init(_ mtu: Int, _ offloads: OffloadCapabilities, incoming: Pipe, outgoing: Pipe) {
    self.mtu = mtu
    self.offloads = offloads
    self.incoming = incoming
    self.outgoing = outgoing
  }

  public var descriptor: Int32? { incoming.event }

  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {
    incoming.take(into: &batch)
  }

  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool {
    let count = outgoing.put(batch)
    batch.removeFirst(count)
    return batch.isEmpty
  }

  /// What the other end sends from now on is lost.
  public func close() { incoming.close() }
}

/// One direction of the cable.
private final class Pipe: Sendable {
  private struct Frame {
    var octets: [UInt8]
    var offload: OffloadInfo
  }

  private struct Contents {
    var frames: [Frame] = []
    var first = 0
    var isClosed = false
    var count: Int { frames.count - first }
  }

  /// Readable while there are frames.
  let event: Int32
  private let capacity: Int
  private let contents = Mutex(Contents())

  init(capacity: Int) throws(DeviceError) {
    self.capacity = capacity
    event = ctun_event_open()
    guard event >= 0 else { throw .io(code: -event, call: "eventfd") }
  }

  deinit { _ = Glibc.close(event) }

  /// Copies frames from the front of the batch as far as there is room. Returns how many it took.
  func put(_ batch: borrowing OutgoingBatch) -> Int {
    contents.withLock { contents in
      if contents.isClosed { return batch.count }
      let wasEmpty = contents.count == 0
      let taken = min(batch.count, capacity - contents.count)
      for index in 0..<taken {
        contents.frames.append(
          Frame(octets: batch.copy(at: index), offload: batch.offload(at: index)))
      }
      if wasEmpty && taken > 0 { ctun_event_signal(event) }
      return taken
    }
  }

  func take(into batch: inout IncomingBatch) {
    contents.withLock { contents in
      while contents.count > 0 && !batch.isFull {
        let frame = contents.frames[contents.first]
        unsafe batch.append(frame.octets.span.bytes, offload: frame.offload)
        contents.first += 1
      }
      guard contents.count == 0, contents.first > 0 else { return }
      contents.frames.removeAll(keepingCapacity: true)
      contents.first = 0
      ctun_event_clear(event)
    }
  }

  func close() {
    contents.withLock { contents in
      contents = Contents()
      contents.isClosed = true
    }
  }
}
