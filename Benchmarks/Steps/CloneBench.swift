import ArgumentParser
import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem

/// Times `VolumeStore.clone` for images of several sizes, each beside what an operator would type, in turns. Servers are its own.
struct CloneBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clones", abstract: "Prints medians of clones, and of the storage's own commands.")

    enum Kind: String, ExpressibleByArgument, CaseIterable { case local, nfs, iscsi, rbd }

    @Option(help: "local, nfs, iscsi or rbd.") var kind: Kind
    @Option(help: "An empty directory for images and disks, by its absolute path.") var directory: String
    @Option(help: "Clones of each image.") var rounds = 10

    /// In MiB; a sixteenth of each is data.
    static let sizes = [512, 2_048, 8_192]

    func run() async throws {
        let bench = BenchDirectory(path: directory)
        let images = try bench.subdirectory("images")
        let kind = try await kind(bench, images)
        let outcome: Result<Void, any Error>
        do {
            try await measure(kind, images)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await kind.end()
        try outcome.get()
    }

    private func kind(_ bench: BenchDirectory, _ images: Directory) async throws -> any CloneKind {
        let pool = PoolName("bench")
        return switch kind {
        case .local: try LocalClones(pool, bench, images)
        case .nfs: try await NFSClones(pool, bench, images)
        case .iscsi: try await ISCSIClones(pool, bench, images)
        case .rbd: try await RBDClones(pool, bench, images)
        }
    }

    private func measure(_ kind: any CloneKind, _ images: Directory) async throws {
        for (index, size) in Self.sizes.enumerated() {
            let image = try await image(size, number: index, in: images)
            let disk = Gibibytes(size / 1_024 + 1)
            // The first brings the image where it is not yet.
            let (first, firstTook) = try await time { try await kind.store.clone(image, to: newName(), size: disk) }
            var (ours, raw): ([Double], [Double]) = ([], [])
            for round in 0..<rounds {
                let name = "raw-\(index)-\(round)"
                let (volume, took) = try await time { try await kind.store.clone(image, to: newName(), size: disk) }
                ours.append(took)
                try await kind.prepare(name, like: first)
                raw.append(try await time { try await kind.clone(image, to: name, like: first) }.took)
                try await kind.discard(name, volume)
            }
            let (a, b) = (median(ours), median(raw))
            print(
                "\(self.kind.rawValue) \(size) MiB: first \(text(firstTook)), Hostal \(text(a)), raw \(text(b)), ratio \(rounded(a / b))"
            )
        }
    }

    private func image(_ size: Int, number: Int, in images: Directory) async throws -> StoredImage {
        guard let digest = Digest(hex: String(repeating: "\(number)", count: 64)) else {
            throw BenchError(reason: "an image has no name")
        }
        let path = images.path(of: "\(digest.hex).qcow2")
        _ = try await Command("qemu-img", ["create", "-q", "-f", "qcow2", path, "\(size)M"]).run()
        _ = try await Command("qemu-io", ["-f", "qcow2", "-c", "write -q -P 0xa5 0 \(size / 16)M", path]).run()
        return StoredImage(digest: digest, path: path, format: .qcow2, virtualSize: Int64(size) << 20)
    }

    private func newName() -> VolumeName { VolumeName(guest: GuestID(UUID()), generation: 1) }

    private func time<Value>(_ body: () async throws -> Value) async throws -> (value: Value, took: Double) {
        let began = ContinuousClock.now
        let value = try await body()
        return (value, (ContinuousClock.now - began) / .seconds(1))
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private func text(_ seconds: Double) -> String { "\(Int((seconds * 1_000).rounded())) ms" }
    private func rounded(_ ratio: Double) -> Double { (ratio * 100).rounded() / 100 }
}
