package import HostalModel
package import HostalProvisioning
import Synchronization

/// A host in memory that keeps to the ports' contracts: what a server has left on it can be read as a list.
package final class FakeHost: Hypervisor, VolumePools, ImageStore, SeedStore, GuestNetwork, CapacityLedger,
    AddressBook, Sendable
{
    private struct State {
        var things: Set<String> = []
        var images: Set<Digest> = []
        var poolImages: Set<Digest> = []
        var defined: [GuestID: GuestDefinition] = [:]
        /// What each guest that runs was started with.
        var running: [GuestID: GuestDefinition] = [:]
        var started: [GuestID: GuestDefinition] = [:]
        var reports: [GuestID: [GuestReport]] = [:]
        /// By path: what a guest reads from it.
        var seeds: [String: SeedContents] = [:]
        var sizes: [VolumeName: Int64] = [:]
        /// What each disk is built on.
        var bases: [VolumeName: Digest] = [:]
        var recordedSizes: [VolumeName: Gibibytes] = [:]
        var passwords: [GuestID: String] = [:]
        var boots = 0
        var isMute = false
        var powerButtons = 0
        var frozen: Set<GuestID> = []
        /// How many more calls the agents leave unanswered.
        var silence = 0
    }
    private let state = Mutex(State())
    private let reportsOnStart: Bool

    private let obeysPowerButton: Bool
    private let hasAgent: Bool
    private let liveGrowth: Int
    fileprivate let flatteningInUse: FlatteningInUse
    private let silenceAtFreeze: Int
    private let stall: Stall?

    /// What never comes to its end.
    package enum Stall: Sendable { case freezing, copying }

    /// `reportsOnStart`: guests report as soon as they are started, as a guest that boots at once would. `obeysPowerButton`: they go off as soon
    /// as they are asked to. `hasAgent`: they take passwords, and can be frozen.
    /// `liveGrowth`: what they can be given while they run, times what they are defined with.
    /// `flatteningInUse`: of disks that need an image. `silenceAtFreeze`: how many calls agents leave unanswered that are to freeze, that one
    /// included; then they do it. `stall`: whoever waits for it has to be cancelled.
    package init(
        reportsOnStart: Bool = true, obeysPowerButton: Bool = true, hasAgent: Bool = true, liveGrowth: Int = 4,
        flatteningInUse: FlatteningInUse = .hypervisor, silenceAtFreeze: Int = 0, stall: Stall? = nil
    ) {
        self.reportsOnStart = reportsOnStart
        self.obeysPowerButton = obeysPowerButton
        self.hasAgent = hasAgent
        self.liveGrowth = liveGrowth
        self.flatteningInUse = flatteningInUse
        self.silenceAtFreeze = silenceAtFreeze
        self.stall = stall
    }

    package var host: Host {
        Host(
            id: HostID(1), hypervisor: self, pools: self, images: self, madeImages: self, seeds: self, network: self,
            capacity: self,
            addresses: self)
    }

    /// Everything that belongs to servers; images are the host's own.
    package var leftovers: [String] {
        state.withLock { state in
            state.things.union(state.defined.keys.map { "domain \($0)" }).union(state.running.keys.map { "process \($0)" })
                .union(state.reports.keys.map { "report \($0)" }).union(state.frozen.map { "frozen \($0)" }).sorted()
        }
    }

    /// The guest as libvirt knows it, and as it runs; nil when it does not.
    package func definition(of guest: GuestID) -> GuestDefinition? { state.withLock { $0.defined[guest] } }
    package func running(_ guest: GuestID) -> GuestDefinition? { state.withLock { $0.running[guest] } }
    /// The copies of images that its pools have.
    package var poolImages: Set<Digest> { state.withLock { $0.poolImages } }
    package func seed(at path: String) -> SeedContents? { state.withLock { $0.seeds[path] } }
    package func password(of guest: GuestID) -> String? { state.withLock { $0.passwords[guest] } }
    package func recordedSize(of volume: VolumeName) -> Gibibytes? { state.withLock { $0.recordedSizes[volume] } }
    /// All guests power themselves off.
    package func loseGuests() {
        state.withLock { state in
            state.running = [:]
            state.frozen = []
        }
    }
    /// Guests boot from now on and say nothing.
    package func mute() { state.withLock { $0.isMute = true } }

    /// How often the power button was pressed, and how often a guest has booted.
    package var powerButtons: Int { state.withLock { $0.powerButtons } }
    package var boots: Int { state.withLock { $0.boots } }
    /// What remains of a kept disk's room when a purge's record is written; the real ledger does it with the record.
    package func forgetRoom(_ role: RoomRole, of server: ServerID) { drop("room \(server) \(role)") }

    private func add(_ thing: String) { state.withLock { _ = $0.things.insert(thing) } }
    private func drop(_ thing: String) { state.withLock { _ = $0.things.remove(thing) } }
    private func left(_ things: [String]) -> [String] { state.withLock { state in things.filter { state.things.contains($0) } } }

    package func define(_ guest: GuestDefinition, secret: StorageSecret?) async throws {
        try state.withLock { state in
            if let known = state.defined[guest.names.guest], known.epoch > guest.epoch {
                throw Failure(.permanent, .serviceError, "cannot define the guest: a newer worker has")
            }
            state.defined[guest.names.guest] = guest
        }
    }
    package func keep(_ secret: StorageSecret) async throws {}
    package func undefine(_ guest: GuestID, server: ServerID) async throws {
        state.withLock { state in
            cut(guest, &state)
            state.defined[guest] = nil
        }
    }
    private func cut(_ guest: GuestID, _ state: inout State) {
        state.running[guest] = nil
        state.frozen.remove(guest)
    }
    package func start(_ guest: GuestID, server: ServerID) async throws {
        try state.withLock { state in
            guard let definition = state.defined[guest] else {
                throw Failure(.permanent, .serviceError, "cannot start the guest: it is not defined")
            }
            guard state.running[guest] == nil else { return }
            boot(definition, &state)
        }
    }
    private func boot(_ definition: GuestDefinition, _ state: inout State) {
        cut(definition.names.guest, &state)
        state.running[definition.names.guest] = definition
        state.started[definition.names.guest] = definition
        state.boots += 1
        guard reportsOnStart, !state.isMute, let seed = state.seeds[definition.seedPath] else { return }
        state.reports[definition.names.guest, default: []].append(
            GuestReport(instanceID: seed.instanceID, bootID: "boot-\(state.boots)", status: "done", errors: [], hostKeys: []))
    }
    package func stop(_ guest: GuestID, server: ServerID) async throws { state.withLock { cut(guest, &$0) } }
    package func shutDown(_ guest: GuestID, server: ServerID) async throws {
        state.withLock { state in
            state.powerButtons += 1
            if obeysPowerButton { cut(guest, &state) }
        }
    }
    package func reset(_ guest: GuestID, server: ServerID) async throws {
        try state.withLock { state in
            guard let definition = state.running[guest] ?? state.defined[guest] else {
                throw Failure(.permanent, .serviceError, "cannot reset the guest: it is not defined")
            }
            boot(definition, &state)
        }
    }
    package func setPassword(_ hash: String, of guest: GuestID, server: ServerID) async throws -> Bool {
        try state.withLock { state in
            guard state.running[guest] != nil else {
                throw Failure(.permanent, .guestDidNotAnswer, "cannot set the password: it is off; power it on first")
            }
            if hasAgent { state.passwords[guest] = hash }
            return hasAgent
        }
    }
    package func room(of guest: GuestID) async throws -> GuestRoom? {
        state.withLock { state in
            guard let running = state.running[guest], let started = state.started[guest] else { return nil }
            return GuestRoom(
                now: GuestSize(vcpus: running.vcpus, memory: running.memory),
                most: GuestSize(vcpus: started.vcpus * liveGrowth, memory: Mebibytes(started.memory.count * liveGrowth)),
                memoryUnit: Mebibytes(128))
        }
    }
    package func add(upTo size: GuestSize, to guest: GuestID, server: ServerID) async throws {
        state.withLock { state in
            guard var running = state.running[guest] else { return }
            running.vcpus = max(running.vcpus, size.vcpus)
            running.memory = max(running.memory, size.memory)
            state.running[guest] = running
        }
    }
    package func growDisk(of guest: GuestID, server: ServerID, to size: Gibibytes) async throws -> Bool {
        try state.withLock { state in
            guard let root = state.running[guest]?.root.name else { return false }
            guard let present = state.sizes[root], present <= size.bytes else {
                throw Failure(.permanent, .invalidInput, "cannot grow the disk: it can only grow")
            }
            state.sizes[root] = size.bytes
            return true
        }
    }
    package func freeze(_ guest: GuestID, server: ServerID) async throws -> Bool {
        let isFrozen = state.withLock { state in
            guard hasAgent, state.running[guest] != nil else { return false }
            state.silence = max(state.silence, silenceAtFreeze)
            guard state.silence == 0 else {
                ignoreCall(of: guest, &state)
                return false
            }
            state.frozen.insert(guest)
            return true
        }
        // Until its task is cancelled.
        if stall == .freezing { try await Task.sleep(for: .seconds(3_600)) }
        return isFrozen
    }
    /// A call in a cancelled task comes to nothing, as libvirt's do.
    package func thaw(_ guest: GuestID, server: ServerID) async throws -> Bool {
        try Task.checkCancellation()
        return state.withLock { state in
            guard hasAgent, state.running[guest] != nil else { return true }
            guard state.silence == 0 else {
                ignoreCall(of: guest, &state)
                return false
            }
            state.frozen.remove(guest)
            return true
        }
    }
    private func ignoreCall(of guest: GuestID, _ state: inout State) {
        state.silence -= 1
        if state.silence == 0 { state.frozen.insert(guest) }
    }
    /// The agents of guests hang.
    package func silenceAgents() { state.withLock { $0.silence = .max } }
    package var holdsGuests: Bool { state.withLock { !$0.frozen.isEmpty } }
    package func copyDisk(
        of guest: GuestID, server: ServerID, to path: String, whenBegun: @escaping @Sendable () async -> Void,
        report: @escaping CopyReport
    ) async throws -> Bool {
        guard state.withLock({ $0.running[guest] != nil }) else { return false }
        // Until its task is cancelled.
        if stall == .copying { try await Task.sleep(for: .seconds(3_600)) }
        await whenBegun()
        report("the copy of the disk, 50 % done")
        add("file \(path)")
        return true
    }
    package func flattenDisk(
        of guest: GuestID, server: ServerID, mebibytesPerSecond: Int, report: @escaping CopyReport
    ) async throws -> Bool {
        state.withLock { state in
            guard state.running[guest] != nil else { return false }
            state.running[guest]?.root.backing = nil
            return true
        }
    }
    package func endCopies(of guest: GuestID, server: ServerID) async throws {}
    /// What `copyDisk` and `export` have written, taken away as whoever uses it would.
    package func removeFile(at path: String) { drop("file \(path)") }
    fileprivate func export(_ volume: VolumeName, to path: String) throws {
        guard state.withLock({ $0.sizes[volume] != nil }) else {
            throw Failure(.temporary, .serviceError, "cannot copy the disk: it is not there")
        }
        add("file \(path)")
    }
    package func activeGuests() async throws -> Set<GuestID> { state.withLock { Set($0.running.keys) } }
    package func state(of guest: GuestID) async throws -> GuestState {
        state.withLock { $0.running[guest] != nil ? .active : $0.defined[guest] == nil ? .absent : .off }
    }
    package func report(of guest: GuestID, instanceID: String, besides known: String?) async throws -> GuestReport? {
        state.withLock { state in
            state.reports[guest]?.last { $0.instanceID == instanceID }.flatMap { $0.bootID == known ? nil : $0 }
        }
    }
    package func discardReports(of guest: GuestID) async throws { state.withLock { $0.reports[guest] = nil } }

    package func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes) async throws -> Volume {
        guard image.virtualSize <= size.bytes else {
            let needed = Gibibytes(Int(image.virtualSize >> 30))
            throw Failure(.permanent, .invalidInput, "cannot clone the image: it is \(needed) and the disk \(size)")
        }
        try state.withLock { state in
            guard state.sizes[volume, default: size.bytes] == size.bytes else {
                throw Failure(.needsOperator, .serviceError, "cannot use the disk that is already there")
            }
            state.things.insert("volume \(volume)")
            state.sizes[volume] = size.bytes
            state.bases[volume] = image.digest
            state.poolImages.insert(image.digest)
        }
        return Volume(
            name: volume, pool: Samples.pool, source: .file(path: "/fake/\(volume)"), format: .qcow2, size: size.bytes,
            backing: VolumeBacking(source: .file(path: image.path), format: image.format))
    }
    package func store(of pool: PoolName) async throws -> any VolumeStore { FakeVolumes(host: self) }
    package func reached() async throws -> Set<PoolName> { [Samples.pool] }
    package func remove(_ volume: VolumeName) async throws {
        drop("volume \(volume)")
        state.withLock { state in
            state.sizes[volume] = nil
            state.bases[volume] = nil
        }
    }
    fileprivate func flatten(_ volume: VolumeName) { state.withLock { $0.bases[volume] = nil } }
    fileprivate func removeImage(_ digest: Digest) throws {
        try state.withLock { state in
            if let disk = state.bases.first(where: { $0.value == digest })?.key { throw Failure.imageNeeded("\(disk)") }
            state.poolImages.remove(digest)
        }
    }
    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        try state.withLock { state in
            guard let present = state.sizes[volume.name], max(present, volume.size) <= size.bytes else {
                let known = Gibibytes(Int(max(state.sizes[volume.name] ?? 0, volume.size) >> 30))
                throw Failure(.permanent, .invalidInput, "cannot make the disk \(size) long: it has \(known), and can only grow")
            }
            guard present == size.bytes || present == volume.size else {
                throw Failure(.needsOperator, .serviceError, "cannot grow the disk: it is not the one on record")
            }
            guard !state.running.values.contains(where: { $0.root.name == volume.name }) else {
                throw Failure(.temporary, .serviceError, "cannot grow the disk: it is in use")
            }
            state.sizes[volume.name] = size.bytes
        }
        var grown = volume
        grown.size = size.bytes
        return grown
    }
    package func size(of volume: Volume) async throws -> Int64 {
        try state.withLock { state in
            guard let size = state.sizes[volume.name] else { throw Failure(.temporary, .serviceError, "cannot look at the disk") }
            return size
        }
    }

    package func fetch(_ image: Image, report: @escaping CopyReport) async throws -> ImageFetch {
        state.withLock { _ = $0.images.insert(image.digest) }
        return .ready(
            StoredImage(
                digest: image.digest, path: "/fake/\(image.digest.hex)", format: image.format, virtualSize: image.virtualSize))
    }

    package func held() async throws -> Set<Digest> { state.withLock { $0.images } }
    package func forget(_ digest: Digest) async throws { state.withLock { _ = $0.images.remove(digest) } }

    package func write(_ contents: SeedContents, for disk: VolumeName) async throws -> StoredSeed {
        add("seed \(disk)")
        state.withLock { $0.seeds["/fake/\(disk).iso"] = contents }
        return StoredSeed(path: "/fake/\(disk).iso")
    }
    package func remove(for disk: VolumeName) async throws { drop("seed \(disk)") }
    package func removeAll(of guest: GuestID) async throws {
        state.withLock { state in state.things = state.things.filter { !$0.hasPrefix("seed \(guest)-") } }
    }

    package func attach(_ interface: GuestInterface) async throws { add("tap \(interface.tap)") }
    package func detach(tap: String) async throws { drop("tap \(tap)") }
    package func remains(of tap: String) async throws -> [String] { left(["tap \(tap)"]) }

    /// One answer for the hypervisor and the seeds: each port's caller sees all of it, which is stricter than asked for.
    package func remains(of guest: GuestID) async throws -> [String] {
        leftovers.filter { $0.contains("\(guest)") && !$0.hasPrefix("volume ") }
    }
    fileprivate func disks(of guest: GuestID) -> [String] { leftovers.filter { $0.hasPrefix("volume \(guest)-") } }

    package func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> Placement {
        add("room \(server)")
        return Placement(host: HostID(1), pool: Samples.pool)
    }
    package func reserve(_ room: Room, as role: RoomRole, for server: ServerID, on host: HostID, lease: Lease) async throws {
        add("room \(server) \(role)")
    }
    package func release(_ role: RoomRole, of server: ServerID, lease: Lease) async throws { drop("room \(server) \(role)") }
    package func release(for server: ServerID, lease: Lease) async throws {
        state.withLock { state in
            state.things = state.things.filter { $0 != "room \(server)" && !$0.hasPrefix("room \(server) ") }
        }
    }
    package func releaseAllButDisks(of server: ServerID, lease: Lease) async throws {
        drop("room \(server) \(RoomRole.growth)")
    }
    package func recordGrowth(of volume: VolumeName, to size: Gibibytes, for server: ServerID, lease: Lease) async throws {
        state.withLock { $0.recordedSizes[volume] = max($0.recordedSizes[volume] ?? size, size) }
    }

    package func assign(to server: ServerID, on host: HostID, lease: Lease) async throws -> AddressAssignment {
        add("addresses \(server)")
        return Self.addresses
    }
    package func held(by server: ServerID) async throws -> AddressAssignment? {
        left(["addresses \(server)"]).isEmpty ? nil : Self.addresses
    }
    private static let addresses = AddressAssignment(
        bridge: "br0",
        addresses: [AssignedAddress(family: .v4, ip: "192.0.2.7", prefixLength: 24, gateway: "192.0.2.1")], nameServers: [])
    package func release(from server: ServerID, lease: Lease) async throws { drop("addresses \(server)") }
}

/// The disks of a `FakeHost`, whichever pool they are said to be in.
package struct FakeVolumes: VolumeStore {
    package let host: FakeHost

    package init(host: FakeHost) { self.host = host }

    package func clone(
        _ image: StoredImage, to volume: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        try await host.clone(image, to: volume, size: size)
    }
    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume { try await host.grow(volume, to: size) }
    package func size(of volume: Volume) async throws -> Int64 { try await host.size(of: volume) }
    package func remove(_ volume: VolumeName) async throws { try await host.remove(volume) }
    package func remains(of guest: GuestID) async throws -> [String] { host.disks(of: guest) }
    package func space() async throws -> PoolSpace { PoolSpace(total: 1 << 40, available: 1 << 40) }
    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        try host.export(volume.name, to: path)
        report("the copy of the disk, 50 % done")
    }
    package func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse {
        volume.backing == nil ? .pool : host.flatteningInUse
    }
    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        _ = try await host.size(of: volume)
        host.flatten(volume.name)
        var flat = volume
        flat.backing = nil
        return flat
    }
    package func removeImage(_ digest: Digest) async throws { try host.removeImage(digest) }
}
