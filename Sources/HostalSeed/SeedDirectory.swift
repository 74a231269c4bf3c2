import Glibc
package import HostalModel
package import HostalProvisioning

/// Seeds as files of one directory: `<guest's UUID>-<generation>.iso`, root's, mode 0600. libvirt's dynamic ownership hands the file to QEMU while
/// the guest runs, so the directory lets everybody pass and nobody list (0711).
///
/// Needs root. Two callers that write one disk's seed at once leave one of the two, whole; callers for different disks do not meet.
package struct SeedDirectory: SeedStore {
    private let path: String
    private let templates: SeedTemplates

    /// The directory is made by the first write; its parent must exist.
    package init(path: String, templates: SeedTemplates) {
        self.path = path
        self.templates = templates
    }

    /// A file that already holds these bytes is left alone, with whatever owner it has. Throws a permanent `invalidInput` for SSH keys
    /// that are not one line and for user data above `UserData.sizeLimit`; a full disk is temporary, a directory that refuses needs an operator.
    @concurrent
    package func write(_ contents: SeedContents, for disk: VolumeName) async throws -> StoredSeed {
        do {
            let image = try SeedImage.build(templates.files(for: contents))
            try SeedFiles.makeDirectory(path)
            let seed = "\(path)/\(name(of: disk))"
            if try !SeedFiles.holds(image, at: seed) {
                let partial = "\(seed).partial-\(UInt64.random(in: 0...UInt64.max))"
                do {
                    try SeedFiles.create(partial, image)
                    try SeedFiles.rename(partial, to: seed)
                } catch {
                    unlink(partial)
                    throw error
                }
            }
            // Also when nothing was written: the write before may have died between the rename and this.
            try SeedFiles.sync(directory: path)
            return StoredSeed(path: seed)
        } catch {
            throw failure("write the server's seed", error)
        }
    }

    /// Removes the seed and what interrupted writes left of it.
    @concurrent
    package func remove(for disk: VolumeName) async throws { try remove(filesStartingWith: name(of: disk)) }

    /// Removes the seeds of all generations, and what interrupted writes left of them.
    @concurrent
    package func removeAll(of guest: GuestID) async throws { try remove(filesStartingWith: prefix(of: guest)) }

    private func remove(filesStartingWith prefix: String) throws {
        do {
            let found = try files(startingWith: prefix)
            for file in found { try SeedFiles.remove("\(path)/\(file)") }
            if !found.isEmpty { try SeedFiles.sync(directory: path) }
        } catch {
            throw failure("remove the server's seed", error)
        }
    }

    /// File names, partial files included. Throws when the directory cannot be listed: unknown is not absent.
    @concurrent
    package func remains(of guest: GuestID) async throws -> [String] {
        do {
            return try files(startingWith: prefix(of: guest))
        } catch {
            throw failure("look for the server's seed", error)
        }
    }

    private func name(of disk: VolumeName) -> String { "\(disk).iso" }
    private func prefix(of guest: GuestID) -> String { "\(guest)-" }

    private func files(startingWith prefix: String) throws -> [String] {
        try SeedFiles.list(path).filter { $0.hasPrefix(prefix) }.sorted()
    }
}
