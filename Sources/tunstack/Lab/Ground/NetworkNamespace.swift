// A network namespace without a name (network_namespaces(7)): a thread of ours that has unshared its
// network, and whatever is opened by the threads it starts. The machine's own network is never
// touched, and there is nothing to clean up: with the last thread and the last descriptor the kernel
// removes the namespace and every device in it, also after SIGKILL. Used by the labs.

import CTun
import Glibc
import Synchronization

final class NetworkNamespace: Sendable {
  /// Where other programs find it while it lives: /proc/PID/task/TID/ns/net.
  let path: String
  /// An octet for every job; closing it ends the thread.
  private let bell: Int32
  private let jobs: Jobs

  private final class Jobs: Sendable {
    let waiting = Mutex<[@Sendable () -> Void]>([])
  }

  /// Makes an empty namespace with its loopback up. Needs CAP_SYS_ADMIN and `ip`.
  static func make() async throws(Failure) -> NetworkNamespace {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw .system("pipe") }
    let (ear, bell) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let jobs = Jobs()
    let home: Result<String, Failure> = await withCheckedContinuation { started in
      BackgroundThread.start {
        let home = enter()
        started.resume(returning: home)
        if case .success = home { serve(ear, jobs) }
        close(ear)
      }
    }
    do throws(Failure) {
      let namespace = NetworkNamespace(path: try home.get(), bell: bell, jobs: jobs)
      try await namespace.ip("link", "set", "lo", "up")
      return namespace
    } catch {
      if case .failure = home { close(bell) }  // otherwise the namespace has closed it
      throw error
    }
  }

  private init(path: String, bell: Int32, jobs: Jobs) {
    self.path = path
    self.bell = bell
    self.jobs = jobs
  }

  deinit { close(bell) }

  /// What `body` returns, run on a thread of its own that belongs to the namespace: a thread is born
  /// into the network of the one that starts it. It may block.
  func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      jobs.waiting.withLock { $0.append { continuation.resume(returning: body()) } }
      var octet: UInt8 = 0
      // The pipe would have to hold 65,536 jobs to refuse one.
      precondition(unsafe write(bell, &octet, 1) == 1, "the namespace's thread is gone")
    }
  }

  /// The same for what may fail.
  func run<Value: Sendable, Problem: Error>(
    _ body: @escaping @Sendable () throws(Problem) -> Value
  ) async throws(Problem) -> Value {
    let result: Result<Value, Problem> = await run {
      do throws(Problem) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  // MARK: The thread

  private static func enter() -> Result<String, Failure> {
    switch -ctun_unshare_network() {
    case 0: break
    case EPERM:
      return .failure(
        Failure(.notPermitted, "a network namespace needs CAP_SYS_ADMIN; run the lab as root"))
    case ENOSPC, EUSERS:
      return .failure(
        Failure(.unavailable, "no more network namespaces; see /proc/sys/user/max_net_namespaces"))
    case let code:
      return .failure(
        Failure(.system, "unshare: \(unsafe String(cString: strerror(code))); is this Linux?"))
    }
    guard let thread = SymbolicLink.target(of: "/proc/thread-self") else {
      return .failure(Failure(.system, "cannot read /proc/thread-self; mount /proc"))
    }
    return .success("/proc/\(thread)/ns/net")
  }

  /// Starts a thread for each job until the bell is closed. It runs none itself, so it never blocks.
  private static func serve(_ ear: Int32, _ jobs: Jobs) {
    var octet: UInt8 = 0
    while true {
      let count = unsafe read(ear, &octet, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1, let job = jobs.waiting.withLock({ $0.isEmpty ? nil : $0.removeFirst() })
      else { return }
      BackgroundThread.start(job)
    }
  }
}

extension Failure {
  /// A system call that should not fail did; `errno` says why.
  static func system(_ call: String) -> Failure {
    Failure(.system, "\(call): \(unsafe String(cString: strerror(errno))); see the system's limits")
  }
}

enum SymbolicLink {
  static func target(of path: String) -> String? {
    var characters = [CChar](repeating: 0, count: 256)
    let count = unsafe readlink(path, &characters, characters.count)
    guard count > 0 else { return nil }
    return String(decoding: characters[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
