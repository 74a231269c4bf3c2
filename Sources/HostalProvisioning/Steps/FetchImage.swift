package import HostalModel

/// Brings the image to the host, once for all servers that use it. Undo leaves it: it is the host's, not the server's.
package struct FetchImage: Step {
    package static let name: StepName = "fetch-image"
    package static let title = "fetching the image"
    package static let lateCode = Failure.Code.imageUnavailable
    static let pause = Duration.seconds(2)

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["digest": job.server.image.digest.hex] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<StoredImage> {
        switch try await host.images.fetch(job.server.image, report: job.report) {
        case .ready(let image): .done(image)
        case .inProgress: .waiting(for: "image '\(job.server.image.name)' to arrive", checkAgainIn: Self.pause)
        }
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
