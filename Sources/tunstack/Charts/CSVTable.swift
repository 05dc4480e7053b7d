// A table as comma-separated values (RFC 4180), for a spreadsheet or a script. Pure.

struct CSVTable: Sendable, Equatable {
  var header: [String]
  var rows: [[String]] = []

  var text: String { ([header] + rows).map(Self.line).joined() }

  private static func line(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  /// Quoted where it must be; a quotation mark is doubled.
  private static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
