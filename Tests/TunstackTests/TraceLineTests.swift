// The two forms of a trace, of a run in virtual time: lines that can be cut into words, and JSON that a parser
// takes.

import Foundation
import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct TraceLineTests {
  /// What a short transfer with losses writes.
  private func trace(_ format: String) throws -> [Substring] {
    let file = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let words = [
      "--loss", "2", "--octets", "200000", "--trace", file.path, "--trace-format", format,
    ]
    var run = try SimulateRun(try SimulatePlan(try SimulateCommand.parse(words)))
    try run.toEnd()
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
  }

  @Test func `a line of text is a time, two endpoints, a name and fields`() throws {
    let lines = try trace("text")
    #expect(lines.count > 300)
    for line in lines {
      let words = line.split(separator: " ")
      #expect(words.count > 3 && Double(words[0]) != nil, "\(line)")
      #expect(words[1].contains(":") && words[2].contains(":"), "\(line)")
      #expect(words.dropFirst(4).allSatisfy { $0.contains("=") }, "\(line)")
    }
    let names = Set(lines.map { String($0.split(separator: " ")[3]) })
    for name in [
      "segment_sent", "segment_received", "state_updated", "parameters_set", "metrics_updated",
      "congestion_updated", "recovery_updated", "loss_detected", "timer_set",
    ] {
      #expect(names.contains(name), "\(name) is missing in \(names.sorted())")
    }
    #expect(lines[0].contains("CLOSE") && lines[0].contains("SYN_SENT"), "\(lines[0])")
  }

  @Test func `JSON has a head and then an event in each line, with the same names`() throws {
    let lines = try trace("json")
    let text = try trace("text")
    #expect(lines.count == text.count + 1)
    let objects = try lines.map { line in
      try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
    }
    #expect(objects[0]["qlog_format"] as? String == "NDJSON")
    for (event, line) in zip(objects.dropFirst(), text) {
      let name = try #require(event["name"] as? String)
      #expect(name == "tcp:" + line.split(separator: " ")[3])
      #expect(event["time"] is NSNumber && event["data"] is [String: Any])
      #expect((event["group_id"] as? String)?.split(separator: " ").count == 2)
    }
  }

  @Test func `a form that there is not is one line and exit code 64`() throws {
    let command = try SimulateCommand.parse(["--trace-format", "xml"])
    let failure = #expect(throws: Failure.self) { _ = try SimulatePlan(command) }
    #expect(failure?.status == .usage)
    #expect(failure?.description == "--trace-format: 'xml' is no format; take text or json")
  }

  @Test func `a file that cannot be made is exit code 73`() throws {
    let words = ["--octets", "1000", "--trace", "/nonexistent/trace"]
    let plan = try SimulatePlan(try SimulateCommand.parse(words))
    let failure = #expect(throws: Failure.self) { _ = try SimulateRun(plan) }
    #expect(failure?.status == .cannotCreate)
  }
}
