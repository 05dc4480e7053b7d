// A Linux TUN with virtio-net headers: super-segments of up to 64 KB both ways, checksums left
// undone. A frame costs one system call; its payload goes to the kernel straight from the ring it
// lies in. Opening and its many errors are in TunDevice+Open.swift.

internal import CTun
internal import Glibc

/// A TUN device of the kernel.
public final class TunDevice: PacketDevice {
  public let name: String
  /// The device is ours and disappears when it is closed; otherwise it was there before.
  public let made: Bool
  public let mtu: Int
  public let offloads: OffloadCapabilities
  private let file: Int32
  /// 0 where the kernel has no virtio-net headers.
  private let vnetHeaderSize: Int

  init(
    file: Int32, name: String, made: Bool, mtu: Int, offloads: OffloadCapabilities,
    vnetHeaderSize: Int
  ) {
    self.file = file
    self.name = name
    self.made = made
    self.mtu = mtu
    self.offloads = offloads
    self.vnetHeaderSize = vnetHeaderSize
  }

  public var descriptor: Int32? { file }

  /// The kernel's count of frames that found its queue full.
  public var droppedFrames: UInt64? {
    UInt64(exactly: unsafe ctun_read_interface_file(name, "statistics/tx_dropped"))
  }

  public func close() {
    // The flags outlive us on a persistent device: the next one must not get super-segments that
    // it did not ask for (OFF-4).
    _ = ctun_set_offloads(file, UInt32(CTUN_OFFLOAD_NONE))
    _ = Glibc.close(file)
  }

  // MARK: Frames

  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {
    var hasMore = true
    while hasMore && !batch.isFull {
      hasMore = unsafe try batch.append { room throws(DeviceError) in try unsafe read(into: room) }
    }
  }

  private func read(
    into room: UnsafeMutableRawBufferPointer
  ) throws(DeviceError) -> (count: Int, offload: OffloadInfo)? {
    guard let base = room.baseAddress else { return nil }
    var header = VirtioNetHeader.empty
    while true {
      let count = unsafe ctun_read_frame(file, &header, vnetHeaderSize, base, room.count)
      if count >= vnetHeaderSize { return (count - vnetHeaderSize, header.offload) }
      switch Int32(-count) {
      case EAGAIN: return nil
      case EINTR: continue
      case let code: throw error(code, "read")
      }
    }
  }

  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool {
    var sent = 0
    while sent < batch.count {
      let result = unsafe write(batch.frame(at: sent))
      switch -result {
      case EINTR:
        continue
      case EAGAIN, ENOBUFS, ENOMEM:
        batch.removeFirst(sent)  // OFF-9: the rest is kept
        return false
      case 0, EINVAL:
        // EINVAL is about this one frame, which would be refused again: it is lost like any other.
        sent += 1
      case let code:
        batch.removeFirst(sent)
        throw error(code, "write")
      }
    }
    batch.removeAll()
    return true
  }

  private func write(_ frame: OutgoingBatch.Frame) -> Int32 {
    guard let start = unsafe frame.header.baseAddress else { return 0 }
    // Sound: a batch keeps `OutgoingBatch.headroom` octets free in front of every frame.
    let head = unsafe start - vnetHeaderSize
    if vnetHeaderSize > 0 {
      let header = unsafe VirtioNetHeader(
        frame.offload, header: UnsafeRawBufferPointer(frame.header).bytes)
      unsafe head.storeBytes(of: header, as: VirtioNetHeader.self)
    }
    return unsafe ctun_write_frame(
      file, head, frame.header.count + vnetHeaderSize, frame.payload.baseAddress,
      frame.payload.count, frame.payloadTail.baseAddress, frame.payloadTail.count)
  }

  /// One whole packet with all its checksums, for a relay; a stack sends batches. `false`: it is lost,
  /// because the interface is down, has no room, or will not have it.
  public func write(_ packet: RawSpan) throws(DeviceError) -> Bool {
    let header = VirtioNetHeader.empty
    while true {
      let result = unsafe packet.withUnsafeBytes { packet in
        unsafe withUnsafeBytes(of: header) { header in
          // Without virtio-net headers the packet is all there is.
          unsafe vnetHeaderSize > 0
            ? ctun_write_frame(
              file, header.baseAddress!, vnetHeaderSize, packet.baseAddress, packet.count, nil, 0)
            : ctun_write_frame(file, packet.baseAddress!, packet.count, nil, 0, nil, 0)
        }
      }
      switch -result {
      case 0: return true
      case EINTR: continue
      case EAGAIN, ENOBUFS, ENOMEM, EINVAL, EIO: return false
      case let code: throw error(code, "write")
      }
    }
  }

  private func error(_ code: Int32, _ call: String) -> DeviceError {
    switch code {
    case EIO: .linkDown
    case EBADFD: .deleted(name: name)
    default: .io(code: code, call: call)
    }
  }
}
