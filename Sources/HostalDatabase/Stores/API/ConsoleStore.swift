package import HostalModel
package import HostalProvisioning

/// Where a server's serial line is, and who has opened it.
package struct ConsoleStore: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    package struct Place: Sendable {
        package var guest: GuestID
        /// Nil before the server is on a host.
        package var host: ConsoleHost?
    }

    /// Nil when the account has no such server.
    package func place(of server: Int64, of account: Int64) async throws -> Place? {
        try await database.query(
            """
            select s.guest, h.name, h.libvirt_uri from hostal.servers s left join hostal.hosts h on h.id = s.host_id
             where s.id = \(server) and s.account_id = \(account) and s.state <> 'deleted'
            """
        ).first.map { row in
            let name: String? = try row.get(1)
            let uri: String? = try row.get(2)
            return Place(guest: try row.get(0), host: name.map { ConsoleHost(name: $0, libvirtURI: uri) })
        }
    }

    /// The event that says so to the account, and by which token to operators.
    package func recordOpening(_ session: Int64, of server: Int64, account: Int64, token: Int64) async throws {
        _ = try await database.query(
            """
            insert into hostal.events (dedupe_key, kind, account_id, server_id, data)
            values ('console/' || \(session), 'console_opened', \(account), \(server), jsonb_build_object('token', \(token)))
            """)
    }

    /// Whether the token may still write and the server is still the account's.
    package func isAllowed(token: Int64, account: Int64, server: Int64) async throws -> Bool {
        try await !database.query(
            """
            select from hostal.tokens t join hostal.servers s on s.account_id = t.account_id
             where t.id = \(token) and t.account_id = \(account) and t.access = 'read_write' and t.revoked_at is null
               and (t.expires_at is null or t.expires_at > now()) and s.id = \(server) and s.state <> 'deleted'
            """
        ).isEmpty
    }
}
