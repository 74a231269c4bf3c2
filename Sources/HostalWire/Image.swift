package import FoundationEssentials

/// A system that servers can be installed with.
package struct Image: Codable, Hashable, Sendable {
    package var id: Int64
    /// `system`: the provider's, for everybody. `snapshot`: made of a server of the account's, for the account alone.
    package var type: String
    /// `creating`, `available`, or `unavailable`: an operator must look at the action that makes it.
    package var status: String
    /// Null for snapshots: they are told by their number.
    @Nullable package var name: String?
    package var description: String
    /// GB of its file; null: not recorded, or not known yet.
    @Nullable package var imageSize: Double?
    /// GB that a server's disk needs at least; the server's disk while it is being made.
    package var diskSize: Double
    package var created: Date
    @Nullable package var createdFrom: ImageOrigin?
    /// Whether its server was off, or held its writes back, at that moment; else its system finds a disk as after a power cut. Null: not known yet,
    /// or the provider's.
    @Nullable package var consistent: Bool?
    @Nullable package var boundTo: Int64?
    /// The name's first part, or `unknown`, as for all snapshots.
    package var osFlavor: String
    @Nullable package var osVersion: String?
    package var rapidDeploy: Bool
    package var protection: DeleteProtection
    @Nullable package var deprecated: Date?
    /// Only seen at servers, which keep an image that they were made of.
    @Nullable package var deleted: Date?
    package var labels: [String: String]
    package var architecture: String

    package init(
        id: Int64, type: String = "system", status: String = "available", name: String? = nil, description: String,
        imageSize: Double? = nil, diskSize: Double, created: Date, createdFrom: ImageOrigin? = nil,
        consistent: Bool? = nil, boundTo: Int64? = nil,
        osFlavor: String, osVersion: String? = nil, rapidDeploy: Bool = false,
        protection: DeleteProtection = DeleteProtection(delete: false), deprecated: Date? = nil, deleted: Date? = nil,
        labels: [String: String] = [:], architecture: String = "x86"
    ) {
        self.id = id
        self.type = type
        self.status = status
        self.name = name
        self.description = description
        self.imageSize = imageSize
        self.diskSize = diskSize
        self.created = created
        self.createdFrom = createdFrom
        self.consistent = consistent
        self.boundTo = boundTo
        self.osFlavor = osFlavor
        self.osVersion = osVersion
        self.rapidDeploy = rapidDeploy
        self.protection = protection
        self.deprecated = deprecated
        self.deleted = deleted
        self.labels = labels
        self.architecture = architecture
    }
}

/// The server that an image was made of.
package struct ImageOrigin: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String

    package init(
        id: Int64, name: String
    ) {
        self.id = id
        self.name = name
    }
}

/// Whether something can be deleted.
package struct DeleteProtection: Codable, Hashable, Sendable {
    package var delete: Bool

    package init(
        delete: Bool
    ) {
        self.delete = delete
    }
}
