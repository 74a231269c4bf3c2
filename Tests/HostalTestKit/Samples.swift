package import FoundationEssentials
package import HostalModel

/// A plan, an image and a server to test with.
package enum Samples {
    package static let pool = PoolName("local-test")
    package static let plan = Plan(
        name: "small", description: "", vcpus: 1, memory: Mebibytes(128), disk: Gibibytes(1), traffic: Gibibytes(0),
        portSpeed: MegabitsPerSecond(100))

    package static func server(guest: UUID = UUID()) throws -> ServerSpec {
        guard let digest = Digest(hex: String(repeating: "a", count: 64)), let mac = MACAddress("02:00:00:00:00:01") else {
            throw NotInTime(what: "a sample is valid", limit: .zero)
        }
        return ServerSpec(
            id: ServerID(7), guest: GuestID(guest), name: "web", plan: plan,
            image: Image(
                id: ImageID(1), name: "tiny", digest: digest, format: .qcow2, virtualSize: 1 << 20, location: "/fake/tiny.qcow2"),
            mac: mac, sshKeys: [], userData: nil)
    }
}
