import HostalModel
import HostalProvisioning
import Testing

/// One promise of `VolumeStore`, and the least that a kind of pool must be for it to mean something there.
struct VolumeRule: Sendable, CustomTestStringConvertible {
    enum Check: Sendable {
        case store(@Sendable (any PoolBench) async throws -> Void)
        case bytes(@Sendable (any BytesBench) async throws -> Void)
        case foreign(@Sendable (any ForeignBench) async throws -> Void)
        case identity(@Sendable (any IdentityBench) async throws -> Void)
        case outage(@Sendable (any OutageBench) async throws -> Void)
    }
    let name: String
    private let check: Check

    init(_ name: String, _ check: Check) {
        self.name = name
        self.check = check
    }

    var testDescription: String { name }

    func applies(to bench: any PoolBench.Type) -> Bool {
        switch check {
        case .store: true
        case .bytes: bench is any BytesBench.Type
        case .foreign: bench is any ForeignBench.Type
        case .identity: bench is any IdentityBench.Type
        case .outage: bench is any OutageBench.Type
        }
    }

    func run(on bench: any PoolBench) async throws {
        switch check {
        case .store(let check): try await check(bench)
        case .bytes(let check): try await check(try #require(bench as? any BytesBench))
        case .foreign(let check): try await check(try #require(bench as? any ForeignBench))
        case .identity(let check): try await check(try #require(bench as? any IdentityBench))
        case .outage(let check): try await check(try #require(bench as? any OutageBench))
        }
    }
}

/// A pool of some kind that rules run against one after another, with the real server where there is one.
protocol PoolBench: Sendable {
    /// As failures name the pool.
    var pool: PoolName { get }
    var store: any VolumeStore { get }
    /// A second store of the same pool, as another process has it.
    var another: any VolumeStore { get }
    /// Exactly 1 GiB.
    var image: StoredImage { get }
    func end() async
}

extension PoolBench {
    func end() async {}
}

/// Keeps what guests write.
protocol BytesBench: PoolBench {
    /// The disk as this host's QEMU opens it once it is published.
    func open(_ volume: Volume) async throws -> OpenedDisk
}

/// Something else can have a disk's name.
protocol ForeignBench: BytesBench {
    func plant(_ name: VolumeName) async throws
    /// Whether it is as it was planted.
    func isThere(_ name: VolumeName) async throws -> Bool
}

/// Knows its own disks by more than their names.
protocol IdentityBench: ForeignBench {}

/// Lies behind something that can go away.
protocol OutageBench: PoolBench {
    var outages: [Outage] { get }
    /// How long one call may take meanwhile.
    var answerLimit: Duration { get }
    /// Calls for which there is nothing to do with this kind, so that they need no storage.
    var asksNobody: Set<String> { get }
}

extension OutageBench {
    var asksNobody: Set<String> { ["snapshot", "remove snapshot"] }
}

struct Outage: Sendable {
    var name: String
    var begin: @Sendable () async throws -> Void
    var end: @Sendable () async throws -> Void
}
