import Glibc
import HostalProvisioning

/// What tests have the worker do to itself at points of the engine. Compiled into debug builds only.
///
/// `HOSTAL_FAULTS` lists `workflow/step/moment=deed` with commas between: `kill` (SIGKILL to itself), `stop` (SIGSTOP), `fail` (the step
/// fails for good). Each deed is announced on standard error first, so that a test knows that it struck where it was meant to.
/// `HOSTAL_BLANK_UNDO` names steps whose undo does nothing: a suite that stays green with one of them proves nothing.
enum FaultInjection {
    #if FAULT_POINTS
        private enum Deed: String { case kill, stop, fail }

        static func probe() -> FaultProbe {
            var deeds: [String: Deed] = [:]
            for entry in variable("HOSTAL_FAULTS") {
                let parts = entry.split(separator: "=")
                if parts.count == 2, let deed = Deed(rawValue: String(parts[1])) { deeds[String(parts[0])] = deed }
            }
            let planned = deeds
            return { workflow, step, moment in
                let point = "\(workflow)/\(step)/\(moment.rawValue)"
                guard let deed = planned[point] else { return }
                let bytes = Array("fault \(point) \(deed.rawValue)\n".utf8)
                _ = write(STDERR_FILENO, bytes, bytes.count)
                // To this thread, not to the process: else the thread could run on past the point before another one takes the signal.
                switch deed {
                case .kill: raise(SIGKILL)
                case .stop: raise(SIGSTOP)
                case .fail: throw Failure(.permanent, .serviceError, "cannot go on: a test has said so")
                }
            }
        }

        static func blanking(_ workflow: Workflow) -> Workflow {
            let blank = Set(variable("HOSTAL_BLANK_UNDO").map { StepName($0) })
            let steps = workflow.steps.map { step in
                blank.contains(step.name)
                    ? AnyStep(
                        name: step.name, title: step.title, lateCode: step.lateCode, intent: step.intent, run: step.run,
                        undo: { _, _ in }) : step
            }
            return Workflow(
                name: workflow.name, version: workflow.version, steps: steps, pivot: workflow.pivot, deadline: workflow.deadline,
                choice: workflow.choice)
        }

        private static func variable(_ name: String) -> [String] {
            guard let value = getenv(name) else { return [] }
            return String(cString: value).split(separator: ",").map(String.init)
        }
    #else
        static func probe() -> FaultProbe { { _, _, _ in } }
        static func blanking(_ workflow: Workflow) -> Workflow { workflow }
    #endif
}
