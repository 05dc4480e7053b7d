// The labs as an operator runs them: one command, no other terminal, root. They make their own namespaces,
// so these tests make none.

import Foundation
import Testing

extension Kernel {
  @Suite struct Labs {
    private func lab(_ words: String..., seconds: Int = 120) throws -> Outcome {
      try run([Machine.tunstack, "lab"] + words, seconds: seconds)
    }

    @Test func `time-wait: stack and kernel agree from the first second to the last`() throws {
      let scratch = try ScratchFolder()
      let outcome = try lab(
        "time-wait", "--connections", "600", "--open", "13", "--csv", scratch.path("table.csv"),
        "--svg", scratch.path("chart.svg"), seconds: 200)
      #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
      #expect(outcome.text.contains("stack and kernel agree"))
      #expect(outcome.text.contains("    600 TIME_WAIT         600 TIME_WAIT"))
      // Eight scenarios, six of them on both sides, seconds 0 to 68, and the head.
      let rows = scratch.text("table.csv").split(separator: "\n").map { $0.split(separator: ",") }
      #expect(rows.count == 1 + 14 * 69)
      let waiting = try #require(rows[0].firstIndex(of: "TIME_WAIT"))
      func timeWait(_ scenario: String, _ side: String, second: Int) -> Int? {
        rows.first { $0[0] == scenario && $0[1] == side && $0[2] == "\(second)" }
          .flatMap { Int($0[waiting]) }
      }
      for side in ["stack", "kernel"] {
        #expect(timeWait("default", side, second: 50) == 600)
        #expect(timeWait("default", side, second: 68) == 0)
        #expect(timeWait("tcp_max_tw_buckets=120", side, second: 50) == 120)
        #expect(timeWait("tcp_fin_timeout=15", side, second: 50) == 600, "folklore")
        #expect(timeWait("the client closes first", side, second: 0) == 0)
      }
      #expect(timeWait("tcp_tw_recycle=1", "stack", second: 5) == 0)
      #expect(scratch.text("chart.svg").hasPrefix("<svg"))
    }

    @Test func `time-wait runs again at once, and alone with one scenario`() throws {
      for _ in 1...2 {
        let outcome = try lab(
          "time-wait", "--only", "max-tw-buckets", "--connections", "100", "--open", "3",
          "--seconds", "1")
        #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
        #expect(outcome.text.contains("tcp_max_tw_buckets=20"))
      }
    }

    @Test func `syn-flood: with cookies every client is served, without none need be`() throws {
      let outcome = try lab(
        "syn-flood", "--packets", "20000", "--rate", "20000", "--clients", "50")
      #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
      let served = outcome.text.split(separator: "\n").filter { $0.contains("50 of 50 served") }
      #expect(served.count == 2, "\(outcome.text)")
      #expect(outcome.text.contains("tcp_syncookies=2\n  clients   50 of 50"))
    }

    @Test func `port-exhaustion: stack and kernel run out alike`() throws {
      for _ in 1...2 {
        let outcome = try lab("port-exhaustion", "--ports", "30")
        #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
        #expect(outcome.text.contains("stack and kernel agree"))
        #expect(outcome.text.contains("30/60"))
      }
    }

    @Test(arguments: ["last-ack", "old-duplicate"])
    func `a story in virtual time needs no right at all`(_ name: String) throws {
      let words = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Machine.tunstack, "lab",
        name,
      ]
      let outcome = try run(words)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try run(words).text == outcome.text, "the same each time")
    }

    @Test func `without the right to make a network it says which one is missing`() throws {
      let outcome = try run([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Machine.tunstack, "lab",
        "time-wait",
      ])
      #expect(outcome.status == 77)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("CAP_SYS_ADMIN"))
    }

    @Test func `without ip it names the package`() throws {
      let outcome = try run(["env", "PATH=/nonexistent", Machine.tunstack, "lab", "time-wait"])
      #expect(outcome.status == 69)
      #expect(outcome.errors.contains("iproute2"))
    }

    @Test(arguments: [SIGKILL, SIGINT])
    func `a lab that is ended leaves no namespace behind`(_ signal: Int32) throws {
      let running = try RunningCommand([
        Machine.tunstack, "lab", "time-wait", "--connections", "50", "--open", "3",
      ])
      let own = try namespaces("\(getpid())")
      var made: Set<Substring> = []
      try eventually("the lab to have made its namespaces") {
        made = try namespaces("\(running.processID)").subtracting(own)
        return made.count > 2 || !running.isRunning
      }
      #expect(made.count > 2)
      #expect(running.stop(signal).status == 128 + signal)
      try eventually("the namespaces to be gone") {
        try namespaces("[0-9]*").isDisjoint(with: made)
      }
    }

    /// The network namespaces of all threads of a process; a thread's may differ from the others'.
    private func namespaces(_ process: String) throws -> Set<Substring> {
      let links = try run(["bash", "-c", "readlink /proc/\(process)/task/*/ns/net 2>/dev/null"])
      return Set(links.text.split(separator: "\n"))
    }
  }
}
