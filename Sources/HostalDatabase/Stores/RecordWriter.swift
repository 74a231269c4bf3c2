import HostalModel
import HostalProvisioning

/// Writes a step's records in the transaction that marks it done. Each may be written twice: the second changes nothing.
struct RecordWriter {
    let transaction: Transaction
    let job: JobID
    let server: ServerID

    func write(_ record: Record) async throws {
        switch record {
        case .placed(let host):
            _ = try await transaction.query("update hostal.jobs set host_id = \(host) where id = \(job)")
            _ = try await transaction.query("update hostal.servers set host_id = \(host) where id = \(server)")
        case .running(let report):
            _ = try await transaction.query(
                """
                update hostal.servers
                   set state = case state when 'creating' then 'running' else state end, host_keys = \(report.hostKeys),
                       boot_id = \(report.bootID), cloud_init = \(report.status)
                 where id = \(server)
                """)
            try await event("server.running", data: ["cloud_init": .text(report.status), "errors": .list(report.errors)])
        case .deleted:
            _ = try await transaction.query(
                "update hostal.servers set state = 'deleted', deleted_at = now(), host_id = null where id = \(server)")
            _ = try await transaction.query("delete from hostal.server_user_data where server_id = \(server)")
            try await event("server.deleted", data: [:])
        }
    }

    private enum Value: Encodable {
        case text(String), list([String])
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .list(let list): try container.encode(list)
            }
        }
    }

    private func event(_ kind: String, data: [String: Value]) async throws {
        _ = try await transaction.query(
            """
            insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
            select \(kind) || ':' || o.id, \(kind), o.account_id, o.server_id, o.id, \(try JSONText(encoding: data))
              from hostal.jobs j join hostal.orders o on o.id = j.order_id where j.id = \(job)
            on conflict (dedupe_key) do nothing
            """)
    }
}
