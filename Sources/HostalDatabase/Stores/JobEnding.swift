import HostalModel
import HostalProvisioning

/// What follows from the end of a job, in its transaction and under the server's lock: the order's state, the event, the end of the order's
/// secrets, a server that was never made, and the next job in the server's queue.
struct JobEnding {
    let transaction: Transaction
    let job: JobID
    let server: ServerID

    /// `state` is `succeeded`, `failed` or `stuck`. A stuck job keeps its server: nothing that waits behind it starts.
    func write(_ state: String) async throws {
        _ = try await transaction.query(
            """
            update hostal.orders o
               set state = \(state), finished_at = now(),
                   error = case when \(state) = 'succeeded' then null
                                else jsonb_build_object('code', j.failure -> 'code', 'message', j.failure -> 'message') end
              from hostal.jobs j where j.id = \(job) and o.id = j.order_id
            """)
        _ = try await transaction.query(
            """
            insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
            -- An order ends once, but may be stuck again after an operator has sent it on.
            select 'order.' || \(state) || ':' || o.id || case \(state) when 'stuck' then ':' || j.lease_epoch else '' end, 'order.' || \(state), o.account_id, o.server_id, o.id, coalesce(o.error, '{}')
              from hostal.jobs j join hostal.orders o on o.id = j.order_id where j.id = \(job)
            on conflict (dedupe_key) do nothing
            """)
        guard state != "stuck" else { return }
        _ = try await transaction.query(
            "delete from hostal.order_secrets where order_id = (select j.order_id from hostal.jobs j where j.id = \(job))")
        if state == "failed" { try await forgetServerNeverMade() }
        try await openNext()
    }

    private func forgetServerNeverMade() async throws {
        _ = try await transaction.query(
            """
            with gone as (
                update hostal.servers s set state = 'deleted', deleted_at = now(), host_id = null
                  from hostal.jobs j
                 where j.id = \(job) and j.workflow = 'create-server' and s.id = j.server_id and s.state <> 'deleted' returning s.id),
            holds as (delete from hostal.holds h using gone where h.server_id = gone.id)
            delete from hostal.server_user_data u using gone where u.server_id = gone.id
            """)
    }

    private func openNext() async throws {
        let opened = try await transaction.query(
            """
            update hostal.jobs n
               set state = 'open', run_at = now(),
                   host_id = coalesce((select s.host_id from hostal.servers s where s.id = n.server_id),
                                      (select j.host_id from hostal.jobs j where j.id = \(job)))
             where n.id = (select min(q.id) from hostal.jobs q where q.server_id = \(server) and q.state = 'queued')
            returning n.workflow
            """)
        guard let next = opened.first else { return }
        if try next.get(0, as: String.self) == "delete-server" {
            _ = try await transaction.query(
                "update hostal.servers set state = 'deleting' where id = \(server) and state <> 'deleted'")
        }
        _ = try await transaction.query("notify hostal_jobs")
    }
}
