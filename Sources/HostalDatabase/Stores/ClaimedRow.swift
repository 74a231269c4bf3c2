import HostalModel
import HostalProvisioning

/// One claimed job as the claim's statement returns it.
enum ClaimedRow {
    static let job = 0
    static let epoch = 1

    /// In the order that `decode` reads them. `j` is the job, `s` its server, `i` the job's image, or else the server's.
    static let columns = """
        j.id, j.lease_epoch, j.order_id, j.workflow, j.step_names, j.direction, j.host_id, j.attempt,
        coalesce(j.deadline_at < now(), false), j.cancel_requested, j.waiting_for,
        s.id, s.guest, s.name, s.plan, s.mac::text, s.ssh_keys, coalesce(j.generation, s.generation),
        (select u.content from hostal.server_user_data u where u.server_id = s.id),
        i.id, i.name, i.digest, i.format, i.virtual_size, i.location,
        (select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'state', t.state, 'output', t.output::text, 'age',
                                   extract(epoch from clock_timestamp() - coalesce(t.undo_started_at, t.started_at))::float8) order by t.seq), '[]')
           from hostal.job_steps t where t.job_id = j.id),
        coalesce(j.plan, s.plan), j.options,
        (select v.disk from hostal.volumes v where v.server_id = s.id and v.state = 'active'),
        (select v.disk from hostal.volumes v where v.server_id = s.id and v.generation = coalesce(j.generation, s.generation)),
        s.last_generation, s.boot_id,
        (select k.user_data from hostal.order_secrets k where k.order_id = j.order_id),
        (select k.password_hash from hostal.order_secrets k where k.order_id = j.order_id),
        (select p.name from hostal.allocations a join hostal.pools p on p.id = a.pool_id where a.server_id = s.id and a.role = 'home'),
        s.resume_power and not exists (select from hostal.holds h where h.server_id = s.id),
        s.state = 'deleted',
        (select m.id from hostal.images m where m.order_id = j.order_id)
        """

    private struct Step: Decodable {
        var name: StepName
        var state: String
        var output: JSONText?
        /// Seconds since its intent.
        var age: Double
    }

    static func decode(_ row: Row) throws -> ClaimedJob {
        let steps = try row.get(25, as: JSONText.self).decode([Step].self)
        let records = try steps.map { step in
            guard let state = StepRecord.State(rawValue: step.state) else { throw Unreadable(what: "step \(step.name)") }
            return StepRecord(name: step.name, state: state)
        }
        guard let direction = JobState.Direction(rawValue: try row.get(5)) else {
            throw Unreadable(what: "the direction of job \(try row.get(job, as: Int64.self))")
        }
        let claimed = Job(
            lease: Lease(job: try row.get(job), epoch: try row.get(epoch)), order: try row.get(2), server: try server(row),
            generation: try row.get(17), plan: try row.get(26, as: JSONText.self).decode(Plan.self),
            options: try row.get(27, as: JSONText.self).decode(JobOptions.self),
            secrets: JobSecrets(userData: try row.get(32), passwordHash: try row.get(33)), active: try disk(row, 28),
            disk: try disk(row, 29), pool: try row.get(34, as: String?.self).map { PoolName($0) },
            imageMade: try row.get(37), lastGeneration: try row.get(30), bootID: try row.get(31),
            resumesPower: try row.get(35), isDeleted: try row.get(36),
            outputs: Dictionary(uniqueKeysWithValues: steps.compactMap { step in step.output.map { (step.name, $0) } }),
            ages: Dictionary(uniqueKeysWithValues: steps.map { ($0.name, .seconds($0.age)) }))
        return ClaimedJob(
            job: claimed, workflow: WorkflowName(try row.get(3)),
            stepNames: try row.get(4, as: [String].self).map { StepName($0) },
            records: records, direction: direction, host: try row.get(6), attempt: try row.get(7), deadlinePassed: try row.get(8),
            cancelRequested: try row.get(9), waitingFor: try row.get(10))
    }

    private static func server(_ row: Row) throws -> ServerSpec {
        guard let mac = MACAddress(try row.get(15)), let digest = Digest(hex: try row.get(21)),
            let format = DiskFormat(rawValue: try row.get(22))
        else {
            throw Unreadable(what: "server \(try row.get(11, as: Int64.self))")
        }
        let image = Image(
            id: try row.get(19), name: try row.get(20), digest: digest, format: format, virtualSize: try row.get(23),
            location: try row.get(24))
        return ServerSpec(
            id: try row.get(11), guest: try row.get(12), name: try row.get(13),
            plan: try row.get(14, as: JSONText.self).decode(Plan.self),
            image: image, mac: mac, sshKeys: try row.get(16), userData: try row.get(18))
    }

    private static func disk(_ row: Row, _ column: Int) throws -> ServerDisk? {
        try row.get(column, as: JSONText?.self).map { try $0.decode(ServerDisk.self) }
    }
}

/// A row that this release cannot read: its job is made stuck, and keeps no other from running.
struct Unreadable: Error, CustomStringConvertible {
    var what: String
    var description: String { "cannot read \(what) from the database" }
}
