extension Workflow {
    /// Back to the disk that a reinstall has put aside; the reinstalled one is kept in its turn. A disk from before a resize is grown first.
    package static func undoReinstall(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "undo-reinstall", version: 2,
            steps: [
                AnyStep(ReserveGrowth()), AnyStep(LookAtGuest()), AnyStep(ShutDownGuest(patience: settings.patience)),
                AnyStep(GrowVolume()), AnyStep(SwitchDisk()), AnyStep(StartGuest()), AnyStep(AwaitKeptGuest()),
                AnyStep(RestorePower(patience: settings.patience)),
            ],
            pivot: AwaitKeptGuest.name, deadline: settings.deadline)
    }
}
