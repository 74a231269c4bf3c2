package import HostalModel

/// One network card of a guest, as its host must know it before the guest starts.
package struct GuestInterface: Hashable, Sendable, Codable {
    package var tap: String
    package var mac: MACAddress
    package var bridge: String
    package var addresses: [String]

    package init(tap: String, mac: MACAddress, bridge: String, addresses: [String]) {
        self.tap = tap
        self.mac = mac
        self.bridge = bridge
        self.addresses = addresses
    }
}

/// The host's side of guests' networks. Needs CAP_NET_ADMIN. Idempotent; throws a `Failure`.
package protocol GuestNetwork: Sendable {
    /// Makes it true that frames from this tap pass only with this MAC and these addresses, before the tap exists: a tap without an entry
    /// passes nothing. Refuses a bridge that is not there (`networkUnavailable`). libvirt makes the tap itself when the guest starts.
    func attach(_ interface: GuestInterface) async throws
    /// Takes every entry of this tap away, and the tap if it is still there. Absent is success.
    func detach(tap: String) async throws
    /// Entries or links of this tap that are still there.
    func remains(of tap: String) async throws -> [String]
}
