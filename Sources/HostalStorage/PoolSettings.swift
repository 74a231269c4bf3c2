import FoundationEssentials
package import HostalModel
import HostalProvisioning

/// The settings of one kind of pool, as its row's JSON. An unknown field is refused: it would be a setting that does nothing.
package protocol PoolSettings: Codable, Sendable, Equatable {
    static var fields: Set<String> { get }
    /// Throws a `PoolSettingsError` for what cannot be.
    func validate() throws
}

package struct PoolSettingsError: Error, Sendable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

extension PoolSettings {
    /// Throws a `PoolSettingsError` that names the field.
    package init(json: String) throws {
        do {
            let given = try JSONDecoder().decode([String: Unread].self, from: Data(json.utf8))
            if let unknown = given.keys.filter({ !Self.fields.contains($0) }).min() {
                throw PoolSettingsError(
                    "'\(unknown)' is not a setting of this kind of pool; settings are \(Self.fields.sorted().joined(separator: ", "))"
                )
            }
            self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
        } catch let DecodingError.keyNotFound(key, _) {
            throw PoolSettingsError("'\(key.stringValue)' is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.dataCorrupted(context)
        {
            let field = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw PoolSettingsError(field.isEmpty ? "the settings are not a JSON object" : "'\(field)' has a wrong value")
        }
        try validate()
    }

    /// The settings of this pool. Throws `needsOperator` where its row makes no sense.
    package init(of pool: Pool) throws {
        do { try self.init(json: pool.settings) } catch {
            throw Failure(
                .needsOperator, .serviceError, "cannot reach the disk pool: its settings are wrong",
                detail: "pool '\(pool.name)': \(error)")
        }
    }
}

private struct Unread: Decodable {
    init(from decoder: any Decoder) throws {}
}

/// A directory of the host.
package struct LocalPoolSettings: PoolSettings {
    /// Absolute; nil for `volumes` in the host's state directory.
    package var directory: String?
    /// Nil: as `full_copies` in the host's settings says.
    package var cloning: LocalVolumes.Cloning?
    /// Of full copies; qcow2 when nil.
    package var format: DiskFormat?

    package static let fields: Set<String> = ["directory", "cloning", "format"]

    package func validate() throws {
        try LocalVolumes.Cloning.validate(cloning, format)
        if let directory, !directory.hasPrefix("/") { throw PoolSettingsError("'directory' must be an absolute path") }
    }
}

/// Settings of whatever kind.
package enum PoolKindSettings {
    /// Throws a `PoolSettingsError` unless the pool's settings are right for its kind.
    package static func validate(_ pool: Pool) throws {
        switch pool.kind {
        case .local: _ = try LocalPoolSettings(json: pool.settings)
        case .nfs: _ = try NFSPoolSettings(json: pool.settings)
        case .iscsi: _ = try ISCSIPoolSettings(json: pool.settings)
        case .rbd: _ = try RBDPoolSettings(json: pool.settings)
        }
    }
}
