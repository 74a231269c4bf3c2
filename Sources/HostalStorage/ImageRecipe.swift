package import HostalModel
import HostalProvisioning
import HostalSystem

/// How an image that Hostal can build itself is made: a script over Debian's packages, and what its guests need.
package struct ImageRecipe: Hashable, Sendable, CustomStringConvertible {
    /// What operators call it, and what the built image is called unless they say otherwise.
    package var name: String
    package var title: String
    /// Debian's code name of the release that the packages come from.
    package var suite: String
    /// The image's virtual size. A clone is at least this big and the guest grows into the rest at its first boot.
    package var disk: Mebibytes
    /// The smallest disk and memory of a plan that should offer this image.
    package var minimumDisk: Gibibytes
    package var minimumMemory: Mebibytes
    /// A bash script; its arguments are described in `Recipes/common.sh`.
    package var script: [UInt8]

    package init(
        name: String, title: String, suite: String, disk: Mebibytes, minimumDisk: Gibibytes, minimumMemory: Mebibytes,
        script: [UInt8]
    ) {
        self.name = name
        self.title = title
        self.suite = suite
        self.disk = disk
        self.minimumDisk = minimumDisk
        self.minimumMemory = minimumMemory
        self.script = script
    }

    package static let debian12 = ImageRecipe(
        name: "debian-12", title: "Debian 12 (bookworm)", suite: "bookworm", disk: Mebibytes(2_048), minimumDisk: Gibibytes(2),
        minimumMemory: Mebibytes(512), script: PackageResources.debian_sh)
    package static let debian13 = ImageRecipe(
        name: "debian-13", title: "Debian 13 (trixie)", suite: "trixie", disk: Mebibytes(2_048), minimumDisk: Gibibytes(2),
        minimumMemory: Mebibytes(512), script: PackageResources.debian_sh)
    /// For tests and demonstrations: boots in seconds even under emulation. Nothing to sell.
    package static let tiny = ImageRecipe(
        name: "tiny", title: "Test guest", suite: "bookworm", disk: Mebibytes(64), minimumDisk: Gibibytes(1),
        minimumMemory: Mebibytes(128), script: PackageResources.tiny_sh)

    package var description: String { name }

    /// Names what the recipe does: 12 hexadecimal digits that change with it. What was built by another version may lack something.
    package var version: String {
        var digest = Digesting(.sha256)
        for part in [Self.sharedScript, script, Array("\(name) \(suite) \(disk)".utf8)] {
            part.withUnsafeBytes { digest.update($0) }
        }
        return String(digest.hexadecimal().prefix(12))
    }

    /// What every recipe reads before it starts.
    package static let sharedScript = PackageResources.common_sh

    package static let all = [debian12, debian13, tiny]

    /// Throws a permanent `invalidInput` that lists the known names.
    package static func named(_ name: String) throws -> ImageRecipe {
        guard let recipe = all.first(where: { $0.name == name }) else {
            let known = all.map(\.name).joined(separator: ", ")
            throw Failure(.permanent, .invalidInput, "cannot build image '\(name)': there is no such recipe; known are \(known)")
        }
        return recipe
    }
}
