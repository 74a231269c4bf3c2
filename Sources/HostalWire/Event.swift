package import FoundationEssentials

/// Something that happened to the account, once.
package struct Event: Codable, Hashable, Sendable {
    /// Grows; what `after` takes.
    package var id: Int64
    /// For instance `server.running` or `order.failed`.
    package var type: String
    @Nullable package var serverId: Int64?
    @Nullable package var actionId: Int64?
    package var created: Date

    package init(
        id: Int64, type: String, serverId: Int64? = nil, actionId: Int64? = nil, created: Date
    ) {
        self.id = id
        self.type = type
        self.serverId = serverId
        self.actionId = actionId
        self.created = created
    }
}
