import HostalProvisioning
import Testing

@Suite struct JobStateTests {
    private func state(_ states: [StepRecord.State], _ direction: JobState.Direction, pivot: StepName? = "c") -> JobState {
        let names: [StepName] = ["a", "b", "c"]
        return JobState(
            names: names, pivot: pivot, records: zip(names, states).map { StepRecord(name: $0, state: $1) }, direction: direction)
    }

    @Test func aFreshJobWritesItsFirstIntent() { #expect(state([], .forward).next == .intend(0)) }
    @Test func anIntentIsPerformed() { #expect(state([.done, .intended], .forward).next == .perform(1)) }
    @Test func aDoneStepLeadsToTheNext() { #expect(state([.done], .forward).next == .intend(1)) }
    @Test func allDoneSucceeds() { #expect(state([.done, .done, .done], .forward).next == .succeed) }
    @Test func unwindingStartsWithTheStepThatFailed() {
        #expect(state([.done, .failed], .unwinding).next == .beginUndo(1))
        #expect(state([.done, .intended], .unwinding).next == .beginUndo(1))
    }
    @Test func anUndoThatWasBegunIsDoneAgain() { #expect(state([.done, .undoing], .unwinding).next == .undo(1)) }
    @Test func unwindingGoesBackStepByStep() { #expect(state([.done, .undone], .unwinding).next == .beginUndo(0)) }
    @Test func allUndoneFails() { #expect(state([.undone, .undone], .unwinding).next == .fail) }
    @Test func nothingIntendedIsUndoneAtOnce() { #expect(state([], .unwinding).next == .fail) }
    @Test func afterThePivotThereIsNoWayBack() {
        #expect(state([.done, .done, .intended], .forward).canUnwind)
        #expect(!state([.done, .done, .done], .forward).canUnwind)
        #expect(!state([], .forward, pivot: nil).canUnwind)
    }

    @Test(arguments: [
        (Failure.Kind.temporary, 1, true, JobRunner.Verdict.retryLater), (.temporary, 8, true, .unwind),
        (.temporary, 8, false, .stick),
        (.permanent, 1, true, .unwind), (.permanent, 1, false, .stick), (.needsOperator, 1, true, .unwind),
    ]) func aFailureOnTheWayForward(kind: Failure.Kind, attempt: Int, canUnwind: Bool, expected: JobRunner.Verdict) {
        let failure = Failure(kind, .serviceError, "cannot")
        #expect(
            JobRunner.verdict(failure, direction: .forward, canUnwind: canUnwind, attempt: attempt, limit: 8) == expected)
    }

    @Test(arguments: [
        (Failure.Kind.temporary, JobRunner.Verdict.retryLater), (.permanent, .retryLater), (.needsOperator, .stick),
    ]) func aFailureOnTheWayBack(kind: Failure.Kind, expected: JobRunner.Verdict) {
        let failure = Failure(kind, .serviceError, "cannot")
        #expect(JobRunner.verdict(failure, direction: .unwinding, canUnwind: true, attempt: 99, limit: 8) == expected)
    }
}
