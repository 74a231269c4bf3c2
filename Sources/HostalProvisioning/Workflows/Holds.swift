extension Workflow {
    /// Forward only: a server on hold that cannot be powered off is an operator's to look at, and never simply goes on.
    package static func suspendServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "suspend-server", version: 1,
            steps: [AnyStep(LookAtGuest()), AnyStep(ShutDownGuest(patience: settings.patience)), AnyStep(SuspendGuest())],
            pivot: nil, deadline: settings.deadline)
    }

    /// Forward only: its holds are gone, so there is nothing to go back to.
    package static func resumeServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "resume-server", version: 1, steps: [AnyStep(ResumeGuest())], pivot: nil, deadline: settings.quickDeadline)
    }
}
