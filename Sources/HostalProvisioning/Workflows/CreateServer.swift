extension Workflow {
    /// From an order to a guest that has reported. `deadline` bounds all of it, the guest's boot included.
    package static func createServer(deadline: Duration = .seconds(1_800)) -> Workflow {
        Workflow(
            name: "create-server", version: 1,
            steps: [
                AnyStep(ReserveCapacity()), AnyStep(AssignAddresses()), AnyStep(FetchImage()), AnyStep(CloneVolume()),
                AnyStep(WriteSeed()), AnyStep(AttachNetwork()), AnyStep(DefineGuest()), AnyStep(StartGuest()),
                AnyStep(AwaitGuest()),
            ],
            pivot: AwaitGuest.name, deadline: deadline)
    }
}
