package import HostalModel

/// Which images somebody needs, on whatever host. Nothing is removed without its word.
package protocol ImageLedger: Sendable {
    /// Digests of known images that nothing needs any more: no new order may name one, no order that is not over uses one, and no disk is
    /// recorded as built on one, kept ones included.
    func unneeded() async throws -> [Digest]

    /// Runs `removal` and returns true; or false, at once, for an image that something needs. Until this returns nothing can come to need it: an
    /// order and an import that would wait. A removal that takes too long is cancelled, waited for, and a temporary failure.
    func remove(_ digest: Digest, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool

    /// Accounts' images that were deleted, that no order uses which is not over, and whose file this host is to remove from the library; the
    /// first to be deleted first, at most `most`.
    func deletedFiles(on host: HostID, most: Int) async throws -> [ImageID]

    /// As `remove` does, for the file of an account's image; what was removed is never asked for again.
    func removeFile(of image: ImageID, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool
}
