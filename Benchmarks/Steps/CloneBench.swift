import ArgumentParser
import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem

/// Times `VolumeStore.clone` for images of several sizes, each beside what an operator would type, in turns.
struct CloneBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clones", abstract: "Prints medians of clones, and of the storage's own commands.")

    enum Kind: String, ExpressibleByArgument, CaseIterable { case local, rbd }

    @Option(help: "local or rbd.") var kind: Kind
    @Option(help: "An empty directory for images and disks.") var directory: String
    @Option(help: "Clones of each image.") var rounds = 10
    @Option(help: "Of an rbd pool.") var monitors = ""
    @Option(help: "Of an rbd pool.") var keyring = ""

    /// In MiB; a sixteenth of each is data.
    static let sizes = [512, 2_048, 8_192]
    static let rbdUser = "vps"
    static let rbdPool = "vps"

    func run() async throws {
        let images = try subdirectory("images")
        let store = try store(images)
        for (index, size) in Self.sizes.enumerated() {
            let image = try await image(size, number: index, in: images)
            let disk = Gibibytes(size / 1_024 + 1)
            // The first brings the image where it is not yet.
            let first = try await time { _ = try await store.clone(image, to: newName(), size: disk) }
            var (ours, raw): ([Double], [Double]) = ([], [])
            for round in 0..<rounds {
                let name = newName()
                ours.append(try await time { _ = try await store.clone(image, to: name, size: disk) })
                raw.append(try await time { try await clone(image, size: disk, as: "raw-\(index)-\(round)") })
            }
            let (a, b) = (median(ours), median(raw))
            print(
                "\(kind.rawValue) \(size) MiB: first \(text(first)), Hostal \(text(a)), raw \(text(b)), ratio \(rounded(a / b))")
        }
    }

    private func store(_ images: Directory) throws -> any VolumeStore {
        let name = PoolName("bench")
        switch kind {
        case .local:
            let pool = PoolDirectory(try subdirectory("pool"), id: "bench")
            try pool.initialise()
            return LocalVolumes(name: name, pool: pool, images: images, headroom: 0)
        case .rbd:
            return try RBDVolumes(
                name: name,
                settings: RBDPoolSettings(monitors: monitors, pool: Self.rbdPool, user: Self.rbdUser, keyring: keyring),
                images: images, work: try subdirectory("work"), headroom: 0)
        }
    }

    /// What an operator would type for the same disk.
    private func clone(_ image: StoredImage, size: Gibibytes, as name: String) async throws {
        switch kind {
        case .local:
            _ = try await Command(
                "qemu-img",
                [
                    "create", "-q", "-f", "qcow2", "-o", "cluster_size=128k,extended_l2=on", "-b", image.path, "-F",
                    image.format.rawValue, "\(directory)/\(name)", "\(size.bytes)",
                ]
            ).run()
        case .rbd:
            let connection = ["--conf", "/dev/null", "-m", "[v1:\(monitors)]", "--id", Self.rbdUser, "--keyring", keyring]
            let target = "\(Self.rbdPool)/\(name)"
            _ = try await Command(
                "rbd", connection + ["clone", "\(Self.rbdPool)/image-\(image.digest.hex)@base", target]
            ).run()
            _ = try await Command("rbd", connection + ["resize", "--no-progress", "--size", "\(size.count)G", target]).run()
        }
    }

    private func image(_ size: Int, number: Int, in images: Directory) async throws -> StoredImage {
        guard let digest = Digest(hex: String(repeating: "\(number)", count: 64)) else {
            throw ValidationError("an image has no name")
        }
        let path = images.path(of: "\(digest.hex).qcow2")
        _ = try await Command("qemu-img", ["create", "-q", "-f", "qcow2", path, "\(size)M"]).run()
        _ = try await Command("qemu-io", ["-f", "qcow2", "-c", "write -q -P 0xa5 0 \(size / 16)M", path]).run()
        return StoredImage(digest: digest, path: path, format: .qcow2, virtualSize: Int64(size) << 20)
    }

    private func subdirectory(_ name: String) throws -> Directory {
        guard let made = Directory("\(directory)/\(name)") else { throw ValidationError("'\(directory)' must be absolute") }
        try made.makeForOwner()
        return made
    }

    private func newName() -> VolumeName { VolumeName(guest: GuestID(UUID()), generation: 1) }

    private func time(_ body: () async throws -> Void) async throws -> Double {
        let began = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - began) / .seconds(1)
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private func text(_ seconds: Double) -> String { "\(Int((seconds * 1_000).rounded())) ms" }
    private func rounded(_ ratio: Double) -> Double { (ratio * 100).rounded() / 100 }
}
