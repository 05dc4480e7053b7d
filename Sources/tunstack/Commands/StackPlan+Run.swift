// From checked options to a running stack, and from whatever goes wrong to a `Failure`.

import UserTCPRuntime

extension StackPlan {
  /// Opens the device, runs a stack on it while `body` runs, and closes it again.
  func run<Result: Sendable>(
    _ log: ToolLog, _ body: @escaping @Sendable (TCPStack) async throws -> Result
  ) async throws -> Result {
    let device = try openDevice(log)
    do {
      return try await TCPStack.run(
        device: .device(device), address: address, settings: settings, log: log.runtimeEvents, body)
    } catch let error as DeviceError {
      throw Failure(error)
    } catch let error as TCPError {
      // Connections have their own words; this is a listener or a setting that leaves no room.
      throw Failure(.unavailable, "the stack cannot start: \(error); see its settings and ports")
    }
  }

  /// The capture is a device around the device. When it cannot be, the TUN goes again.
  private func openDevice(_ log: ToolLog) throws(Failure) -> any PacketDevice {
    do throws(DeviceError) {
      let tun = try TunDevice.open(device)
      guard let capture else { return tun }
      do throws(DeviceError) {
        return try CapturingDevice(tun, path: capture) { error in
          log.warning("the capture ends: \(error)")
        }
      } catch {
        tun.close()
        throw error
      }
    } catch {
      var failure = Failure(error)
      if failure.status == .inputOutput { failure.status = .system }  // nothing is running yet
      throw failure
    }
  }
}
