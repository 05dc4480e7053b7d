// A device around a device that writes what passes to a pcap file. A capture that cannot be written
// any more (a full disk) ends; the traffic goes on.

internal import CTun
internal import Synchronization

/// Records the traffic of another device.
public final class CapturingDevice: PacketDevice {
  private struct Capture: ~Copyable {
    /// `nil` after a failure.
    var file: PcapFile?
    /// Frames at the front of the outgoing batch that are recorded but not yet sent.
    var recorded = 0
  }

  private let device: any PacketDevice
  private let capture: Mutex<Capture>
  private let failed: @Sendable (DeviceError) -> Void

  /// Makes the file at `path`. `failed` is told, once, when it cannot be written any more.
  public convenience init(
    _ device: any PacketDevice, path: String,
    failed: @escaping @Sendable (DeviceError) -> Void = { _ in }
  ) throws(DeviceError) {
    var file = try PcapFile(path: path)
    try file.start()
    self.init(device, file, failed: failed)
  }

  /// With a file that is open.
  init(
    _ device: any PacketDevice, _ file: consuming sending PcapFile,
    failed: @escaping @Sendable (DeviceError) -> Void
  ) {
    self.device = device
    self.failed = failed
    capture = Mutex(Capture(file: file))
  }

  public var mtu: Int { device.mtu }
  public var offloads: OffloadCapabilities { device.offloads }
  public var descriptor: Int32? { device.descriptor }
  public var droppedFrames: UInt64? { device.droppedFrames }
  public func close() { device.close() }

  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {
    let before = batch.count
    try device.receive(into: &batch)
    guard batch.count > before else { return }
    record { file, _ in
      let now = ctun_realtime_nanoseconds()
      for index in before..<batch.count {
        unsafe batch.packet(at: index).withUnsafeBytes { packet in
          let nothing = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
          unsafe file.add(packet, nothing, nothing, batch.offload(at: index), at: now)
        }
      }
    }
  }

  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool {
    // Before they are sent: then they are gone. What the device keeps back is recorded once.
    record { file, recorded in
      let now = ctun_realtime_nanoseconds()
      for index in min(recorded, batch.count)..<batch.count {
        let frame = unsafe batch.frame(at: index)
        unsafe file.add(
          UnsafeRawBufferPointer(frame.header), frame.payload, frame.payloadTail, frame.offload,
          at: now)
      }
    }
    defer { capture.withLock { $0.recorded = batch.count } }
    return try device.send(&batch)
  }

  private func record(_ body: (inout PcapFile, Int) -> Void) {
    let failure: DeviceError? = capture.withLock { capture in
      guard var file = capture.file.take() else { return nil }
      body(&file, capture.recorded)
      do throws(DeviceError) {
        try file.flush()
        capture.file = consume file
        return nil
      } catch {
        return error
      }
    }
    if let failure { failed(failure) }
  }
}
