// Between the engine and its device: one batch each way, and what to do when the device does not
// take a frame (OFF-9). While it does not, nothing is pulled from the connections, so what cannot be
// sent waits in their buffers instead of here. Only the loop's thread has it.

struct DeviceLine: ~Copyable {
  /// How long a device that is out of memory is left alone.
  private static let retryAfterFull = Interval.microseconds(500)
  /// How often an interface that is down is tried.
  private static let retryAfterDown = Interval.milliseconds(50)
  /// How long frames wait for it. Then they are lost and timers go on, as when a cable is cut.
  private static let patience = Interval.seconds(1)

  private let device: any PacketDevice
  private let log: RuntimeLog
  private var incoming = IncomingBatch()
  private var outgoing = OutgoingBatch()
  /// When the interface went down.
  private var downSince: Instant?
  /// Frames wait in `outgoing` until then.
  private(set) var retryAt = Instant.never
  /// The last batch was full.
  private(set) var mayHaveMore = false
  /// The device is gone for good.
  private(set) var failure: DeviceError?

  init(device: any PacketDevice, log: @escaping RuntimeLog) {
    self.device = device
    self.log = log
  }

  /// What to wait on.
  var descriptor: Int32? { failure == nil ? device.descriptor : nil }
  /// No frame waits for the device.
  var canSend: Bool { failure == nil && retryAt == .never }

  /// Takes a batch of packets into the engine.
  mutating func receive(_ state: borrowing LoopBound<StackState>) {
    if failure == nil {
      do throws(DeviceError) {
        try device.receive(into: &incoming)
        if !incoming.isEmpty { linkIsUp() }
      } catch {
        note(error, at: MonotonicClock.now)
      }
    }
    mayHaveMore = incoming.isFull
    let now = MonotonicClock.now
    state.with { state in
      if incoming.isEmpty {
        state.engine.advance(to: now)
      } else {
        state.engine.receive(incoming, at: now)
      }
    }
    incoming.removeAll()
  }

  /// Lets the engine fill a batch and sends it.
  mutating func send(_ state: borrowing LoopBound<StackState>) {
    let now = MonotonicClock.now
    if !canSend {
      guard failure == nil, now >= retryAt else { return }
      retryAt = .never
    }
    if outgoing.isEmpty { state.with { $0.engine.poll(at: now, into: &outgoing) } }
    guard !outgoing.isEmpty else { return }
    do throws(DeviceError) {
      if try !device.send(&outgoing) { retryAt = now + Self.retryAfterFull }
      linkIsUp()
    } catch {
      note(error, at: now)
    }
  }

  /// Sends what is left, as far as the device takes it at once.
  mutating func flush(_ state: borrowing LoopBound<StackState>) {
    repeat { send(state) } while canSend && state.with { $0.engine.hasOutput }
  }

  private mutating func note(_ error: DeviceError, at now: Instant) {
    guard error == .linkDown else {
      failure = error
      outgoing.removeAll()
      return
    }
    let since = downSince ?? now
    if downSince == nil { log(.linkDown) }
    downSince = since
    if now - since >= Self.patience {
      outgoing.removeAll()
    } else {
      outgoing.removeFirst(0)  // copies payloads that the connections may free
    }
    retryAt = now + Self.retryAfterDown
  }

  private mutating func linkIsUp() {
    guard downSince != nil else { return }
    downSince = nil
    log(.linkUp)
  }
}
