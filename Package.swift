// swift-tools-version: 6.2
import PackageDescription

var settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .strictMemorySafety(),
]
// In CI a warning is an error; elsewhere a newer compiler's warnings must not stop a build.
if Context.environment["CI"] != nil { settings.append(.treatAllWarnings(as: .error)) }

let package = Package(
  name: "UserTCP",
  products: [
    .library(name: "UserTCP", targets: ["UserTCP"]),
    .library(name: "UserTCPRuntime", targets: ["UserTCPRuntime"]),
    .library(name: "UserTCPSimulation", targets: ["UserTCPSimulation"]),
    .executable(name: "tunstack", targets: ["tunstack"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: [
    .target(name: "CTun", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "UserTCP", swiftSettings: settings),
    .target(name: "UserTCPRuntime", dependencies: ["UserTCP", "CTun"], swiftSettings: settings),
    .target(name: "UserTCPSimulation", dependencies: ["UserTCP"], swiftSettings: settings),
    .executableTarget(
      name: "tunstack",
      dependencies: [
        "CTun", "UserTCPRuntime", "UserTCPSimulation",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "FlyingFox", package: "FlyingFox"),
        .product(name: "FlyingSocks", package: "FlyingFox"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "UserTCPTests", dependencies: ["UserTCP", "UserTCPSimulation"], swiftSettings: settings),
    .testTarget(
      name: "UserTCPRuntimeTests", dependencies: ["UserTCPRuntime", "UserTCPSimulation"],
      swiftSettings: settings),
    .testTarget(
      name: "TunstackTests",
      dependencies: [
        "tunstack", "UserTCP", "UserTCPRuntime",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .testTarget(name: "KernelTests", swiftSettings: settings),
  ],
  cLanguageStandard: .gnu17
)
