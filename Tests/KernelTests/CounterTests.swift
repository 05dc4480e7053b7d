// What the stack counts beside what the kernel, its peer, counts of the same segments.

import Foundation
import Testing

extension Server {
  /// All counters that are not 0, by Linux's names.
  fileprivate func counters() throws -> [String: Int] { Self.parsed(try tool("nstat", "-as")) }

  /// The kernel's of the namespace.
  fileprivate func kernelCounters() throws -> [String: Int] {
    Self.parsed(try namespace.succeed("nstat", "-as").text)
  }

  private static func parsed(_ text: String) -> [String: Int] {
    var counters: [String: Int] = [:]
    for line in text.split(separator: "\n").dropFirst() {
      let words = line.split(separator: " ")
      counters[String(words[0])] = Int(words[1])
    }
    return counters
  }
}

extension Kernel {
  @Suite struct CounterMeanings {
    // CNT-1, CNT-2: one end's output is the other's input. Without offload both see the same
    // segments.
    @Test func `the stack and its peer count the same segments and openings`() throws {
      try withServer("--no-offload") { server in
        let clients = """
          import socket, struct
          def c(p): return socket.create_connection(("192.0.2.2", p))
          open = [c(7) for _ in range(5)]
          for s in open: s.sendall(b"x" * 5000)
          for s in open:
              left = 5000
              while left: left -= len(s.recv(left))
          for s in open[:2]: s.close()
          s = open[2]  # ends with a reset
          s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
          try: c(4711)
          except ConnectionRefusedError: print("refused", flush=True)
          import time; time.sleep(60)
          """
        let process = try server.namespace.start("python3", "-c", clients)
        try eventually("the clients") { process.outputSoFar.count > 0 }
        try eventually("the last segments") {
          try server.counters()["TcpInSegs"] == server.kernelCounters()["TcpOutSegs"]
        }
        let (ours, kernel) = (try server.counters(), try server.kernelCounters())
        #expect(ours["TcpOutSegs"] == kernel["TcpInSegs"])
        #expect(ours["TcpPassiveOpens"] == 5)
        #expect(ours["TcpEstabResets"] == 1)
        #expect(ours["TcpOutRsts"] == 1, "to the port where nobody listens")
        #expect(kernel["TcpAttemptFails"] == 1 && kernel["TcpActiveOpens"] == 6)
        #expect(try server.tool("netstat", "-st").contains("    2 connections established\n"))
        #expect(ours["TcpInErrs"] == nil && ours["TcpRetransSegs"] == nil)
        _ = process.stop(SIGKILL)
      }
    }

    // CNT-2, CNT-4: a SYN whose sender takes it back, and a segment that was damaged.
    @Test func `attempts that fail and bad segments are counted`() throws {
      try withServer { server in
        try server.namespace.succeed("python3", "-c", RawSegments.withdrawnAndDamaged)
        try eventually("both") {
          let ours = try server.counters()
          return ours["TcpAttemptFails"] == 1 && ours["TcpExtEmbryonicRsts"] == 1
            && ours["TcpInErrs"] == 1 && ours["TcpInCsumErrors"] == 1
        }
      }
    }

    // CNT-6
    @Test func `challenges to guessed resets and SYNs are counted`() throws {
      try withServer("--set", "tcp_invalid_ratelimit=0") { server in
        try server.namespace.succeed("python3", "-c", RawSegments.guesses)
        try eventually("the challenges") {
          let ours = try server.counters()
          return ours["TcpExtTCPChallengeACK"] == 2 && ours["TcpExtTCPSYNChallenge"] == 1
        }
      }
    }

    // CNT-3, CNT-4, CNT-6 and CNT-8 by their names: KnobTests sees most of them move. Here IP and
    // ICMP.
    @Test func `packets and pings are counted at both ends`() throws {
      try withServer { server in
        try server.namespace.succeed("ping", "-c", "3", "-i", "0.2", Server.address)
        let (ours, kernel) = (try server.counters(), try server.kernelCounters())
        #expect(ours["IcmpInEchos"] == 3 && ours["IcmpMsgInType8"] == 3)
        #expect(ours["IcmpOutEchoReps"] == 3 && kernel["IcmpInEchoReps"] == 3)
        #expect(ours["IpInReceives"] == 3 && ours["IpInDelivers"] == 3)
        #expect(ours["IpExtInOctets"] == 3 * 84 && ours["IpExtOutOctets"] == 3 * 84)
      }
    }
  }
}
