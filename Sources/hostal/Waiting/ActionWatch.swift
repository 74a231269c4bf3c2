import Glibc
import HostalClient

/// Follows an action until it is over, with its steps on standard error: on a terminal the running one is redrawn in place, elsewhere each
/// step is a line once it is settled.
struct ActionWatch {
    let client: APIClient
    let limit: Duration
    var isSilent = false

    /// Between two looks; they grow to the longest, so that an hour's waiting stays below what an API allows in an hour.
    private static let firstPause = Duration.milliseconds(150)
    private static let longestPause = Duration.seconds(2)
    private static let redrawPause = Duration.milliseconds(100)

    /// Returns the action as it ended. Throws a `CommandError`: 8 or 9 when it failed, 10 when the time was up.
    func follow(_ action: JSON, task: String) throws -> JSON {
        let start = ContinuousClock.now
        var action = action
        var shown: [String: String] = [:]
        var reason: String?
        var pause = Self.firstPause
        Interruption.names(action: action["id"].int ?? 0)
        defer { Interruption.ends() }
        while true {
            let progress = ActionProgress(action)
            show(progress, shown: &shown, reason: &reason)
            switch progress.status {
            case .succeeded: return action
            case .failed(let code, let message, let needsAttention):
                throw failure(task, progress, code: code, message: message, needsAttention: needsAttention)
            case .running: break
            }
            guard ContinuousClock.now - start < limit else {
                Terminal.redraw("")
                throw CommandError(
                    .stillRunning, "cannot \(task) in \(Self.words(limit)): it is still being done, \(progress.percent) %",
                    details: (progress.waitingFor.map { ["waiting for \($0)"] } ?? [])
                        + ["hostal action watch \(progress.id) goes on looking"])
            }
            rest(for: min(pause, limit), progress, since: start)
            pause = min(Self.longestPause, pause * 3 / 2)
            action = try doing("follow action \(progress.id)") { try client.one(.action, progress.id) }
        }
    }

    private func failure(_ task: String, _ progress: ActionProgress, code: String, message: String, needsAttention: Bool)
        -> CommandError
    {
        let message = message.hasPrefix("cannot ") ? message : "cannot \(task): \(message)"
        return CommandError(
            needsAttention ? .needsAttention : .rolledBack, message.printable,
            details: [
                needsAttention
                    ? "not everything could be undone: your provider must look at action \(progress.id)"
                    : "everything was undone",
                "code \(code), action \(progress.id)".printable,
            ])
    }

    private func show(_ progress: ActionProgress, shown: inout [String: String], reason: inout String?) {
        guard !isSilent else { return }
        let width = progress.steps.map(\.title.count).max() ?? 0
        for step in progress.steps
        where !["pending", "running", "undoing"].contains(step.state) && shown[step.title] != step.state {
            shown[step.title] = step.state
            Terminal.redraw("")
            Terminal.note("  " + StepLine(step, width: width).text)
        }
        if !Terminal.isLive, progress.waitingFor != reason {
            reason = progress.waitingFor
            if let reason { Terminal.note("  waiting for \(reason.printable)") }
        }
    }

    private func rest(for pause: Duration, _ progress: ActionProgress, since start: ContinuousClock.Instant) {
        guard Terminal.isLive, !isSilent else { return HostalClient.pause(for: pause) }
        let end = ContinuousClock.now + pause
        while ContinuousClock.now < end {
            let elapsed = (ContinuousClock.now - start).components.seconds
            let doing = progress.current?.title ?? progress.steps.first { $0.state == "pending" }?.title ?? "waiting to begin"
            let line = "  … \(doing)  \(progress.percent) %  \(StepLine.duration(elapsed))"
            Terminal.redraw((line + (progress.waitingFor.map { "  waiting for \($0)" } ?? "")).printable)
            HostalClient.pause(for: min(Self.redrawPause, end - .now))
        }
        Terminal.redraw("")
    }

    static func words(_ duration: Duration) -> String { StepLine.duration(duration.components.seconds) }
}
