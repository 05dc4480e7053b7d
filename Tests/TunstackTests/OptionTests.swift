// The command line is checked as a whole before anything is opened: each mistake is one line with
// its own exit code.

import ArgumentParser
import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct OptionTests {
  /// The failure of `tunstack serve` with these words, `nil` when they are fine.
  private static func failure(_ words: [String]) throws -> Failure? {
    let command = try ServeCommand.parse(words)
    do {
      _ = try ServePlan(command)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    [], ["--tun", "tun0", "--address", "10.99.0.2/24"], ["--port", "http=8080"],
    ["--port", "http=7", "--port", "echo=80"], ["--port", "http=1", "--port", "http=8080"],
    ["--mtu", "68"], ["--mtu", "65535"], ["--host-address", "192.0.2.9"],
    ["--set", "tcp_fin_timeout=3", "--set", "net.core.somaxconn=10"], ["--profile", "rfc"],
    ["--grace", "0"], ["--grace", "0.5"], ["--quiet"], ["--verbose", "--async", "--no-offload"],
  ])
  func `good options are taken`(_ words: [String]) throws {
    #expect(try Self.failure(words) == nil)
  }

  @Test(arguments: [
    (["--address", "192.0.2.2"], "write it like 192.0.2.2/24"),
    (["--address", "192.0.2.2/33"], "write it like 192.0.2.2/24"),
    (["--address", "192.0.2.256/24"], "write it like 192.0.2.2/24"),
    (["--address", "fe80::1/64"], "write it like 192.0.2.2/24"),
    (["--address", "127.0.0.1/8"], "is not an address a host can have"),
    (["--address", "224.0.0.1/8"], "is not an address a host can have"),
    (["--address", "192.0.2.255/24"], "is not an address a host can have"),
    (["--address", "192.0.2.0/24"], "is not an address a host can have"),
    (["--host-address", "192.0.2.2"], "--host-address '192.0.2.2' is not another host"),
    (["--host-address", "192.0.3.1"], "take one like 192.0.2.1"),
    (["--host-address", "192.0.2.0"], "is not another host"),
    (["--host-address", "x"], "is not another host"),
    (["--mtu", "67"], "an MTU is 68 to 65535 octets"),
    (["--mtu", "65536"], "an MTU is 68 to 65535 octets"),
    (["--mtu", "big"], "an MTU is 68 to 65535 octets"),
    (["--tun", ""], "is not a device name"),
    (["--tun", "a/b"], "is not a device name"),
    (["--tun", "tun%d"], "is not a device name"),
    (["--tun", "sixteen-letters0"], "is not a device name"),
    (["--port", "http=0"], "a port is 1 to 65535"),
    (["--port", "http=65536"], "a port is 1 to 65535"),
    (["--port", "http=+80"], "a port is 1 to 65535"),
    (["--port", "http=eighty"], "a port is 1 to 65535"),
    (["--port", "http="], "a port is 1 to 65535"),
    (["--port", "http"], "the services are echo, discard, chargen and http"),
    (["--port", "ftp=21"], "the services are echo, discard, chargen and http"),
    (["--port", "http=7"], "port 7 is taken by echo"),
    (["--set", "tcp_nonsense=1"], "is not a setting; near to it are"),
    (["--set", "tcp_fin_timeout=0"], "tcp_fin_timeout is 1 to 2147483 seconds"),
    (["--profile", "bsd"], "the profiles are linux and rfc"),
    (["--grace=-1"], "--grace"),
    (["--grace", "soon"], "--grace"),
    (["--quiet", "--verbose"], "exclude each other"),
  ])
  func `a mistake in an option is one line and exit code 64`(
    _ words: [String], _ text: String
  ) throws {
    let failure = try #require(try Self.failure(words))
    #expect(failure.status == .usage)
    #expect(failure.description.contains(text))
    #expect(!failure.description.contains("\n"))
    #expect(failure.description.contains(";"), "it says how to mend it")
  }

  @Test func `a configuration file that cannot be read is exit code 66`() throws {
    let failure = try Self.failure(["--conf", "/nonexistent/sysctl.conf"])
    #expect(failure?.status == .noInput)
    #expect(failure?.description.contains("cannot read '/nonexistent/sysctl.conf'") == true)
  }

  @Test func `an unknown option is told by the parser with exit code 64`() {
    #expect {
      try ServeCommand.parse(["--no-such-option"])
    } throws: {
      Tunstack.exitCode(for: $0).rawValue == ExitStatus.usage.rawValue
    }
  }

  @Test func `later settings overrule earlier ones and the profile comes first`() throws {
    let command = try ServeCommand.parse([
      "--profile", "rfc", "--set", "tcp_syn_retries=3", "--set", "tcp_syn_retries=4",
    ])
    let plan = try ServePlan(command)
    #expect(plan.stack.settings.profile == .rfc)
    #expect(plan.stack.settings.synRetries == 4)
  }

  @Test(arguments: [
    (["192.0.2.1", "0"], "a port is 1 to 65535"), (["192.0.2.1", "x"], "a port is 1 to 65535"),
    (["example.org", "80"], "is not an IPv4 address"),
    (["192.0.2.1", "80", "--from", "0"], "a port is 1 to 65535"),
  ])
  func `connect checks where to`(_ words: [String], _ text: String) throws {
    let command = try ConnectCommand.parse(words)
    #expect {
      try ConnectPlan(command)
    } throws: {
      guard let failure = $0 as? Failure else { return false }
      return failure.status == .usage && failure.description.contains(text)
    }
  }
}
