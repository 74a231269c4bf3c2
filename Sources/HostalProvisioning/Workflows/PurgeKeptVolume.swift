extension Workflow {
    /// Forward only: the end of a kept disk whose time is over.
    package static func purgeVolume(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "purge-volume", version: 1, steps: [AnyStep(PurgeVolume())], pivot: nil, deadline: settings.quickDeadline)
    }
}
