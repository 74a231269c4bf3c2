package import HostalModel
package import HostalProvisioning
import Synchronization

/// A host in memory that keeps to the ports' contracts: what a server has left on it can be read as a list.
package final class FakeHost: Hypervisor, VolumeStore, ImageStore, SeedStore, GuestNetwork, CapacityLedger, AddressBook, Sendable
{
    private struct State {
        var things: Set<String> = []
        var images: Set<Digest> = []
        var defined: [GuestID: GuestDefinition] = [:]
        var running: Set<GuestID> = []
        var reports: [GuestID: GuestReport] = [:]
    }
    private let state = Mutex(State())
    private let reportsOnStart: Bool

    /// `reportsOnStart`: guests report as soon as they are started, as a guest that boots at once would.
    package init(reportsOnStart: Bool = true) { self.reportsOnStart = reportsOnStart }

    package var host: Host {
        Host(
            id: HostID(1), hypervisor: self, volumes: self, images: self, seeds: self, network: self, capacity: self,
            addresses: self)
    }

    /// Everything that belongs to servers; images are the host's own.
    package var leftovers: [String] {
        state.withLock { state in
            state.things.union(state.defined.keys.map { "domain \($0)" }).union(state.running.map { "process \($0)" })
                .union(state.reports.keys.map { "report \($0)" }).sorted()
        }
    }

    private func add(_ thing: String) { state.withLock { _ = $0.things.insert(thing) } }
    private func drop(_ thing: String) { state.withLock { _ = $0.things.remove(thing) } }
    private func left(_ things: [String]) -> [String] { state.withLock { state in things.filter { state.things.contains($0) } } }

    package func define(_ guest: GuestDefinition) async throws {
        try state.withLock { state in
            if let known = state.defined[guest.names.guest], known.epoch > guest.epoch {
                throw Failure(.permanent, .serviceError, "cannot define the guest: a newer worker has")
            }
            state.defined[guest.names.guest] = guest
        }
    }
    package func undefine(_ guest: GuestID, server: ServerID) async throws {
        state.withLock { state in
            state.running.remove(guest)
            state.defined[guest] = nil
        }
    }
    package func start(_ guest: GuestID, server: ServerID) async throws {
        try state.withLock { state in
            guard let definition = state.defined[guest] else {
                throw Failure(.permanent, .serviceError, "cannot start the guest: it is not defined")
            }
            state.running.insert(guest)
            if reportsOnStart {
                state.reports[guest] = GuestReport(
                    instanceID: "\(guest)-\(definition.order)", bootID: "boot", status: "done", errors: [], hostKeys: [])
            }
        }
    }
    package func stop(_ guest: GuestID, server: ServerID) async throws { state.withLock { _ = $0.running.remove(guest) } }
    package func state(of guest: GuestID) async throws -> GuestState {
        state.withLock { $0.running.contains(guest) ? .active : $0.defined[guest] == nil ? .absent : .off }
    }
    package func report(of guest: GuestID, instanceID: String) async throws -> GuestReport? {
        state.withLock { state in state.reports[guest].flatMap { $0.instanceID == instanceID ? $0 : nil } }
    }
    package func discardReports(of guest: GuestID) async throws { state.withLock { $0.reports[guest] = nil } }

    package func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes) async throws -> Volume {
        add("volume \(volume)")
        return Volume(name: volume, path: "/fake/\(volume)", format: .qcow2, size: size.bytes, backing: image)
    }
    package func remove(_ volume: VolumeName) async throws { drop("volume \(volume)") }

    package func fetch(_ image: Image) async throws -> ImageFetch {
        state.withLock { _ = $0.images.insert(image.digest) }
        return .ready(
            StoredImage(
                digest: image.digest, path: "/fake/\(image.digest.hex)", format: image.format, virtualSize: image.virtualSize))
    }

    package func write(_ contents: SeedContents, for guest: GuestID) async throws -> StoredSeed {
        add("seed \(guest)")
        return StoredSeed(path: "/fake/\(guest).iso")
    }
    package func remove(for guest: GuestID) async throws { drop("seed \(guest)") }

    package func attach(_ interface: GuestInterface) async throws { add("tap \(interface.tap)") }
    package func detach(tap: String) async throws { drop("tap \(tap)") }
    package func remains(of tap: String) async throws -> [String] { left(["tap \(tap)"]) }

    /// One answer for the hypervisor, the volumes and the seeds: each port's caller sees all of it, which is stricter than asked for.
    package func remains(of guest: GuestID) async throws -> [String] {
        leftovers.filter { $0.contains("\(guest)") }
    }

    package func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> HostID {
        add("room \(server)")
        return HostID(1)
    }
    package func release(for server: ServerID, lease: Lease) async throws { drop("room \(server)") }

    package func assign(to server: ServerID, on host: HostID, lease: Lease) async throws -> AddressAssignment {
        add("addresses \(server)")
        return AddressAssignment(
            bridge: "br0",
            addresses: [AssignedAddress(family: .v4, ip: "192.0.2.7", prefixLength: 24, gateway: "192.0.2.1")], nameServers: [])
    }
    package func release(from server: ServerID, lease: Lease) async throws { drop("addresses \(server)") }
}
