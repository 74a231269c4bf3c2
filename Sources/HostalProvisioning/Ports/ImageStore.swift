package import HostalModel

package enum ImageFetch: Sendable, Equatable {
    case ready(StoredImage)
    /// Another job on this host is fetching the same digest, or as many images as a host fetches at once are under way: ask again later.
    case inProgress
}

/// Base images on one host, named by their digest.
package protocol ImageStore: Sendable {
    /// Brings the image to this host. At most one fetch for each digest runs on a host at any time, over all processes. What is ready has
    /// its digest checked and its header inspected: qcow2 or raw, without backing or data file; anything else is a permanent
    /// `imageUnavailable`. An interrupted fetch leaves a partial file that the next one resumes or replaces.
    func fetch(_ image: Image, report: @escaping CopyReport) async throws -> ImageFetch

    /// Digests of the images that this host has a copy of, or what is left of one.
    func held() async throws -> Set<Digest>

    /// Removes this host's copy. Absent is success; one that is being fetched is a temporary failure. Callers make sure that no disk needs it.
    func forget(_ digest: Digest) async throws
}

extension ImageStore {
    package func fetch(_ image: Image) async throws -> ImageFetch { try await fetch(image, report: { _ in }) }
}
