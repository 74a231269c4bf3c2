import HostalModel
import HostalProvisioning

/// One claimed job as the claim's statement returns it.
enum ClaimedRow {
    static let job = 0
    static let epoch = 1

    /// In the order that `decode` reads them. `j` is the job, `s` its server, `i` the image, `u` the user-data.
    static let columns = """
        j.id, j.lease_epoch, j.order_id, j.workflow, j.step_names, j.direction, j.host_id, j.attempt,
        coalesce(j.deadline_at < now(), false), j.cancel_requested, j.waiting_for,
        s.id, s.guest, s.name, s.plan, s.mac::text, s.ssh_keys, s.generation, u.content,
        i.id, i.name, i.digest, i.format, i.virtual_size, i.location,
        (select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'state', t.state, 'output', t.output::text) order by t.seq), '[]')
           from hostal.job_steps t where t.job_id = j.id)
        """

    private struct Step: Decodable {
        var name: StepName
        var state: String
        var output: JSONText?
    }

    static func decode(_ row: Row) throws -> ClaimedJob {
        let mac: String = try row.get(15)
        let digest: String = try row.get(21)
        let format: String = try row.get(22)
        let directionText: String = try row.get(5)
        guard let mac = MACAddress(mac), let digest = Digest(hex: digest), let format = DiskFormat(rawValue: format),
            let direction = JobState.Direction(rawValue: directionText)
        else {
            throw Unreadable(what: "server \(try row.get(11, as: Int64.self))")
        }
        let image = Image(
            id: try row.get(19), name: try row.get(20), digest: digest, format: format, virtualSize: try row.get(23),
            location: try row.get(24))
        let server = ServerSpec(
            id: try row.get(11), guest: try row.get(12), name: try row.get(13),
            plan: try row.get(14, as: JSONText.self).decode(Plan.self),
            image: image, mac: mac, sshKeys: try row.get(16), userData: try row.get(18))
        let steps = try row.get(25, as: JSONText.self).decode([Step].self)
        let records = try steps.map { step in
            guard let state = StepRecord.State(rawValue: step.state) else { throw Unreadable(what: "step \(step.name)") }
            return StepRecord(name: step.name, state: state)
        }
        let outputs = steps.compactMap { step in step.output.map { (step.name, $0) } }
        let job = Job(
            lease: Lease(job: try row.get(job), epoch: try row.get(epoch)), order: try row.get(2), server: server,
            generation: try row.get(17), outputs: Dictionary(uniqueKeysWithValues: outputs))
        return ClaimedJob(
            job: job, workflow: WorkflowName(try row.get(3)), stepNames: try row.get(4, as: [String].self).map { StepName($0) },
            records: records, direction: direction, host: try row.get(6), attempt: try row.get(7), deadlinePassed: try row.get(8),
            cancelRequested: try row.get(9), waitingFor: try row.get(10))
    }
}

/// A row that this release cannot read: its job is made stuck, and keeps no other from running.
struct Unreadable: Error, CustomStringConvertible {
    var what: String
    var description: String { "cannot read \(what) from the database" }
}
