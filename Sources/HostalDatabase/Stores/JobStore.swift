package import HostalModel
package import HostalProvisioning

/// Jobs in PostgreSQL. Every write names the lease's epoch and refuses one that has run out, so that a worker that was stopped and goes on
/// changes nothing.
///
/// Locks are taken in one order, the server's row before the job's, here and in `hostal.place_order`.
package struct JobStore: JobJournal {
    let database: Database
    let host: HostID
    let owner: String
    let settings: EngineSettings

    /// `owner` names the worker for people who read the table; it proves nothing.
    package init(database: Database, host: HostID, owner: String, settings: EngineSettings) {
        self.database = database
        self.host = host
        self.owner = owner
        self.settings = settings
    }

    /// They copy whole disks: what customers wait for in moments must never wait for hours behind them.
    private static let copying = ["capture-image", "flatten-disk"]

    package func claim(limit: Int) async throws -> [ClaimedJob] {
        let rows = try await database.query(
            """
            with due as (
                select id from hostal.jobs
                 where state = 'open' and run_at <= now() and (lease_until is null or lease_until < now())
                   and (host_id is null or host_id = \(host))
                   and (workflow <> all (\(Self.copying)) or id in (
                        select c.id from hostal.jobs c
                         where c.state = 'open' and c.host_id = \(host) and c.workflow = any (\(Self.copying)) and c.run_at <= now()
                           and (c.lease_until is null or c.lease_until < now())
                         order by c.run_at, c.id
                         limit greatest(0, \(settings.copiesAtOnce)::int - (
                               select count(*) from hostal.jobs r
                                where r.state = 'open' and r.host_id = \(host) and r.workflow = any (\(Self.copying)) and r.lease_until >= now()))))
                 order by run_at, id limit \(limit) for no key update skip locked),
            claimed as (
                update hostal.jobs j
                   set lease_owner = \(owner), lease_until = now() + \(settings.lease), lease_epoch = nextval('hostal.lease_epochs'),
                       attempt = attempt + 1,
                       run_at = now() + least(\(settings.backOff) * power(2, least(attempt, 20)), \(settings.backOffLimit))
                                        * (1 + random() / 4)
                  from due where j.id = due.id returning j.*)
            select \(unsafe: ClaimedRow.columns)
              from claimed j
              join hostal.servers s on s.id = j.server_id
              join hostal.images i on i.id = coalesce(j.image_id, s.image_id)
             order by j.id
            """)
        var claimed: [ClaimedJob] = []
        for row in rows {
            do {
                claimed.append(try ClaimedRow.decode(row))
            } catch {
                let lease = Lease(job: try row.get(ClaimedRow.job), epoch: try row.get(ClaimedRow.epoch))
                let unreadable = Failure(
                    .needsOperator, .serviceError, "cannot carry out the order: internal error", cause: error)
                try await stick(lease, step: nil, failure: unreadable)
            }
        }
        return claimed
    }

    package func renew(_ leases: [Lease]) async throws -> Set<Lease> {
        let rows = try await database.query(
            """
            update hostal.jobs j set lease_until = now() + \(settings.lease)
              from unnest(\(leases.map(\.job.value)), \(leases.map(\.epoch))) as mine(id, epoch)
             where j.id = mine.id and j.lease_epoch = mine.epoch and j.state = 'open' and j.lease_until > now()
            returning j.id, j.lease_epoch
            """)
        return Set(try rows.map { Lease(job: try $0.get(0), epoch: try $0.get(1)) })
    }

    package func begin(_ lease: Lease, workflow: Workflow) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                update hostal.jobs set workflow = \(workflow.name.text), step_names = \(workflow.steps.map(\.name.text)),
                       workflow_version = \(workflow.version), deadline_at = now() + \(workflow.deadline)
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now()
                returning order_id)
            update hostal.orders set state = 'running', started_at = now() where id = (select order_id from job) returning id
            """)
    }

    package func intend(_ lease: Lease, step: Int, name: StepName, intent: [String: String]) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                select id from hostal.jobs
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now()
                   for no key update),
            step as (
                insert into hostal.job_steps (job_id, seq, name, state, intent)
                select id, \(step), \(name.text), 'intended', \(try JSONText(encoding: intent)) from job
                on conflict (job_id, seq) do nothing)
            select id from job
            """)
    }

    package func complete(
        _ lease: Lease, step: Int, output: JSONText, records: [Record], percent: Int, next: NextIntent?
    ) async throws {
        let completion =
            if let next { try Self.completionAndIntent(lease, step, output, percent, next) } else {
                Self.completion(lease, step, output, percent)
            }
        guard !records.isEmpty else { return try await expectingOne(lease, completion) }
        try await database.transaction { transaction in
            let server = try await lockServer(transaction, lease)
            try await expectingOne(lease, completion, in: transaction)
            for record in records {
                try await RecordWriter(
                    transaction: transaction, job: lease.job, server: server, keepWindow: settings.keepWindow
                ).write(record)
            }
        }
    }

    private static func completion(_ lease: Lease, _ step: Int, _ output: JSONText, _ percent: Int) -> SQL {
        """
        with job as (
            update hostal.jobs set attempt = 1, waiting_for = null, progress = \(percent)
             where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id),
        step as (
            update hostal.job_steps set state = 'done', output = \(output), error = null, finished_at = clock_timestamp()
             where job_id = (select id from job) and seq = \(step))
        select id from job
        """
    }

    private static func completionAndIntent(
        _ lease: Lease, _ step: Int, _ output: JSONText, _ percent: Int, _ next: NextIntent
    ) throws -> SQL {
        """
        with job as (
            update hostal.jobs set attempt = 1, waiting_for = null, progress = \(percent)
             where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id),
        step as (
            update hostal.job_steps set state = 'done', output = \(output), error = null, finished_at = clock_timestamp()
             where job_id = (select id from job) and seq = \(step)),
        next as (
            insert into hostal.job_steps (job_id, seq, name, state, intent)
            select id, \(next.step), \(next.name.text), 'intended', \(try JSONText(encoding: next.intent)) from job
            on conflict (job_id, seq) do nothing)
        select id from job
        """
    }

    package func attend(_ lease: Lease, waitingFor: String?) async throws -> Bool {
        let isCancelled =
            if let waitingFor {
                try await database.query(
                    """
                    update hostal.jobs set waiting_for = \(waitingFor)
                     where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now()
                    returning cancel_requested
                    """)
            } else {
                try await database.query(
                    """
                    select cancel_requested from hostal.jobs
                     where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now()
                    """)
            }
        guard let row = isCancelled.first else { throw LeaseLost(lease) }
        return try row.get(0)
    }

    package func wait(_ lease: Lease, step: Int, reason: String, pause: Duration) async throws {
        try await expectingOne(
            lease,
            """
            update hostal.jobs
               set lease_owner = null, lease_until = null, run_at = now() + \(pause), attempt = attempt - 1, waiting_for = \(reason)
             where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id
            """)
    }

    package func retryLater(_ lease: Lease, step: Int, failure: Failure) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                update hostal.jobs set lease_owner = null, lease_until = null, waiting_for = null
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id),
            step as (
                update hostal.job_steps set error = \(try failure.json()), attempts = attempts + 1
                 where job_id = (select id from job) and seq = \(step))
            select id from job
            """)
    }

    package func unwind(_ lease: Lease, step: Int?, failure: Failure, deadline: Duration) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                update hostal.jobs
                   set direction = 'unwinding', failure = \(try failure.json()), deadline_at = now() + \(deadline), attempt = 1,
                       waiting_for = null
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id),
            step as (
                update hostal.job_steps set state = 'failed', error = \(try failure.json()), attempts = attempts + 1
                 where job_id = (select id from job) and seq = \(orNull: step))
            select id from job
            """)
    }

    package func beginUndo(_ lease: Lease, step: Int) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                select id from hostal.jobs
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now()
                   for no key update),
            step as (
                update hostal.job_steps set state = 'undoing', undo_started_at = coalesce(undo_started_at, clock_timestamp())
                 where job_id = (select id from job) and seq = \(step))
            select id from job
            """)
    }

    package func undone(_ lease: Lease, step: Int) async throws {
        try await expectingOne(
            lease,
            """
            with job as (
                update hostal.jobs set attempt = 1, waiting_for = null
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id),
            step as (
                update hostal.job_steps set state = 'undone', undone_at = clock_timestamp()
                 where job_id = (select id from job) and seq = \(step))
            select id from job
            """)
    }

    package func succeed(_ lease: Lease) async throws {
        try await end(lease, state: "succeeded", failure: nil)
    }

    package func fail(_ lease: Lease) async throws {
        try await end(lease, state: "failed", failure: nil)
    }

    package func stick(_ lease: Lease, step: Int?, failure: Failure) async throws {
        try await end(lease, state: "stuck", failure: failure)
    }

    package func handBack(_ lease: Lease) async throws {
        try await expectingOne(
            lease,
            """
            update hostal.jobs
               set lease_owner = null, lease_until = null, run_at = now(), attempt = greatest(attempt - 1, 0), waiting_for = null
             where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id
            """)
    }

    private func end(_ lease: Lease, state: String, failure: Failure?) async throws {
        let failure = try failure?.json()
        try await database.transaction { transaction in
            let server = try await lockServer(transaction, lease)
            try await expectingOne(
                lease,
                """
                update hostal.jobs
                   set state = \(state), finished_at = now(), lease_owner = null, lease_until = null, waiting_for = null,
                       failure = coalesce(\(orNull: failure), failure)
                 where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() returning id
                """, in: transaction)
            try await JobEnding(transaction: transaction, job: lease.job, server: server).write(state)
        }
    }

    private func lockServer(_ transaction: Transaction, _ lease: Lease) async throws -> ServerID {
        let rows = try await transaction.query(
            """
            select s.id from hostal.servers s where s.id = (select j.server_id from hostal.jobs j where j.id = \(lease.job)) for update
            """)
        guard let row = rows.first else { throw LeaseLost(lease) }
        return try row.get(0)
    }

    /// No row means that the lease is over or somebody else's.
    private func expectingOne(_ lease: Lease, _ sql: SQL, in transaction: Transaction? = nil) async throws {
        let rows = if let transaction { try await transaction.query(sql) } else { try await database.query(sql) }
        guard !rows.isEmpty else { throw LeaseLost(lease) }
    }
}

extension Failure {
    /// What the database keeps: `detail` is for operators only.
    func json() throws -> JSONText {
        var fields = ["kind": kind.rawValue, "code": code.rawValue, "message": message]
        fields["detail"] = detail
        return try JSONText(encoding: fields)
    }
}
