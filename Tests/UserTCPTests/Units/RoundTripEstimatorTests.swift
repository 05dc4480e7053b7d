// RFC 6298 by its numbers, in both profiles: samples, Karn's rule, backoff and its ceiling.

import Testing

@testable import UserTCP

struct RoundTripEstimatorTests {
  private let rfc = StackSettings(profile: .rfc)
  private let linux = StackSettings(profile: .linux)

  private func estimator(samples: [Int64], _ settings: StackSettings) -> RoundTripEstimator {
    var estimator = RoundTripEstimator(initialTimeout: .seconds(1), start: SequenceNumber(0))
    for sample in samples { estimator.add(sample: .milliseconds(sample), settings) }
    return estimator
  }

  // RTO-1
  @Test func `before the first sample the RTO is the initial one`() {
    let estimator = estimator(samples: [], rfc)
    #expect(!estimator.hasSample)
    #expect(estimator.timeout(maximum: .forever) == .seconds(1))
  }

  // RTO-2
  @Test func `the first sample and the second weigh as the RFC says`() {
    let first = estimator(samples: [400], rfc)
    #expect(first.smoothed == .milliseconds(400))
    #expect(first.variation == .milliseconds(200))
    #expect(first.timeout == .milliseconds(1200))
    let second = estimator(samples: [400, 800], rfc)
    // RTTVAR 3/4 * 200 + 1/4 * 400, SRTT 7/8 * 400 + 1/8 * 800.
    #expect(second.variation == .milliseconds(250))
    #expect(second.smoothed == .milliseconds(450))
    #expect(second.timeout == .milliseconds(1450))
  }

  // RTO-3, DEC-9
  @Test func `the floor is a second of everything or 200 ms of the spread`() {
    #expect(estimator(samples: [10], rfc).timeout == .seconds(1))
    #expect(estimator(samples: [10], linux).timeout == .milliseconds(210))
    #expect(estimator(samples: [400], linux).timeout == .milliseconds(1200))
    // A steady path: RTTVAR goes towards zero, the floors stay.
    let steady = [Int64](repeating: 400, count: 200)
    #expect(estimator(samples: steady, rfc).timeout == .seconds(1))
    let timeout = estimator(samples: steady, linux).timeout
    #expect(timeout >= .milliseconds(599) && timeout <= .milliseconds(601))
  }

  // RTO-4
  @Test func `backoff doubles up to the ceiling and a sample takes it back`() {
    var estimator = estimator(samples: [400], rfc)
    var timeouts: [Int64] = []
    for _ in 0..<9 {
      timeouts.append(estimator.timeout(maximum: .seconds(120)).nanoseconds / 1_000_000)
      estimator.backOff()
    }
    #expect(timeouts == [1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 120_000, 120_000])
    for _ in 0..<1000 { estimator.backOff() }
    #expect(estimator.timeout(maximum: .seconds(120)) == .seconds(120))
    estimator.add(sample: .milliseconds(400), rfc)
    #expect(estimator.backoff == 0)
  }

  // R9293-MUST-18
  @Test func `what was sent twice is not measured`() {
    var estimator = estimator(samples: [], rfc)
    estimator.segmentSent(end: SequenceNumber(100), at: .zero)
    estimator.cancelMeasurement()
    estimator.acknowledged(
      SequenceNumber(100), next: SequenceNumber(100), echoAge: nil, at: .zero + .seconds(9), rfc)
    #expect(!estimator.hasSample)
    estimator.segmentSent(end: SequenceNumber(200), at: .zero)
    estimator.backOff()
    estimator.acknowledged(
      SequenceNumber(200), next: SequenceNumber(200), echoAge: nil, at: .zero + .seconds(9), rfc)
    #expect(!estimator.hasSample)
  }

  @Test func `one segment is timed at a time, by the ACK that covers it`() {
    var estimator = estimator(samples: [], rfc)
    estimator.segmentSent(end: SequenceNumber(100), at: .zero)
    estimator.segmentSent(end: SequenceNumber(200), at: .zero + .seconds(1))
    estimator.acknowledged(
      SequenceNumber(99), next: SequenceNumber(99), echoAge: nil, at: .zero + .seconds(2), rfc)
    #expect(!estimator.hasSample)
    estimator.acknowledged(
      SequenceNumber(150), next: SequenceNumber(150), echoAge: nil, at: .zero + .seconds(3), rfc)
    #expect(estimator.smoothed == .seconds(3))
    estimator.acknowledged(
      SequenceNumber(200), next: SequenceNumber(200), echoAge: nil, at: .zero + .seconds(9), rfc)
    #expect(estimator.smoothed == .seconds(3))
  }

  // RTO-6
  @Test func `after a lost SYN data begins with three seconds unless there is a sample`() {
    var estimator = estimator(samples: [], linux)
    for _ in 0..<3 { estimator.backOff() }
    estimator.beginAfterLostSYN(linux)
    #expect(estimator.timeout(maximum: .forever) == .seconds(3))
    var measured = self.estimator(samples: [400], linux)
    measured.backOff()
    measured.beginAfterLostSYN(linux)
    #expect(measured.timeout(maximum: .forever) == .milliseconds(1200))
  }

  @Test func `a sample of nothing is still a sample, a huge one meets the ceiling`() {
    #expect(estimator(samples: [0], linux).hasSample)
    #expect(estimator(samples: [100_000_000], linux).timeout == .seconds(120))
  }
}

struct StackSettingsTests {
  // SYS-14, R9293-SHLD-11
  @Test func `fifteen doublings of 200 ms take 924.6 s`() {
    var settings = StackSettings(profile: .linux)
    #expect(settings.giveUpInterval == .milliseconds(924_600))
    settings.retries2 = 0
    #expect(settings.giveUpInterval == .milliseconds(200))
    settings.retries2 = 255
    #expect(settings.giveUpInterval > .seconds(28_000))
  }

  @Test func `the profiles differ where the register says`() {
    let linux = StackSettings(profile: .linux)
    let rfc = StackSettings(profile: .rfc)
    #expect(linux.timeWaitInterval == .seconds(60) && rfc.timeWaitInterval == .seconds(240))
    #expect(linux.minimumRetransmissionTimeout == .milliseconds(200))
    #expect(rfc.minimumRetransmissionTimeout == .seconds(1))
    #expect(linux.acceptsMissingTimestamp && !rfc.acceptsMissingTimestamp)
    // R9293-MUST-25, MUST-28
    #expect(ConnectionOptions().keepAlive == nil && KeepAlive().idleSeconds >= 7200)
  }
}
