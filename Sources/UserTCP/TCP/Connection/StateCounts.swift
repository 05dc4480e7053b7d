// How many sockets are in which state: what `ss -s`, `/metrics` and CurrEstab ask for, without walking a
// table.

public struct StateCounts: Equatable, Sendable {
  private var counts = InlineArray<12, Int>(repeating: 0)

  public init() {}

  public subscript(state: TCPState) -> Int {
    get { counts[Int(state.rawValue)] }
    set { counts[Int(state.rawValue)] = newValue }
  }

  /// `CurrEstab` of RFC 4022: ESTABLISHED and CLOSE-WAIT (CNT-2).
  public var established: Int { self[.established] + self[.closeWait] }

  public var total: Int { TCPState.allCases.reduce(0) { $0 + self[$1] } }

  public static func == (left: StateCounts, right: StateCounts) -> Bool {
    TCPState.allCases.allSatisfy { left[$0] == right[$0] }
  }
}
