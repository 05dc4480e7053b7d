// The clients of a `Workload`: non-blocking kernel sockets on one thread of the namespace in which
// `run` is called. Bounded in time, in tries and in descriptors; blocks, so never call it on a loop.

import Glibc
import UserTCPRuntime

struct WorkloadClients: ~Copyable {
  private let workload: Workload
  private let server: Endpoint
  private var result = WorkloadResult()
  private var visits: [Visit] = []
  private var entries: [pollfd] = []
  private var begun = 0

  /// A connection on its way to its answer.
  private struct Visit {
    enum Phase {
      case connecting, waiting
    }
    let socket: KernelSocket
    let start: Stopwatch
    let staysOpen: Bool
    var phase = Phase.connecting
    var answer: [UInt8] = []
  }

  private enum Step {
    case goesOn
    case served
    case failed(Int32)
  }

  static func run(_ workload: Workload, against server: Endpoint) -> WorkloadResult {
    var clients = WorkloadClients(workload: workload, server: server)
    return clients.runAll()
  }

  private init(workload: Workload, server: Endpoint) {
    self.workload = workload
    self.server = server
  }

  private mutating func runAll() -> WorkloadResult {
    let clock = Stopwatch()
    let total = workload.keptOpen + workload.connections
    while result.served + result.failed < total {
      while visits.count < workload.parallel, begun < total { begin() }
      guard clock.seconds < Double(workload.secondsAllowed) else {
        giveUp(unbegun: total - begun)
        break
      }
      Poll.wait(for: &entries, milliseconds: 100)
      // Backwards: one that is over is replaced by the last, which has had its turn.
      for index in entries.indices.reversed() { advance(index) }
    }
    result.seconds = clock.seconds
    return result
  }

  /// The connections that stay come first: they are there before the crowd.
  private mutating func begin() {
    let staysOpen = begun < workload.keptOpen
    begun += 1
    guard let socket = KernelSocket() else { return fail(errno) }
    let start = Stopwatch()
    let port = workload.firstPort.map { $0 + UInt16(begun - 1) }
    let code = socket.connect(to: server, from: port)
    guard code == 0 || code == -Int(EINPROGRESS) else {
      socket.close()
      return fail(Int32(-code))
    }
    visits.append(Visit(socket: socket, start: start, staysOpen: staysOpen))
    entries.append(pollfd(socket.descriptor, waitingFor: POLLOUT))
  }

  private mutating func advance(_ index: Int) {
    let step: Step
    if entries[index].isReady {
      step = self.step(index)
    } else {
      let isLate = visits[index].start.seconds > Double(workload.secondsPerConnection)
      step = isLate ? .failed(ETIMEDOUT) : .goesOn
    }
    switch step {
    case .goesOn: return
    case .served:
      result.served += 1
      result.slowest = max(result.slowest, visits[index].start.seconds)
      if visits[index].staysOpen {
        result.keptOpen.append(visits[index].socket)
      } else {
        visits[index].socket.close()
      }
    case .failed(let code):
      fail(code)
      visits[index].socket.close()
    }
    remove(index)
  }

  private mutating func step(_ index: Int) -> Step {
    let socket = visits[index].socket
    switch visits[index].phase {
    case .connecting:
      let code = socket.error
      guard code == 0 else { return .failed(code) }
      let closing = workload.closer == .server && !visits[index].staysOpen
      let count = socket.send(Workload.request(closing: closing))
      guard count > 0 else { return .failed(Int32(-count)) }
      visits[index].phase = .waiting
      entries[index].events = Int16(POLLIN)
      return .goesOn
    case .waiting:
      let count = socket.receive(into: &visits[index].answer)
      if count == -Int(EAGAIN) { return .goesOn }
      guard count >= 0 else { return .failed(Int32(-count)) }
      let isWhole = visits[index].answer.suffix(Workload.answerEnd.count)
        .elementsEqual(Workload.answerEnd)
      if count == 0 { return isWhole ? .served : .failed(ECONNRESET) }
      let waitsForEnd = workload.closer == .server && !visits[index].staysOpen
      return isWhole && !waitsForEnd ? .served : .goesOn
    }
  }

  private mutating func fail(_ code: Int32) { result.failures[code, default: 0] += 1 }

  private mutating func remove(_ index: Int) {
    visits.swapAt(index, visits.count - 1)
    visits.removeLast()
    entries.swapAt(index, entries.count - 1)
    entries.removeLast()
  }

  private mutating func giveUp(unbegun: Int) {
    result.failures[ETIMEDOUT, default: 0] += visits.count + unbegun
    for visit in visits { visit.socket.close() }
    visits.removeAll()
    entries.removeAll()
  }
}

/// Seconds since it was made, by the monotonic clock.
struct Stopwatch: Sendable {
  private let start = ContinuousClock.now

  var seconds: Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
