// What an operator may want to read in a log: things that go wrong beside the traffic and that no
// call reports. The runtime has no logging library; the program passes one function.

/// Receives what happens beside the traffic. Called on the stack's loop: it must not wait.
public typealias RuntimeLog = @Sendable (RuntimeEvent) -> Void

public enum RuntimeEvent: Sendable {
  /// Something held the loop, and with it every connection, for longer than 100 ms.
  case loopHeld(by: LoopHolder, Interval)
  /// A stream's handler threw; its connection was aborted.
  case handlerFailed(Endpoint, port: Port, any Error)
  /// The interface went down. Frames wait a second for it, then they are lost as on a cut cable.
  case linkDown
  case linkUp
  /// `tcp_max_tw_buckets` was reached: connections end without TIME-WAIT (SYS-6).
  case timeWaitOverflow
  /// `tcp_max_orphans` was reached: connections that no program holds are reset (SYS-15).
  case tooManyOrphans
  /// More SYNs than a queue holds: they are answered with cookies, or dropped (SYS-1).
  case synFlood(port: Port?, cookies: Bool)
  /// The device cannot be used any more; `TCPStack.run` throws this.
  case deviceFailed(DeviceError)
}

/// Who held the loop.
public enum LoopHolder: Sendable {
  /// A call of a connection handler: its type and what it was told.
  case handler(type: String, event: String, connection: ConnectionID?, remote: Endpoint?)
  /// A job of a task, and the last connection that it used through a `TCPStream`.
  case job(lastUsed: ConnectionID?, remote: Endpoint?)
}

extension RuntimeEvent: CustomStringConvertible {
  public var description: String {
    switch self {
    case .loopHeld(let holder, let time):
      "\(holder) held the loop for \(time.nanoseconds / 1_000_000) ms"
    case .handlerFailed(let remote, let port, let error):
      "the handler of \(remote) on port \(port) failed: \(error)"
    case .linkDown: "the device is down"
    case .linkUp: "the device is up again"
    case .timeWaitOverflow: "TCP: time wait bucket table overflow"
    case .tooManyOrphans: "TCP: too many orphaned sockets"
    case .synFlood(let port, let cookies):
      "TCP: Possible SYN flooding\(port.map { " on port \($0)" } ?? ""). "
        + (cookies ? "Sending cookies." : "Dropping request.")
    case .deviceFailed(let error): error.description
    }
  }
}

extension LoopHolder: CustomStringConvertible {
  public var description: String {
    switch self {
    case .handler(let type, let event, _, let remote):
      "\(type) (\(event), \(Self.name(remote)))"
    case .job(nil, _): "a task"
    case .job(.some, let remote): "a task that used the connection of \(Self.name(remote))"
    }
  }

  private static func name(_ remote: Endpoint?) -> String { remote?.description ?? "no connection" }
}
