// What the control socket says, as JSON: shared by the server in `serve` and by the commands that
// ask it. Every answer has `version`; a command refuses a server whose major version is another.

enum ToolVersion {
  /// Semantic Versioning; a change of these messages that old commands misread raises the first
  /// number.
  static let current = "0.1.0"
  /// Stands in every answer's head.
  static let header = "Tunstack-Version"

  static func major(_ version: String) -> Substring? {
    version.split(separator: ".", omittingEmptySubsequences: false).first
  }
}

/// `GET /`
struct OverviewMessage: Codable, Sendable {
  var version = ToolVersion.current
  var program: String
  var processID: Int32
  var userID: UInt32
  var device: String
  var address: String
  var profile: String
  var uptimeSeconds: Double
  /// How many sockets are in each state, by `netstat`'s names.
  var states: [String: Int]
  var orphans: Int
  var bufferedBytes: Int
  /// What the device lost before the stack could receive it; left out where it cannot tell.
  var droppedByDevice: UInt64?
}

/// `GET /sockets`
struct SocketsMessage: Codable, Sendable {
  var version = ToolVersion.current
  var sockets: [SocketRow]
}

/// `GET /counters`: by Linux's sections and names.
struct CountersMessage: Codable, Sendable {
  var version = ToolVersion.current
  var counters: [String: [String: Int64]]

  func value(_ counter: LinuxCounter) -> Int64 {
    counters[counter.section.rawValue]?[counter.name] ?? 0
  }
}

/// One knob: `GET` and `PUT /settings/NAME`, and in `GET /settings`.
struct SettingMessage: Codable, Sendable {
  var version: String?
  var name: String
  /// As in Linux's file: several numbers with a tab between.
  var value: String
  var standard: String
  var unit: String
  var limits: String
  var meaning: String
  var inEffect: Bool
  /// After a `PUT`: what whoever wrote should know.
  var warnings: [String]?

  enum CodingKeys: String, CodingKey {
    case version, name, value, unit, limits, meaning, inEffect, warnings
    case standard = "default"
  }
}

/// `GET /settings`
struct SettingsMessage: Codable, Sendable {
  var version = ToolVersion.current
  var settings: [SettingMessage]
}

/// The body of a `PUT`, unless it is plain text.
struct NewValueMessage: Codable, Sendable {
  var value: String
}

/// Every answer that is no success.
struct ErrorMessage: Codable, Sendable {
  var version = ToolVersion.current
  var error: String
}
