extension Workflow {
    /// A new system on a new disk. The old disk is not touched: it comes back if the new guest does not answer, and is kept if it does.
    package static func reinstallServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "reinstall-server", version: 2,
            steps: [
                AnyStep(ReserveDisk()), AnyStep(FetchImage()), AnyStep(CloneVolume()), AnyStep(WriteSeed()),
                AnyStep(LookAtGuest()),
                AnyStep(ShutDownGuest(patience: settings.patience)), AnyStep(SwitchDisk()), AnyStep(StartGuest()),
                AnyStep(AwaitReinstall()), AnyStep(RestorePower(patience: settings.patience)),
            ],
            pivot: AwaitReinstall.name, deadline: settings.deadline)
    }
}
