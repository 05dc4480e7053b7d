// The one clock of a stack. The loop reads it before input and before output (DESIGN §3); everything
// in between happens at the instant it was read. The engine is told, it never asks.

internal import CTun

/// CLOCK_MONOTONIC: time since the machine started.
enum MonotonicClock {
  static var now: Instant { Instant(nanoseconds: ctun_monotonic_nanoseconds()) }

  /// As of the last tick of the kernel: a few milliseconds coarse and several times cheaper. For
  /// finding jobs that take a hundred.
  static var coarse: Instant { Instant(nanoseconds: ctun_coarse_nanoseconds()) }
}
