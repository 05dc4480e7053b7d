// The host goes away: nobody is left waiting for an answer that will not come.

import Testing
import UserTCP
import UserTCPSimulation

struct AbortAllTests {
  // LC-19
  @Test func `a host that goes resets also connections whose handle was given back`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    peer.stack.close(c.id, discardingInputFor: .seconds(2))
    try peer.expects(.fin(seq: c.ack))
    peer.stack.abortAll()
    try peer.expectsAtOnce(.rstAck(seq: c.ack + 1, ack: c.seq))
    #expect(peer.stack.connectionCount == 0)
  }

  @Test func `a host that goes forgets half-open connections`() throws {
    let peer = ScriptedPeer()
    try peer.appListens()
    peer.sends(.syn(seq: 99))
    try peer.expects(.synAck(ack: 100))
    peer.stack.abortAll()
    #expect(peer.stack.halfOpenCount == 0)
    try peer.expectsNothing(for: .seconds(10))
  }
}
