import HostalModel
import HostalProvisioning
import HostalTestKit
import Synchronization
import Testing

@Suite struct WorkerTests {
    /// A worker that slept, or whose database was slow, between the question and the answer: it cannot know how much of the lease is left.
    @Test func aClaimWhoseAnswerTookLongIsGivenBackAndTakenAgain() async throws {
        let server = try Samples.server()
        let epochs = Mutex<[Int64]>([])
        let step = AnyStep(
            name: "note", title: "noting", intent: { _ in [:] },
            run: { job, _ in
                epochs.withLock { $0.append(job.lease.epoch) }
                return .done(try JSONText(encoding: Nothing()), records: [])
            }, undo: { _, _ in })
        let workflow = Workflow(name: "one-step", version: 1, steps: [step], pivot: nil, deadline: .seconds(60))
        var settings = EngineSettings()
        settings.lease = .seconds(1)
        settings.poll = .milliseconds(10)
        let journal = MemoryJournal(server: server, workflow: workflow.name, firstAnswerTakes: settings.lease * 8 / 10)
        let worker = Worker(
            journal: journal, heartbeat: journal,
            runner: JobRunner(
                host: FakeHost().host, journal: journal, fence: OpenFence(), settings: settings, workflows: [workflow]),
            settings: settings, report: { Issue.record("\($0)") })
        let running = Task { await worker.run(hints: AsyncStream { $0.finish() }) }
        try await waitUntil("the job is over", within: .seconds(20)) {
            // What would end the process.
            #expect(worker.overdue == nil)
            return journal.now.ended != nil
        }
        running.cancel()
        await running.value
        #expect(journal.now.ended == "succeeded")
        #expect(epochs.withLock { $0 } == [1_002])
    }
}
