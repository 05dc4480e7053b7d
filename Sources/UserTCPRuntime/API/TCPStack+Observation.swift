// What an operator asks of a running stack, from any thread: how it is, its table of sockets, and its
// settings. Nothing here holds the loop: the table is copied in slices, and between two of them
// the loop takes its turns.

/// The numbers of a stack at one moment.
public struct StackOverview: Sendable {
  public var settings: StackSettings
  public var counters: Counters
  public var states: StateCounts
  public var orphanCount: Int
  /// Octets of send and receive buffers in use.
  public var bufferedBytes: Int
  /// What the device lost before the stack could receive it; `nil` where it cannot tell.
  public var droppedFrames: UInt64?
}

extension TCPStack {
  /// Places of the tables looked at in one go, about 0.1 ms.
  private static let placesPerSlice = 1024

  public func overview() async throws(TCPError) -> StackOverview {
    try await call { () async throws(TCPError) in
      self.state.with { state in
        StackOverview(
          settings: state.engine.settings, counters: state.engine.counters,
          states: state.engine.stateCounts, orphanCount: state.engine.orphanCount,
          bufferedBytes: state.engine.bufferedBytes, droppedFrames: self.device.droppedFrames)
      }
    }
  }

  /// Every socket: listeners, half-open connections, connections, TIME-WAIT, in that order. Taken while
  /// the stack runs, so not of one moment (`SnapshotCursor`).
  public func sockets() async throws(TCPError) -> [ConnectionSnapshot] {
    var all: [ConnectionSnapshot] = []
    var cursor: SnapshotCursor? = .start
    while let start = cursor {
      let slice = try await slice(from: start)
      all += slice.rows
      cursor = slice.next
    }
    return all
  }

  /// One slice of the table, and where the next begins; `nil` after the last.
  public func slice(
    from cursor: SnapshotCursor
  ) async throws(TCPError) -> (rows: [ConnectionSnapshot], next: SnapshotCursor?) {
    try await call { () async throws(TCPError) in
      self.state.with { state in
        var rows: [ConnectionSnapshot] = []
        let next = state.engine.snapshots(from: cursor, places: Self.placesPerSlice) {
          rows.append($0)
        }
        return (rows, next)
      }
    }
  }

  /// Changes settings between two turns; what an operator sees afterwards holds.
  @discardableResult
  public func updateSettings(
    _ change: @escaping @Sendable (inout StackSettings) -> Void
  ) async throws(TCPError) -> StackSettings {
    try await call { () async throws(TCPError) in
      self.state.with { state in
        change(&state.engine.settings)
        return state.engine.settings
      }
    }
  }
}
