/// Makes the copy of the disk an image that new orders of the account may name.
package struct StoreImage: Step {
    package static let name: StepName = "store-image"
    package static let title = "checking the image"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["image": "\(try job.imageToMake())"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<MadeImage> {
        let copy = try job.output(of: CopyDisk.self)
        let made = try await host.madeImages.seal(try job.imageToMake(), report: job.report)
        return .done(made, records: [.imageMade(made, wasQuiet: copy.wasQuiet)])
    }

    /// The file goes with the copy.
    package func undo(_ job: Job, on host: Host) async throws {}
}
