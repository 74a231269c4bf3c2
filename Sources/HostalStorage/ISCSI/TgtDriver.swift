import FoundationEssentials
package import HostalModel
package import HostalProvisioning
import HostalSystem

/// LUNs as sparse files that Linux's `tgtd` serves: `NAME.lun`, and `NAME.host` with the initiator that it was offered to.
///
/// tgtd forgets everything when it ends: files are what counts, and targets are made from them again. The directory is marked with the
/// pool's name in a file `.hostal-pool`, so that an unmounted path is never taken for an empty pool. Needs root on the storage server.
package struct TgtDriver: ISCSITargetDriver {
    private let shell: StorageShell
    private let settings: String
    /// Whose number it is that the storage server has to know for the disk.
    private var turn: (disk: String, number: String)?

    package init(pool: PoolName, settings: ISCSIPoolSettings) {
        shell = StorageShell(destination: settings.control, key: settings.controlKey)
        let socket = settings.socket.map { "export TGT_IPC_SOCKET=\(StorageShell.quoted($0))\n" } ?? ""
        self.settings =
            socket + "pool=\(StorageShell.quoted(pool.text)) prefix=\(StorageShell.quoted(settings.targetPrefix))"
            + " dir=\(StorageShell.quoted(settings.directory))\n"
    }

    package func turn(on disk: String) -> any ISCSITargetDriver {
        var driver = self
        driver.turn = (disk, UUID().uuidString)
        return driver
    }

    package func luns(startingWith prefix: String) async throws -> [ISCSILUN] {
        var found: [String: ISCSILUN] = [:]
        for line in try await run(TgtScripts.takeTurn + TgtScripts.list, name: prefix).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4 else { throw ISCSIDriverError("the storage server answered '\(line)'") }
            var lun = found[words[1]] ?? ISCSILUN(name: words[1], size: nil, initiator: nil, offer: nil)
            if words[0] == "file" {
                lun.size = Int64(words[2])
                lun.initiator = words[3] == "-" ? nil : words[3]
            } else {
                // tgtd's own serials are those of offers that somebody died over.
                lun.offer = ISCSIOffer(
                    serial: words[2] == "-" || words[2].hasPrefix("beaf") ? "" : words[2],
                    initiators: words[3] == "-" ? [] : words[3].split(separator: ",").map(String.init))
            }
            found[words[1]] = lun
        }
        return found.values.sorted { $0.name < $1.name }
    }

    package func create(_ name: String, size: Int64) async throws {
        try await change(TgtScripts.create, name: name, ["size": String(size)])
    }

    package func offer(_ name: String, as serial: String, to access: ISCSIAccess) async throws {
        try await change(
            TgtScripts.offer, name: name,
            [
                "serial": serial, "initiator": access.initiator, "user": access.user, "password": access.password,
                "remember": access.remember ? "yes" : "",
            ])
    }

    package func withdraw(_ name: String) async throws { try await change(TgtScripts.withdraw, name: name) }

    package func rename(_ name: String, to new: String) async throws {
        try await change(TgtScripts.rename, name: name, ["new": new])
    }

    package func grow(_ name: String, to size: Int64) async throws {
        try await change(TgtScripts.grow, name: name, ["size": String(size)])
    }

    package func delete(_ name: String) async throws { try await change(TgtScripts.delete, name: name) }

    package func space() async throws -> PoolSpace {
        let words = try await run(TgtScripts.space, name: "").split { $0 == " " || $0 == "\n" }.map { Int64($0) }
        guard words.count == 2, let total = words[0], let available = words[1] else {
            throw ISCSIDriverError("the storage server did not tell its space")
        }
        return PoolSpace(total: total, available: available)
    }

    package func incarnation() async throws -> String {
        try await run(TgtScripts.incarnation, name: "", after: "")
    }

    private func change(_ script: String, name: String, _ values: [String: String] = [:]) async throws {
        _ = try await run(TgtScripts.inTurn + script, name: name, values)
    }

    private func run(
        _ script: String, name: String, _ values: [String: String] = [:], after prelude: String = TgtScripts.prelude
    ) async throws -> String {
        // A function, so that a script that arrives by half does nothing, and what it runs does not read the rest of it.
        let standing = ["name": name, "disk": turn?.disk ?? "", "turn": turn?.number ?? ""]
        let variables = values.merging(standing) { $1 }.map { "\($0.key)=\(StorageShell.quoted($0.value))\n" }
        do {
            return try await shell.run("main() {\n\(variables.joined())\(settings)\(prelude)\n\(script)\n}\nmain </dev/null\n")
        } catch let error as CommandError {
            throw ISCSIDriverError(
                error.errorTail.isEmpty ? error.reason : error.errorTail, isRefusal: error.exitCode == TgtScripts.refusal,
                isFull: error.errorTail.contains("No space left on device"))
        }
    }
}
