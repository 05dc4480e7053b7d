// The tool's log: swift-log to standard error, so that standard output stays the connection's.

import Logging
import UserTCPRuntime

struct ToolLog: Sendable {
  private let logger: Logger

  /// Once in a program: the logging system is global.
  init(_ options: StackOptions) {
    LoggingSystem.bootstrap { label in StreamLogHandler.standardError(label: label) }
    var logger = Logger(label: "tunstack")
    logger.logLevel = options.quiet ? .error : options.verbose ? .debug : .info
    self.logger = logger
  }

  func info(_ text: String) { logger.info("\(text)") }
  func warning(_ text: String) { logger.warning("\(text)") }
  func debug(_ text: String) { logger.debug("\(text)") }

  /// For `TCPStack.run`.
  var runtimeEvents: RuntimeLog {
    { [logger] event in
      switch event {
      case .deviceFailed: break  // the program ends with this error, and says so itself
      case .handlerFailed, .loopHeld, .linkDown, .timeWaitOverflow, .tooManyOrphans, .synFlood:
        logger.warning("\(event)")
      case .linkUp: logger.info("\(event)")
      }
    }
  }
}
