import FoundationEssentials
import HostalDatabase
import HostalProvisioning

/// An order in words: a headline, a line for each step, and how it stands. A value from what was read; nothing here touches anything.
struct OrderView {
    let order: OrderSummary

    var headline: String {
        let server = order.server.map { " server \($0)" } ?? ""
        let name = order.serverName.map { " '\($0)'" } ?? ""
        return "order \(order.id) (\(order.source) \(order.reference)): \(order.kind)\(server)\(name)"
    }

    /// One line for each step that has begun.
    var steps: [String] {
        let width = Workflow.titles.values.map(\.count).max() ?? 0
        return order.steps.map { step in
            let title = (Workflow.titles[step.name] ?? step.name).padding(to: width)
            let seconds = (step.finishedAt ?? order.readAt).timeIntervalSince(step.startedAt)
            let line = "  \(mark(step.state)) \(title)  \(Self.seconds(seconds).leftPadding(to: 8))"
            if step.state == "intended", let reason = order.waitingFor { return "\(line)  waiting for \(reason)" }
            if let error = step.error, step.state != "done" { return "\(line)  \(error)" }
            return line
        }
    }

    var outcome: String {
        switch order.state {
        case "succeeded":
            let addresses = order.addresses.isEmpty ? "" : ": \(order.addresses.joined(separator: ", "))"
            return "done in \(total)\(addresses)"
        case "failed": return "failed after \(total), everything undone: \(order.errorMessage ?? "") (\(order.errorCode ?? ""))"
        case "stuck": return "stuck, an operator must look: \(order.errorMessage ?? ""): \(order.errorDetail ?? "")"
        default:
            if order.direction == "unwinding" { return "undoing: \(order.errorMessage ?? "")" }
            return "\(order.progress) %\(order.waitingFor.map { ", waiting for \($0)" } ?? "")"
        }
    }

    private var total: String { Self.seconds((order.finishedAt ?? order.readAt).timeIntervalSince(order.createdAt)) }

    private func mark(_ state: String) -> String {
        switch state {
        case "done": "✓"
        case "undone": "↺"
        case "undoing": "←"
        case "failed": "✗"
        default: "…"
        }
    }

    private static func seconds(_ value: Double) -> String {
        let hundredths = Int((max(0, value) * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    fileprivate func leftPadding(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
