// A file that a trace is written to, event by event. Written where it happens, like a capture: a slow disk slows
// the stack. A trace that cannot be written any more ends; the traffic goes on.

import CTun
import Glibc
import Synchronization
import UserTCPRuntime

final class TraceFile: Sendable {
  private struct State: ~Copyable {
    /// `nil` after a failure.
    var descriptor: Int32?
    var lost: UInt64 = 0
  }

  private let path: String
  private let format: TraceFormat
  /// What times count from.
  private let start: Instant
  private let state: Mutex<State>
  /// Told once, when no more can be written.
  private let failed: @Sendable (Failure) -> Void

  /// Makes the file, or empties it.
  init(
    path: String, format: TraceFormat, title: String, from start: Instant,
    failed: @escaping @Sendable (Failure) -> Void = { _ in }
  ) throws(Failure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path) }
    self.path = path
    self.format = format
    self.start = start
    self.failed = failed
    state = Mutex(State(descriptor: descriptor))
    let wallClock = Int(ctun_realtime_nanoseconds() / 1_000_000)
    write(format.head(title: title, referenceMilliseconds: wallClock))
  }

  deinit {
    if let descriptor = state.withLock({ $0.descriptor }) { close(descriptor) }
  }

  /// `lost` so far, for want of room.
  func write(_ events: [TraceEvent], lost: UInt64 = 0) {
    var text = ""
    for event in events { text += format.line(event, at: event.time - start) }
    write(text)
    state.withLock { $0.lost = lost }
  }

  /// Events that are not in the file because it was not written as fast as they came.
  var lost: UInt64 { state.withLock { $0.lost } }

  private func write(_ text: String) {
    let failure: Failure? = state.withLock { state in
      guard let descriptor = state.descriptor else { return nil }
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes {
          unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          let failure = Self.failure(path)
          close(descriptor)
          state.descriptor = nil
          return failure
        }
        rest = rest.dropFirst(count)
      }
      return nil
    }
    if let failure { failed(failure) }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      .cannotCreate,
      "cannot write the trace '\(path)': \(unsafe String(cString: strerror(errno))); "
        + "check the folder, its permissions and its space")
  }
}

/// What the command line says of a trace.
struct TracePlan: Sendable, Equatable {
  var path: String
  var format: TraceFormat

  /// `nil` when no trace is wanted; a form that there is not is a mistake all the same.
  init?(path: String?, format: String) throws(Failure) {
    guard let known = TraceFormat(rawValue: format) else {
      throw .usage("--trace-format: '\(format)' is no format; take text or json")
    }
    guard let path else { return nil }
    (self.path, self.format) = (path, known)
  }

  /// Times count from now, or from `start`.
  func open(
    title: String, from start: Instant? = nil,
    failed: @escaping @Sendable (Failure) -> Void = { _ in }
  ) throws(Failure) -> TraceFile {
    let start = start ?? Instant(nanoseconds: ctun_monotonic_nanoseconds())
    return try TraceFile(path: path, format: format, title: title, from: start, failed: failed)
  }
}
