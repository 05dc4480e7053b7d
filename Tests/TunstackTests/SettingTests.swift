// The table of settings, `--set` and files in the syntax of sysctl.conf.

import Foundation
import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct SettingTests {
  @Test(arguments: Setting.all.map(\.name))
  func `a setting reads back what was written and its default is within its range`(_ name: String)
    throws
  {
    let setting = try #require(Setting.all.first { $0.name == name })
    let standard = setting.read(SettingValues())
    var settings = SettingValues()
    switch setting.form {
    case .numbers(let ranges):
      #expect(standard.count == ranges.count)
      for (number, range) in zip(standard, ranges) { #expect(range.contains(number)) }
      for bound in [\ClosedRange<Int>.lowerBound, \.upperBound] {
        let numbers = ranges.map { $0[keyPath: bound] }
        setting.write(&settings, numbers)
        #expect(setting.read(settings) == numbers)
      }
    case .ports:
      #expect(standard.isEmpty)
      setting.write(&settings, [8080, 8080, 9000, 9010])
      #expect(setting.text(settings) == "8080,9000-9010")
    case .keys:
      #expect(setting.text(settings) == "00000000-00000000-00000000-00000000")
      setting.write(&settings, [1, 2, 3, 4, 5, 6, 7, 0xFFFF_FFFF])
      let text = setting.text(settings)
      #expect(
        text
          == "00000001-00000002-00000003-00000004,00000005-00000006-00000007-ffffffff")
      #expect(setting.numbers(text) == [1, 2, 3, 4, 5, 6, 7, 0xFFFF_FFFF])
    case .name(let names):
      setting.write(&settings, [names.count - 1])
      #expect(setting.text(settings) == names.last)
    case .readOnlyNames:
      #expect(setting.numbers(setting.text(settings)) == nil)
    }
  }

  @Test func `every name stands in the table once`() {
    #expect(Set(Setting.all.map(\.fullName)).count == Setting.all.count)
  }

  @Test(arguments: [
    "tcp_fin_timeout=30", "net.ipv4.tcp_fin_timeout=30", "net/ipv4/tcp_fin_timeout = 30",
  ])
  func `a setting is found by each way of writing its name`(_ text: String) throws {
    var settings = SettingValues()
    try SettingAssignment(text).apply(to: &settings)
    #expect(settings.stack.finTimeout == .seconds(30))
  }

  // SEC-28, SYS-27, SYS-28
  @Test func `memory is counted in pages, and half of a receive buffer is its window`() throws {
    var settings = SettingValues()
    try SettingAssignment("tcp_mem=1000 2000 3000").apply(to: &settings)
    try SettingAssignment("tcp_rmem=4097 8195 99999").apply(to: &settings)
    try SettingAssignment("tcp_wmem=5000 6000 7000").apply(to: &settings)
    #expect(
      settings.stack.memory == MemoryMarks(low: 4_096_000, pressure: 8_192_000, limit: 12_288_000))
    #expect(settings.stack.receiveBuffer == 4097 && settings.stack.maximumReceiveBuffer == 49_999)
    #expect(settings.stack.sendBuffer == 6000 && settings.stack.maximumSendBuffer == 7000)
    // Read as written, until something else sets them.
    #expect(Setting.named("tcp_rmem")?.text(settings) == "4097\t8195\t99999")
    settings.stack.receiveBuffer = 10_000
    #expect(Setting.named("tcp_rmem")?.text(settings) == "4096\t20000\t99998")
    #expect(Setting.named("tcp_mem")?.text(settings) == "1000\t2000\t3000")
  }

  @Test func `values of several numbers are taken`() throws {
    var settings = SettingValues()
    try SettingAssignment("ip_local_port_range=1024 65535").apply(to: &settings)
    try SettingAssignment("tcp_rmem=4096\t131072 6291456").apply(to: &settings)
    try SettingAssignment("net.core.somaxconn=128").apply(to: &settings)
    #expect(settings.stack.localPorts == 1024...65535)
    #expect(settings.stack.receiveBuffer == 65_536, "half of the memory is the window")
    #expect(settings.stack.maximumReceiveBuffer == 3_145_728)
    #expect(settings.stack.maximumBacklog == 128)
  }

  @Test func `an unknown name is answered with the names near to it`() {
    #expect {
      try SettingAssignment("tcp_fin_timeot=3")
    } throws: { error in
      let text = (error as? SettingAssignment.Problem)?.description ?? ""
      return text.contains("'tcp_fin_timeot' is not a setting") && text.contains("tcp_fin_timeout")
    }
  }

  @Test(arguments: [
    ("tcp_fin_timeout=0", "tcp_fin_timeout is 1 to 2147483 seconds"),
    ("tcp_fin_timeout=", "tcp_fin_timeout is 1 to"),
    ("tcp_fin_timeout=10s", "tcp_fin_timeout is 1 to"),
    ("tcp_fin_timeout=10 10", "tcp_fin_timeout is 1 to"),
    ("tcp_window_scaling=2", "tcp_window_scaling is 0 (off) or 1 (on)"),
    ("ip_local_port_range=2000 1000", "2 rising numbers of 1 to 65535 ports"),
    ("ip_local_port_range=0 1000", "2 rising numbers"),
    ("tcp_rmem=4096 4096", "3 rising numbers"),
    ("tcp_fastopen_key=1-2-3", "tcp_fastopen_key is four groups of 8 hexadecimal digits"),
    ("tcp_fastopen_key=1-2-3-123456789", "tcp_fastopen_key is four groups"),
    ("tcp_fin_timeout", "is not a setting"),
  ])
  func `a bad value is answered with the range`(_ text: String, _ rule: String) {
    #expect {
      try SettingAssignment(text)
    } throws: {
      ($0 as? SettingAssignment.Problem)?.description.contains(rule) == true
    }
  }

  @Test func `a sysctl file is read like sysctl does`() throws {
    let text = """
      # comment
      ; comment

      net.ipv4.tcp_fin_timeout = 15
        net/ipv4/tcp_syn_retries=3
      vm.swappiness = 10
      net.ipv4.conf.all.rp_filter = 1
      -net.ipv4.tcp_no_such_thing = 1
      net.ipv4.ip_local_port_range = 1024 2048
      """
    let file = try SysctlFile(text, name: "test.conf")
    #expect(
      file.assignments.map(\.setting.name)
        == ["tcp_fin_timeout", "tcp_syn_retries", "ip_local_port_range"])
    #expect(
      file.skipped
        == ["vm.swappiness", "net.ipv4.conf.all.rp_filter", "net.ipv4.tcp_no_such_thing"])
  }

  @Test(arguments: [
    "tcp_fin_timeout = x", "net.ipv4.tcp_no_such_thing = 1", "tcp_fin_timeout", "no_prefix=1",
  ])
  func `a bad line of a sysctl file is named by file and number`(_ line: String) {
    #expect {
      try SysctlFile("# first\n\(line)\n", name: "test.conf")
    } throws: { error in
      guard let failure = error as? Failure else { return false }
      return failure.status == .configuration && failure.description.hasPrefix("test.conf:2: ")
    }
  }

  @Test func `the list of settings is a file that sets what it lists`() throws {
    var changed = SettingValues()
    changed.stack.finTimeout = .seconds(7)
    changed.stack.localPorts = 5000...6000
    let list = SettingList.text(of: changed)
    let file = try SysctlFile(list, name: "list")
    var settings = SettingValues()
    for assignment in file.assignments { assignment.apply(to: &settings) }
    #expect(file.assignments.count == Setting.all.count(where: { !$0.isReadOnly }))
    #expect(SettingList.text(of: settings) == list)
  }

  @Test func `the distance of two words is the letters that differ`() {
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("same", "same") == 0)
  }
}

@Suite struct PortRangeTests {
  // SYS-17
  @Test(arguments: [
    ("", ""), ("8080", "8080"), ("8080,9000-9010", "8080,9000-9010"),
    ("9000-9010,8080,8081", "8080-8081,9000-9010"), ("5-10,7-20", "5-20"), ("1, 3", "1,3"),
  ])
  func `a list of ports is sorted and merged as the kernel does`(_ text: String, _ merged: String) {
    #expect(PortRanges(text)?.description == merged)
  }

  @Test(arguments: ["a", "1-", "-1", "5-4", "65536", "1-2-3", "1;2", "0x10"])
  func `what is no list of ports is refused`(_ text: String) {
    #expect(PortRanges(text) == nil)
  }

  @Test func `reserved ports reach the stack one by one`() throws {
    var values = SettingValues()
    try SettingAssignment("ip_local_reserved_ports=8080,9000-9002").apply(to: &values)
    #expect(values.stack.reservedPorts == [8080, 9000, 9001, 9002])
    try SettingAssignment("ip_local_reserved_ports=").apply(to: &values)
    #expect(values.stack.reservedPorts == [])
  }

  @Test func `a knob that is not in effect, and one that is dangerous, say so when written`() throws
  {
    #expect(
      try SettingAssignment("icmp_echo_ignore_broadcasts=0").warnings
        == ["icmp_echo_ignore_broadcasts is kept but not in effect yet"])
    #expect(try SettingAssignment("tcp_tw_recycle=1").warnings.first?.contains("NAT") == true)
    #expect(try SettingAssignment("tcp_tw_recycle=0").warnings == [])
    #expect(try SettingAssignment("tcp_fin_timeout=5").warnings == [])
  }

  // SYS-21
  @Test func `a congestion control is one of those there are, and their list is only read`() throws
  {
    var values = SettingValues()
    try SettingAssignment("tcp_congestion_control=reno").apply(to: &values)
    #expect(values.stack.congestionAlgorithm == .reno)
    #expect(throws: SettingAssignment.Problem.self) {
      try SettingAssignment("tcp_congestion_control=bbr")
    }
    #expect(throws: SettingAssignment.Problem.self) {
      try SettingAssignment("tcp_available_congestion_control=reno")
    }
  }
}

@Suite struct SettingDocumentTests {
  private static let page = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/control.md")

  /// With `UPDATE_DOCUMENTS` set it writes the table instead.
  @Test func `the page of settings has the table of settings`() throws {
    let text = try String(contentsOf: Self.page, encoding: .utf8)
    let start = try #require(text.range(of: "a test compares. -->\n")).upperBound
    if ProcessInfo.processInfo.environment["UPDATE_DOCUMENTS"] != nil {
      try Data((text[..<start] + SettingList.markdown).utf8).write(to: Self.page)
    } else {
      #expect(
        text[start...] == SettingList.markdown, "UPDATE_DOCUMENTS=1 swift test writes it anew")
    }
  }
}
