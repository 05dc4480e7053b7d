// The state diagram over every state and every event, against figure 5 of RFC 9293 §3.3.2 written out:
// one row a state, one column an event, `nil` where the figure has no arrow.

import Testing

@testable import UserTCP

struct TCPStateTests {
  private static let events: [StateEvent] = [
    .passiveOpen, .activeOpen, .close, .synArrives, .synAckArrives, .synAcknowledged, .finArrives,
    .finAcknowledged, .timeWaitExpires, .abort,
  ]

  // Columns: passive open, active open, close, SYN, SYN-ACK, ACK of SYN, FIN, ACK of FIN, 2MSL, abort.
  private static let table: [(TCPState, [TCPState?])] = [
    (.closed, [.listen, .synSent, nil, nil, nil, nil, nil, nil, nil, nil]),
    (.listen, [nil, nil, .closed, .synReceived, nil, nil, nil, nil, nil, .closed]),
    (.synSent, [nil, nil, .closed, .synReceived, .established, nil, nil, nil, nil, .closed]),
    (.synReceived, [nil, nil, .finWait1, nil, nil, .established, .closeWait, nil, nil, .closed]),
    (.established, [nil, nil, .finWait1, nil, nil, nil, .closeWait, nil, nil, .closed]),
    (.finWait1, [nil, nil, nil, nil, nil, nil, .closing, .finWait2, nil, .closed]),
    (.finWait2, [nil, nil, nil, nil, nil, nil, .timeWait, nil, nil, .closed]),
    (.closeWait, [nil, nil, .lastAck, nil, nil, nil, nil, nil, nil, .closed]),
    (.closing, [nil, nil, nil, nil, nil, nil, nil, .timeWait, nil, .closed]),
    (.lastAck, [nil, nil, nil, nil, nil, nil, nil, .closed, nil, .closed]),
    (.timeWait, [nil, nil, nil, nil, nil, nil, nil, nil, .closed, .closed]),
  ]

  // LC-13, LC-17, R9293-MUST-10
  @Test func `every state and event leads where the figure says`() {
    #expect(Set(Self.table.map(\.0)) == Set(TCPState.allCases))
    #expect(Set(Self.events) == Set(StateEvent.allCases))
    for (state, row) in Self.table {
      #expect(row.count == Self.events.count)
      for (event, next) in zip(Self.events, row) {
        #expect(state.after(event) == next, "\(state) on \(event)")
      }
    }
  }

  // LC-15, LC-18
  @Test func `what each state still allows`() {
    let receiving: Set<TCPState> = [.established, .finWait1, .finWait2]
    let writing: Set<TCPState> = [.established, .closeWait]
    let owing: Set<TCPState> = [.finWait1, .closing, .lastAck]
    let unsynchronised: Set<TCPState> = [.synSent, .synReceived, .closed, .listen]
    for state in TCPState.allCases {
      #expect(state.receivesText == receiving.contains(state))
      #expect(state.acceptsWrites == writing.contains(state))
      #expect(state.owesFIN == owing.contains(state))
      #expect(state.isSynchronized == !unsynchronised.contains(state))
    }
  }

  // NST-3
  @Test func `states have the numbers and names of Linux`() {
    let names = [
      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
      "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
    ]
    for (index, name) in names.enumerated() {
      #expect(TCPState(rawValue: UInt8(index + 1))?.description == name)
    }
  }
}
