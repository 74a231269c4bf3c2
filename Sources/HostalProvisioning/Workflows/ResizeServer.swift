extension Workflow {
    /// Another plan on the same host, with the guest off meanwhile. All goes back if the guest does not answer, but for a disk that has grown.
    package static func resizeServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "resize-server", version: 1,
            steps: [
                AnyStep(ReserveGrowth()), AnyStep(LookAtGuest()), AnyStep(ShutDownGuest(patience: settings.patience)),
                AnyStep(GrowVolume()), AnyStep(ChangeSize()), AnyStep(StartAgain()), AnyStep(AwaitResize()),
            ],
            pivot: AwaitResize.name, deadline: settings.deadline)
    }
}
