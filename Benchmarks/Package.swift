// swift-tools-version: 6.2
// A package of its own, so that what measures never reaches users of the library.
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .strictMemorySafety()]

let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "UserTCP", path: "..")],
  targets: [
    .executableTarget(
      name: "engine-memory", dependencies: [.product(name: "UserTCP", package: "UserTCP")],
      swiftSettings: settings),
    .executableTarget(
      name: "engine-lookup", dependencies: [.product(name: "UserTCP", package: "UserTCP")],
      swiftSettings: settings),
    .executableTarget(
      name: "engine-snapshot", dependencies: [.product(name: "UserTCP", package: "UserTCP")],
      swiftSettings: settings),
    .executableTarget(
      name: "engine-recovery", dependencies: [.product(name: "UserTCP", package: "UserTCP")],
      swiftSettings: settings),
    .executableTarget(
      name: "beside-time-wait",
      dependencies: [.product(name: "UserTCPRuntime", package: "UserTCP")],
      swiftSettings: settings),
  ]
)
