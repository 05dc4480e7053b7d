// From checked options to a running stack, and from whatever goes wrong to a `Failure`.

import UserTCPRuntime

extension StackPlan {
  /// Opens the device, runs a stack on it while `body` runs, and closes it again. `program` is what
  /// the control socket says of it.
  func run<Result: Sendable>(
    _ program: String, _ log: ToolLog,
    _ body: @escaping @Sendable (TCPStack) async throws -> Result
  ) async throws -> Result {
    let control = try controlServer(program, log)
    let trace = try trace?.open(title: "tunstack \(program)") {
      log.warning("the trace ends: \($0)")
    }
    defer {
      if let lost = trace?.lost, lost > 0 {
        log.warning("\(lost) events are not in the trace: they came faster than they were written")
      }
    }
    let device = try openDevice(log)
    do {
      return try await TCPStack.run(
        device: .device(device), address: address, settings: settings, log: log.runtimeEvents
      ) { stack in
        if let trace { try await stack.startTracing { trace.write($0, lost: $1) } }
        guard let control else { return try await body(stack) }
        return try await control.run(beside: body, stack, log)
      }
    } catch let error as DeviceError {
      throw Failure(error)
    } catch let error as TCPError {
      // Connections have their own words; this is a listener or a setting that leaves no room.
      throw Failure(.unavailable, "the stack cannot start: \(error); see its settings and ports")
    }
  }

  private func controlServer(_ program: String, _ log: ToolLog) throws(Failure) -> ControlServer? {
    let path: String
    switch control {
    case .none: return nil
    case .path(let chosen): path = chosen
    case .standard: path = ControlPath.standard(device: device.name)
    }
    do throws(Failure) {
      try ControlPath.claim(path)
    } catch {
      // Who did not ask for it can do without: a device of this name may serve in another namespace.
      guard control == .standard else { throw error }
      if error.status == .cannotCreate {
        log.debug("no control socket: \(error)")
      } else {
        log.warning("no control socket: \(error)")
      }
      return nil
    }
    return ControlServer(
      path: path, isRequired: control != .standard,
      identity: .init(
        program: "tunstack \(program)", device: device.name, address: address.description),
      kept: KeptSettings(values))
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

extension ControlServer {
  /// Serves while `body` runs. Off the stack's loop, which child tasks would inherit.
  fileprivate func run<Result: Sendable>(
    beside body: @escaping @Sendable (TCPStack) async throws -> Result, _ stack: TCPStack,
    _ log: ToolLog
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
      let (untilListening, continuation) = AsyncStream.makeStream(of: Void.self)
      group.addTask(executorPreference: globalConcurrentExecutor) {
        defer { continuation.finish() }
        try await run(stack, log) { continuation.finish() }
        return nil
      }
      // Whoever reads that the program serves may ask it at once.
      for await _ in untilListening {}
      group.addTask { try await body(stack) }
      while let ended = try await group.next() {
        guard let result = ended else { continue }
        group.cancelAll()
        return result
      }
      throw CancellationError()
    }
  }
}
