import FoundationEssentials
import HostalDatabase
import HostalProvisioning
import HostalWire

extension Action {
    /// The API's name of each kind of order.
    static let commands = [
        "create": "create_server", "delete": "delete_server", "poweron": "start_server", "poweroff": "stop_server",
        "shutdown": "shutdown_server", "reboot": "reboot_server", "reset": "reset_server", "reinstall": "rebuild_server",
        "resize": "change_server_type", "undo": "undo_rebuild", "reset_password": "reset_password",
        "change_protection": "change_protection", "suspend": "suspend_server", "unsuspend": "unsuspend_server",
        "create_image": "create_image",
    ]

    init(_ record: ActionRecord) {
        let isError = record.status == "error"
        self.init(
            id: record.id, command: Self.commands[record.kind] ?? record.kind, status: record.status, progress: record.progress,
            started: record.startedAt, finished: record.finishedAt,
            resources: [
                record.server.map { ActionResource(id: $0, type: "server") },
                record.image.map { ActionResource(id: $0, type: "image") },
            ]
            .compactMap(\.self),
            error: isError
                ? ActionError(
                    code: record.errorCode ?? "service_error", message: record.errorMessage ?? "something went wrong on our side")
                : nil,
            steps: record.steps.map { step in
                ActionStep(
                    name: step.name, title: Workflow.titles[step.name] ?? step.name, state: step.state,
                    started: step.started.map { Date(timeIntervalSince1970: $0) },
                    finished: step.finished.map { Date(timeIntervalSince1970: $0) })
            },
            waitingFor: record.waitingFor, needsAttention: record.isStuck)
    }
}
