// What the control socket answers: a path and a method become a question to the stack, and its
// answer JSON. Runs beside the stack's loop, never on it: questions move there for an instant each
// (TCPStack+Observation).

import FlyingFox
import Foundation
import Synchronization
import UserTCPRuntime

struct ControlRoutes: FlyingFox.HTTPHandler {
  private static let largestBody = 64 << 10

  let stack: TCPStack
  let identity: Identity
  let kept: KeptSettings

  /// What does not change while a server runs.
  struct Identity: Sendable {
    var program: String
    var device: String
    var address: String
    let started = ContinuousClock.now
  }

  func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
    do {
      return try await answer(request)
    } catch let refusal as Refusal {
      return refusal.response
    } catch TCPError.closed {
      return Refusal(.serviceUnavailable, "the stack has ended").response
    }
  }

  private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
    let path = request.path.split(separator: "/").map(String.init)
    switch (path.first, path.count) {
    case (nil, _):
      try Self.allow([.GET], request)
      return try await overview()
    case ("sockets", 1):
      try Self.allow([.GET], request)
      return try sockets(request)
    case ("counters", 1):
      try Self.allow([.GET], request)
      return try await counters()
    case ("metrics", 1):
      try Self.allow([.GET], request)
      return try await metrics()
    case ("settings", 1):
      try Self.allow([.GET], request)
      let values = try await values()
      return try Self.json(
        SettingsMessage(settings: Setting.all.map { Self.message($0, values) }))
    case ("settings", _):
      // sysctl's names may be written with slashes.
      return try await setting(path.dropFirst().joined(separator: "."), request)
    default:
      throw Refusal(
        .notFound,
        "there is no \(request.path); there are /, /sockets, /counters, /settings and /metrics")
    }
  }

  // MARK: Answers

  private func overview() async throws -> HTTPResponse {
    let overview = try await stack.overview()
    var states: [String: Int] = [:]
    for state in TCPState.allCases where state != .closed {
      states[state.description] = overview.states[state]
    }
    let uptime = (ContinuousClock.now - identity.started).components
    return try Self.json(
      OverviewMessage(
        program: identity.program, processID: getpid(), userID: getuid(),
        device: identity.device, address: identity.address,
        profile: overview.settings.profile.rawValue,
        uptimeSeconds: Double(uptime.seconds) + Double(uptime.attoseconds / 1_000_000_000) / 1e9,
        states: states, orphans: overview.orphanCount, bufferedBytes: overview.bufferedBytes,
        droppedByDevice: overview.droppedFrames))
  }

  private func sockets(_ request: HTTPRequest) throws -> HTTPResponse {
    var states: Set<TCPState>?
    for item in request.query where item.name == "state" {
      guard let named = StateFilter.states(named: item.value) else {
        throw Refusal(
          .badRequest, "'\(item.value)' is no state; the states are \(StateFilter.names)")
      }
      states = (states ?? []).union(named)
    }
    return HTTPResponse(
      statusCode: .ok, headers: Self.headers("application/json"),
      body: HTTPBodySequence(
        from: SocketStream(stack: stack, states: states), suggestedBufferSize: 64 << 10))
  }

  private func counters() async throws -> HTTPResponse {
    let overview = try await stack.overview()
    var counters: [String: [String: Int64]] = [:]
    for counter in LinuxCounter.all {
      counters[counter.section.rawValue, default: [:]][counter.name] = counter.value(overview)
    }
    return try Self.json(CountersMessage(counters: counters))
  }

  private func metrics() async throws -> HTTPResponse {
    let overview = try await stack.overview()
    let text = PrometheusText.text(overview, kept.values(with: overview.settings))
    return HTTPResponse(
      statusCode: .ok, headers: Self.headers("text/plain; version=0.0.4; charset=utf-8"),
      body: Data(text.utf8))
  }

  // MARK: Settings

  private func values() async throws -> SettingValues {
    kept.values(with: try await stack.overview().settings)
  }

  private func setting(_ name: String, _ request: HTTPRequest) async throws -> HTTPResponse {
    try Self.allow([.GET, .PUT], request)
    guard let setting = Setting.named(name) else {
      throw Refusal(.notFound, "'\(name)' is not a setting; GET /settings lists them")
    }
    guard request.method == .PUT else {
      var message = Self.message(setting, try await values())
      message.version = ToolVersion.current
      return try Self.json(message)
    }
    let value = Self.newValue(try await Self.body(request))
    let assignment: SettingAssignment
    do throws(SettingAssignment.Problem) {
      assignment = try SettingAssignment(name: name, value: value)
    } catch {
      throw Refusal(.unprocessableContent, error.description)
    }
    let kept = kept
    kept.apply(assignment)
    let settings = try await stack.updateSettings { settings in
      var values = kept.values(with: settings)
      assignment.apply(to: &values)
      settings = values.stack
    }
    var message = Self.message(setting, kept.values(with: settings))
    message.version = ToolVersion.current
    message.warnings = assignment.warnings
    return try Self.json(message)
  }

  private static func message(_ setting: Setting, _ values: SettingValues) -> SettingMessage {
    SettingMessage(
      name: setting.fullName, value: setting.text(values), standard: setting.text(SettingValues()),
      unit: setting.unit.rawValue, limits: setting.limits, meaning: setting.meaning,
      inEffect: setting.isInEffect)
  }

  /// The value itself, or `{"value": "…"}`.
  private static func newValue(_ body: Data) -> String {
    if let message = try? JSONDecoder().decode(NewValueMessage.self, from: body) {
      return message.value.trimmed
    }
    return String(decoding: body, as: UTF8.self).trimmed
  }

  // MARK: Requests and answers

  private static func allow(_ methods: [HTTPMethod], _ request: HTTPRequest) throws(Refusal) {
    if methods.contains(request.method) { return }
    let names = methods.map(\.rawValue).joined(separator: ", ")
    throw Refusal(
      .methodNotAllowed, "\(request.path) takes \(names)", headers: [HTTPHeader("Allow"): names])
  }

  /// Not one octet more than is allowed is kept, whatever the request's head promised.
  private static func body(_ request: HTTPRequest) async throws(Refusal) -> Data {
    let tooLarge = Refusal(.payloadTooLarge, "a body has at most \(largestBody) octets")
    if let count = request.bodySequence.count, count > largestBody { throw tooLarge }
    var octets = Data()
    do {
      for try await piece in request.bodySequence {
        octets.append(piece)
        if octets.count > largestBody { throw tooLarge }
      }
    } catch let refusal as Refusal {
      throw refusal
    } catch {
      throw Refusal(.badRequest, "the body broke off")
    }
    return octets
  }

  static func json(_ message: some Encodable) throws -> HTTPResponse {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return HTTPResponse(
      statusCode: .ok, headers: headers("application/json"),
      body: try encoder.encode(message) + Data("\n".utf8))
  }

  static func headers(_ type: String) -> HTTPHeaders {
    [.contentType: type, HTTPHeader(ToolVersion.header): ToolVersion.current]
  }
}

/// An answer that is no success. The connection ends with it, so a body that was too large is not
/// read.
private struct Refusal: Error {
  let status: HTTPStatusCode
  let message: String
  let headers: [HTTPHeader: String]

  init(_ status: HTTPStatusCode, _ message: String, headers: [HTTPHeader: String] = [:]) {
    self.status = status
    self.message = message
    self.headers = headers
  }

  var response: HTTPResponse {
    let text = (try? JSONEncoder().encode(ErrorMessage(error: message))) ?? Data()
    let octets = text + Data("\n".utf8)
    var all = ControlRoutes.headers("application/json")
    for (header, value) in headers { all[header] = value }
    all[.connection] = "close"
    return HTTPResponse(
      statusCode: status, headers: all,
      body: HTTPBodySequence(from: LastBody(octets), count: octets.count))
  }
}

/// The part of the settings that the stack does not hold.
final class KeptSettings: Sendable {
  private let kept: Mutex<[String: [Int]]>

  init(_ values: SettingValues) { kept = Mutex(values.kept) }

  func values(with settings: StackSettings) -> SettingValues {
    var values = SettingValues(settings)
    values.kept = kept.withLock { $0 }
    return values
  }

  func apply(_ assignment: SettingAssignment) {
    kept.withLock { kept in
      var values = SettingValues()
      values.kept = kept
      assignment.apply(to: &values)
      kept = values.kept
    }
  }
}
