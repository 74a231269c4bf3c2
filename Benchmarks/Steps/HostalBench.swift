import ArgumentParser
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalTestKit

@main
struct HostalBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostal-bench", abstract: "Parts of Hostal by themselves, against a clock.",
        subcommands: [StepBench.self, CloneBench.self], defaultSubcommand: StepBench.self)
}

/// Times the engine alone: runs every due job of a host with a workflow whose steps do nothing, over PostgreSQL and with the real fence.
struct StepBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps", abstract: "Prints how many no-op steps ran and the seconds that they took.")

    /// Name of the workflow that the jobs in the database carry.
    static let workflow: WorkflowName = "no-op"

    @Option(help: "A libpq connection string; without it the PG* environment variables count.") var database = ""
    @Option(help: "The number of the host whose jobs run.") var host: Int64
    @Option(help: "Connections, and jobs that run at the same time.") var connections: Int
    @Option(help: "Steps of each job.") var steps: Int
    @Option(help: "An empty directory for fences.") var fences: String
    @Flag(help: "Run the jobs on the thread that talks to PostgreSQL.") var onDatabaseThread = false

    func run() async throws {
        let database = Database(
            DatabaseSettings(connection: database, applicationName: "hostal-bench", maximumConnections: connections))
        var settings = EngineSettings()
        // Nothing renews leases here: this one outlasts any run.
        settings.lease = .seconds(3_600)
        let journal = JobStore(database: database, host: HostID(host), owner: "hostal-bench", settings: settings)
        let runner = JobRunner(
            host: FakeHost().host, journal: journal, fence: try FenceDirectory(path: fences), settings: settings,
            workflows: [noOps()])
        let jobs = try await journal.claim(limit: 100_000)
        let executor = onDatabaseThread ? database.executor : nil
        let started = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, job) in jobs.enumerated() {
                if index >= connections { try await group.next() }
                group.addTask(executorPreference: executor) { try await runner.run(job) }
            }
            try await group.waitForAll()
        }
        print(jobs.count * steps, (ContinuousClock.now - started) / .seconds(1))
        await database.close()
    }

    private func noOps() -> Workflow {
        let steps = (0..<steps).map { index in
            AnyStep(
                name: StepName("no-op-\(index)"), title: "doing nothing", intent: { _ in [:] },
                run: { _, _ in .done(JSONText(text: "{}")) }, undo: { _, _ in })
        }
        return Workflow(name: Self.workflow, version: 1, steps: steps, pivot: nil, deadline: .seconds(3_600))
    }
}
