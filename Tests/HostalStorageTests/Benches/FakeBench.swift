import HostalModel
import HostalProvisioning
import HostalTestKit

/// Nothing that a guest could write to, nothing that could be away, and nobody else: of the rules it keeps those that need no more.
struct FakeBench: PoolBench {
    let pool = Samples.pool
    let image: StoredImage
    private let host = FakeHost()

    init() throws {
        let digest = try Samples.server().image.digest
        image = StoredImage(digest: digest, path: "/fake/image", format: .qcow2, virtualSize: 1 << 30)
    }

    var store: any VolumeStore { FakeVolumes(host: host) }
    var another: any VolumeStore { FakeVolumes(host: host) }
}
