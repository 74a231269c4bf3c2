extension Workflow {
    /// Another plan on the same host, with the guest off meanwhile, unless it can grow while it runs (`grow-server`). All goes back if the guest does not answer, but for a disk that has grown.
    package static func resizeServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "resize-server", version: 2,
            steps: [
                AnyStep(ReserveGrowth()), AnyStep(LookAtGuest()), AnyStep(ShutDownGuest(patience: settings.patience)),
                AnyStep(GrowVolume()), AnyStep(ChangeSize()), AnyStep(StartAgain()), AnyStep(AwaitResize()),
            ],
            pivot: AwaitResize.name, deadline: settings.deadline,
            choice: { job, host in try await canGrow(job, host) ? "grow-server" : nil })
    }
}
