extension Workflow {
    /// Forward only. What the server holds in the ledgers is released last, when the host has been read again and is clean: an address
    /// that some forgotten tap still answers for must not reach another customer.
    package static func deleteServer(deadline: Duration = .seconds(1_800), keepDisksFor: Duration = .zero) -> Workflow {
        Workflow(
            name: "delete-server", version: 1,
            steps: [
                AnyStep(StopGuest()), AnyStep(UndefineGuest()), AnyStep(DetachNetwork()),
                AnyStep(RemoveVolume(keepFor: keepDisksFor)),
                AnyStep(RemoveSeed()), AnyStep(VerifyAbsent()), AnyStep(ReleaseServer()),
            ],
            pivot: nil, deadline: deadline)
    }
}
