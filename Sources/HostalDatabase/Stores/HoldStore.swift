package import FoundationEssentials
import HostalProvisioning

/// Why a server may not be used.
package enum HoldReason: String, Sendable, Codable, CaseIterable {
    case billing, abuse, traffic
    /// Operators' alone: no billing system lifts it.
    case `operator`
}

/// A hold as operators see it.
package struct HoldSummary: Sendable {
    package var server: Int64
    package var serverName: String
    package var account: Int64
    package var reason: String
    package var note: String
    package var since: Date
    package var placedBy: String
}

/// Holds on any account's servers. Each change is an order, so that everybody sees what becomes of it; a repeated one is a success.
/// In a transaction or by itself; two at once for one server wait for each other.
package struct HoldStore: Sendable {
    /// Of a note, in characters.
    package static let longestNote = 500

    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// Puts the server on hold and has it powered off; returns the order's number. A hold of this reason that stands keeps its note and time.
    /// Throws HO001 when there is no such server or the note is too long, HO005 when the server is deleted or being deleted.
    package func add(_ reason: HoldReason, to server: Int64, note: String, by who: String) async throws -> Int64 {
        try await place("suspend", Spec(server: server, reason: reason, note: note.isEmpty ? nil : note), who)
    }

    /// Lifts one hold, and with the last one has the server get the power back that it had. Throws as `add`.
    package func lift(_ reason: HoldReason, from server: Int64, by who: String) async throws -> Int64 {
        try await place("unsuspend", Spec(server: server, reason: reason), who)
    }

    /// Of one server, or of all; the oldest first.
    package func list(server: Int64?) async throws -> [HoldSummary] {
        try await database.query(
            """
            select h.server_id, s.name, s.account_id, h.reason, h.note, h.since, h.placed_by
              from hostal.holds h join hostal.servers s on s.id = h.server_id
             where h.server_id = \(orNull: server) or \(orNull: server)::bigint is null order by h.since, h.server_id, h.reason
            """
        ).map { row in
            HoldSummary(
                server: try row.get(0), serverName: try row.get(1), account: try row.get(2), reason: try row.get(3),
                note: try row.get(4), since: try row.get(5), placedBy: try row.get(6))
        }
    }

    private struct Spec: Encodable {
        var server: Int64
        var reason: HoldReason
        var note: String?
    }

    private func place(_ kind: String, _ spec: Spec, _ who: String) async throws -> Int64 {
        let reference = UUID().uuidString.lowercased()
        let rows = try await database.query(
            "select hostal.place_operator_hold(\(who), \(reference), \(kind), \(try JSONText(encoding: spec)))")
        guard let row = rows.first else { throw Unreadable(what: "the order that was placed") }
        return try row.get(0)
    }
}
