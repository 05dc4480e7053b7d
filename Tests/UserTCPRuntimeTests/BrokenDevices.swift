// Devices that fail on purpose.

import Synchronization

@testable import UserTCP
@testable import UserTCPRuntime

/// Takes everything and gives nothing, until it is told to fail for good.
final class FailingDevice: PacketDevice {
  private let hasFailed = Atomic<Bool>(false)
  private let closed = Atomic<Bool>(false)

  func fail() { hasFailed.store(true, ordering: .releasing) }
  var isClosed: Bool { closed.load(ordering: .acquiring) }

  var mtu: Int { 1500 }
  var offloads: OffloadCapabilities { .none }
  var descriptor: Int32? { nil }
  func receive(into batch: inout IncomingBatch) throws(DeviceError) {
    if hasFailed.load(ordering: .acquiring) { throw .deleted(name: "tun9") }
  }
  func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool {
    batch.removeAll()
    return true
  }
  func close() { closed.store(true, ordering: .releasing) }
}

/// A device whose interface is down for the first few frames.
final class DownDevice: PacketDevice {
  private let device: MemoryDevice
  private let failures: Atomic<Int>

  init(_ device: MemoryDevice, failures: Int) {
    self.device = device
    self.failures = Atomic(failures)
  }

  var mtu: Int { device.mtu }
  var offloads: OffloadCapabilities { device.offloads }
  var descriptor: Int32? { device.descriptor }
  func receive(into batch: inout IncomingBatch) throws(DeviceError) {
    try device.receive(into: &batch)
  }
  func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool {
    if failures.subtract(1, ordering: .relaxed).oldValue > 0 { throw .linkDown }
    return try device.send(&batch)
  }
  func close() { device.close() }
}
