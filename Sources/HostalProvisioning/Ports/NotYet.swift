package import HostalModel

private let notYet = Failure(.permanent, .serviceError, "cannot copy the disk: not possible here")

extension VolumeStore {
    package func snapshot(_ volume: Volume, as name: SnapshotName) async throws { throw notYet }
    package func remove(_ snapshot: SnapshotName, of volume: Volume) async throws { throw notYet }
    package func export(_ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport) async throws {
        throw notYet
    }
    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume { throw notYet }
    package func removeImage(_ digest: Digest) async throws { throw notYet }
}
