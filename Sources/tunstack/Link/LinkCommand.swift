// `tunstack link`: a bad wire between two real TUN devices, for kernels, stacks and programs that know nothing
// of it. It touches no device but the two that were named.

import ArgumentParser
import UserTCPRuntime

struct LinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Join two TUN devices by a link with a rate, a delay, a queue and bad luck.",
    discussion: """
      Attaches to both devices, or makes them without an address, and carries packets between them in \
      real time until SIGINT or SIGTERM; then it says what became of them. A kernel answers itself \
      without any device, so the two ends belong into different network namespaces; a device may be \
      moved while it is in use:

        ip netns add left; ip netns add right
        ip netns exec left tunstack link wire0 wire1 --rate 200 --delay 10 --loss 1 &
        ip -n left link set wire1 netns right
        ip -n left address add 198.51.100.1/24 dev wire0; ip -n left link set wire0 up
        ip -n right address add 198.51.100.2/24 dev wire1; ip -n right link set wire1 up
        ip netns exec left ping 198.51.100.2

      Bad luck is that of packets from the first device to the second, unless --both-ways.
      """)

  @Argument(help: "Name of the first TUN device.")
  var first: String

  @Argument(help: "Name of the second TUN device.")
  var second: String

  @OptionGroup var link: LinkOptions

  @Option(help: "MTU of a device that is made, 68 to 65535.")
  var mtu = "1500"

  func run() async throws {
    let plan = try LinkPlan(link)
    let mtu = try Lab.number("--mtu", mtu, 68...65_535)
    guard first != second else {
      throw Failure.usage("'\(first)' cannot be both ends; name two devices")
    }
    let bell = try Bell()
    let (one, other) = try open(mtu)
    StandardError.write(line: "tunstack: \(first) to \(second): \(plan.description)")
    Task {
      if await TerminationSignals.next() != nil { bell.ring() }
    }
    let result = await BackgroundThread.run { () -> Result<[LinkTally], DeviceError> in
      let relay = LinkRelay(from: one, to: other, plan, until: bell)
      do throws(DeviceError) { return .success(try relay.run()) } catch { return .failure(error) }
    }
    do throws(DeviceError) {
      let tallies = try result.get()
      Lab.say("\(first) to \(second): \(tallies[0].description)")
      Lab.say("\(second) to \(first): \(tallies[1].description)")
    } catch {
      throw Failure(error)
    }
  }

  private func open(_ mtu: Int) throws(Failure) -> (TunDevice, TunDevice) {
    do throws(DeviceError) {
      let one = try TunDevice.openWireEnd(first, mtu: mtu)
      do throws(DeviceError) {
        return (one, try TunDevice.openWireEnd(second, mtu: mtu))
      } catch {
        one.close()
        throw error
      }
    } catch {
      throw Failure(error)
    }
  }
}

extension TunDevice {
  /// One end of a link: a device of frames as a wire carries them, without an address if it is made.
  static func openWireEnd(_ name: String, mtu: Int = 1500) throws(DeviceError) -> TunDevice {
    try open(Configuration(name: name, address: nil, mtu: mtu, offloads: false))
  }
}

extension LinkTally {
  var description: String {
    var text =
      "\(link.offered) frames, \(link.delivered - undelivered) delivered, \(link.lost) lost, "
      + "\(link.overflowed) dropped by the queue (peak "
      + "\((queuePeak + LinkPlan.packetSize - 1) / LinkPlan.packetSize) packets), "
      + "\(late) late by more than 1 ms"
    if undelivered > 0 { text += ", \(undelivered) while the interface was down" }
    return text
  }
}
