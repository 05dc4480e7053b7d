// `tunstack serve`: a TUN, a stack and four services, until a signal says stop.

import ArgumentParser
import UserTCPRuntime

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve echo, discard, chargen and an HTTP test server.",
    discussion: """
      Makes the TUN device, or attaches to an existing one, and answers on its own address with its \
      own TCP. SIGTERM and SIGINT end it: connections may finish within the grace time, the rest \
      is reset. A second signal ends the grace time.
      """)

  @OptionGroup var stack: StackOptions

  @Option(
    name: .customLong("port"),
    help: "Port of a service (echo, discard, chargen, http), like http=8080. Repeatable.")
  var ports: [String] = []

  @Option(help: "Seconds that connections may take to finish in the end.")
  var grace = "2"

  @Flag(name: .customLong("async"), help: "Serve with streams and tasks instead of handlers.")
  var usesStreams = false

  @Flag(
    name: .customLong("keep-alive"),
    help: "Probe idle connections, as the settings tcp_keepalive_time, _intvl and _probes say.")
  var keepsAlive = false

  @Flag(help: "Print the settings that --set and --conf know, as a file for --conf, and exit.")
  var listSettings = false

  func run() async throws {
    let plan = try ServePlan(self)
    if listSettings {
      print(SettingList.text(of: plan.stack.values), terminator: "")
      return
    }
    let log = ToolLog(stack)
    for name in plan.stack.skippedSettings {
      log.warning("'\(name)' in the configuration file is not a setting of this stack")
    }
    for warning in plan.stack.settingWarnings { log.warning(warning) }
    try await plan.stack.run("serve", log) { stack in
      if plan.usesStreams {
        try await plan.serveWithStreams(stack, log)
      } else {
        try await plan.serveWithHandlers(stack, log)
      }
    }
  }
}

extension ServePlan {
  fileprivate func serveWithHandlers(
    _ stack: TCPStack, _ log: ToolLog
  ) async throws {
    for service in Service.allCases {
      try service.serve(on: ports[service], of: stack, keepsAlive: keepsAlive)
    }
    announce(log)
    await stop(stack, log)
  }

  fileprivate func serveWithStreams(
    _ stack: TCPStack, _ log: ToolLog
  ) async throws {
    var listeners: [(Service, TCPListener)] = []
    for service in Service.allCases {
      listeners.append(
        (service, try await service.listen(on: ports[service], of: stack, keepsAlive: keepsAlive)))
    }
    announce(log)
    await withDiscardingTaskGroup { group in
      for (service, listener) in listeners {
        // It ends when the stack shuts down; its connections' errors are the runtime's to tell.
        group.addTask { try? await service.serve(listener, of: stack) }
      }
      await stop(stack, log)
    }
  }

  private func announce(_ log: ToolLog) {
    let services = Service.allCases.map { "\($0) \(ports[$0])" }.joined(separator: ", ")
    log.info("serving on \(stack.address.address) (\(stack.device.name)): \(services)")
  }

  /// Waits for a signal, then lets connections finish; a second signal ends that.
  private func stop(_ stack: TCPStack, _ log: ToolLog) async {
    // `nil` is a cancellation: the device has failed.
    guard await TerminationSignals.next() != nil else { return }
    log.info("stopping: \(stack.connectionCount) connections may finish")
    await withTaskGroup { group in
      group.addTask { await stack.shutdown(grace: grace) }
      group.addTask { _ = await TerminationSignals.next() }
      await group.next()
      group.cancelAll()
    }
  }
}
