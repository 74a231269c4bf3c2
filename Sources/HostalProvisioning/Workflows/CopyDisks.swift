extension Workflow {
    /// An image of the account's own, made of a disk while its server goes on. Nobody can use it before it is whole.
    package static func captureImage(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "capture-image", version: 1, steps: [AnyStep(CopyDisk()), AnyStep(ThawGuest()), AnyStep(StoreImage())],
            pivot: StoreImage.name, deadline: settings.copyDeadline)
    }

    /// A disk that needs its image no more. Gives way to every other order of its server.
    package static func flattenDisk(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "flatten-disk", version: 1,
            steps: [AnyStep(FlattenDisk(mebibytesPerSecond: settings.flattenSpeed)), AnyStep(DefineFlat())],
            pivot: DefineFlat.name,
            deadline: settings.copyDeadline)
    }
}
