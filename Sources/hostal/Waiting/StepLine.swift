import HostalClient

/// A step in one line: `✓ clone volume  3 s`.
struct StepLine {
    var text: String

    init(_ step: ActionProgress.Step, width: Int = 0) {
        let mark =
            switch step.state {
            case "done": "✓"
            case "failed": "✗"
            case "undoing": "←"
            case "undone": "↺"
            case "running": "…"
            default: " "
            }
        let title = step.title.printable
        let padding = String(repeating: " ", count: max(0, width - title.count))
        // The API's times are whole seconds.
        text = "\(mark) \(title)" + (step.seconds.map { "\(padding)  \($0 == 0 ? "< 1 s" : Self.duration($0))" } ?? "")
    }

    static func duration(_ seconds: Int64) -> String {
        seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
    }
}
