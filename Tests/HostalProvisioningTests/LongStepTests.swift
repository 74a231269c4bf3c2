import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// What happens while a step is under way for long.
@Suite struct LongStepTests {
    private static func step(
        _ name: StepName, undone: Counter? = nil, lateCode: Failure.Code = .timeout,
        _ run: @escaping @Sendable (Job) async throws -> StepProgress<JSONText>
    ) -> AnyStep {
        AnyStep(
            name: name, title: "doing \(name)", lateCode: lateCode, intent: { _ in [:] }, run: { job, _ in try await run(job) },
            undo: { _, _ in undone?.add() })
    }

    private static var done: StepProgress<JSONText> {
        get throws { .done(try JSONText(encoding: Nothing()), records: []) }
    }

    private static func journal(waits: Int = .max) throws -> MemoryJournal {
        MemoryJournal(server: try Samples.server(), workflow: "long", waits: waits)
    }

    /// Claims and runs until the job is over, at most ten times.
    private static func run(
        _ steps: [AnyStep], pivot: StepName? = nil, on journal: MemoryJournal, attendPause: Duration = .milliseconds(10)
    ) async throws -> MemoryJournal.Kept {
        var settings = EngineSettings()
        settings.attendPause = attendPause
        let workflow = Workflow(name: "long", version: 1, steps: steps, pivot: pivot, deadline: .seconds(60))
        let runner = JobRunner(
            host: FakeHost().host, journal: journal, fence: OpenFence(), settings: settings, workflows: [workflow])
        for _ in 0..<10 {
            guard let claimed = try await journal.claim(limit: 1).first else { break }
            try await runner.run(claimed)
        }
        return journal.now
    }

    @Test(.timeLimit(.minutes(1))) func aStepWhoseOrderIsCancelledIsStoppedAndUndone() async throws {
        let journal = try Self.journal()
        let undone = Counter()
        let first = Self.step("first", undone: undone) { _ in try Self.done }
        let long = Self.step("long", undone: undone) { _ in
            journal.cancel()
            try await Task.sleep(for: .seconds(3_600))
            return try Self.done
        }
        let pivot = Self.step("pivot") { _ in try Self.done }
        let end = try await Self.run([first, long, pivot], pivot: "pivot", on: journal)
        #expect(end.ended == "failed")
        #expect(end.failure?.code == .cancelled && end.failure?.message == "cancelled on request", "\(end)")
        #expect(end.records.map(\.state) == [.undone, .undone])
        #expect(undone.count == 2)
    }

    /// A step that does not hear it is done with what it was doing first; the way back begins then, unless there is none any more.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true]) func aStepThatEndsAllTheSameIsUndoneUnlessItIsThePivot(isPivot: Bool)
        async throws
    {
        let journal = try Self.journal()
        let undone = Counter()
        let deaf = Self.step("deaf", undone: undone) { _ in
            journal.cancel()
            do { try await Task.sleep(for: .seconds(3_600)) } catch is CancellationError { return try Self.done }
            return try Self.done
        }
        let last = Self.step("last") { _ in try Self.done }
        let end = try await Self.run([deaf, last], pivot: isPivot ? "deaf" : "last", on: journal)
        #expect(end.ended == (isPivot ? "succeeded" : "failed"))
        #expect(undone.count == (isPivot ? 0 : 1))
    }

    @Test(.timeLimit(.minutes(1))) func aStepBehindThePivotIsLeftAlone() async throws {
        let journal = try Self.journal()
        let pivot = Self.step("pivot") { _ in try Self.done }
        let last = Self.step("last") { job in
            journal.cancel()
            for note in ["a", "b"] {
                job.report(note)
                // Once this is written down, the step has been attended to; the second time it would have been stopped.
                try await waitUntil("it is attended to") { journal.now.notes.last == note }
            }
            return try Self.done
        }
        #expect(try await Self.run([pivot, last], pivot: "pivot", on: journal).ended == "succeeded")
    }

    @Test(.timeLimit(.minutes(1))) func whatALongStepReportsIsWrittenDownNowAndThenAndGoneAtItsEnd() async throws {
        let journal = try Self.journal()
        let copy = Self.step("copy") { job in
            for part in 1...10_000 { job.report("the copy, part \(part)") }
            try await waitUntil("the newest is written down", within: .seconds(30)) {
                journal.now.waitingFor == "the copy, part 10000"
            }
            return try Self.done
        }
        let end = try await Self.run([copy], on: journal, attendPause: .milliseconds(200))
        #expect(end.ended == "succeeded")
        #expect(end.notes.count <= 3, "\(end.notes.count) commits for 10,000 reports")
        #expect(end.waitingFor == nil)
    }

    @Test func aDeadlineNamesWhatWasWaitedFor() async throws {
        for (code, reason) in [(Failure.Code.imageUnavailable, "image 'debian' to arrive"), (.guestDidNotAnswer, "the guest")] {
            let waiting = Self.step("wait", lateCode: code) { _ in .waiting(for: reason, checkAgainIn: .zero) }
            let end = try await Self.run([waiting], pivot: "wait", on: try Self.journal(waits: 2))
            #expect(end.ended == "failed")
            #expect(end.failure?.code == code)
            #expect(end.failure?.message == "cannot finish in time: still waiting for \(reason)")
        }
        #expect(AnyStep(FetchImage()).lateCode == .imageUnavailable)
        #expect(AnyStep(AwaitGuest()).lateCode == .guestDidNotAnswer)
        #expect(AnyStep(CloneVolume()).lateCode == .timeout)
    }

    @Test func aDeadlineOfAStepThatKeptFailingNamesTheStep() async throws {
        let journal = try Self.journal()
        let once = Once()
        let failing = Self.step("fail", lateCode: .guestDidNotAnswer) { _ in
            guard !once.first() else { return .waiting(for: "the guest", checkAgainIn: .zero) }
            journal.passDeadline()
            throw Failure(.temporary, .serviceError, "cannot: a test")
        }
        let end = try await Self.run([failing], pivot: "fail", on: journal)
        #expect(end.failure?.code == .timeout)
        #expect(end.failure?.message == "cannot finish in time: still doing fail")
    }
}
