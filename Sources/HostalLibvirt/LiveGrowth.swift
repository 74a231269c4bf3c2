import CLibvirt
import Glibc
package import HostalModel
package import HostalProvisioning

/// What a domain that runs has and may be given, as its live document and libvirt's calls tell.
extension DomainHandle {
    /// Linux takes memory in blocks of this size.
    static let memoryUnit = Mebibytes(128)

    func room() throws(LibvirtError) -> GuestRoom {
        let live = VIR_DOMAIN_AFFECT_LIVE.rawValue
        let kibibytes = virDomainGetMaxMemory(pointer)
        guard kibibytes > 0 else { throw .take("virDomainGetMaxMemory") }
        let now = GuestSize(vcpus: try vcpus(live), memory: Mebibytes(Int(kibibytes >> 10)))
        let memory = try roomForMemory()
        return GuestRoom(
            now: now,
            most: GuestSize(
                vcpus: try vcpus(live | VIR_DOMAIN_VCPU_MAXIMUM.rawValue), memory: max(now.memory, memory ?? now.memory)),
            memoryUnit: Self.memoryUnit)
    }

    private func vcpus(_ flags: UInt32) throws(LibvirtError) -> Int {
        let count = virDomainGetVcpusFlags(pointer, flags)
        guard count > 0 else { throw .take("virDomainGetVcpusFlags") }
        return Int(count)
    }

    /// Nil when no more can be plugged. libvirt has no call for it, and writes `<maxMemory slots='16' unit='KiB'>4194304</maxMemory>`.
    private func roomForMemory() throws(LibvirtError) -> Mebibytes? {
        guard let document = virDomainGetXMLDesc(pointer, 0) else { throw .take("virDomainGetXMLDesc") }
        defer { free(document) }
        let text = String(cString: document)
        guard let found = text.firstMatch(of: /<maxMemory slots='([0-9]+)' unit='KiB'>([0-9]+)</), let slots = Int(found.1),
            let most = Int(found.2), text.ranges(of: "<memory model='dimm'").count < slots
        else { return nil }
        return Mebibytes(most >> 10)
    }

    func add(vcpus count: Int) throws(LibvirtError) {
        try check(virDomainSetVcpusFlags(pointer, UInt32(count), VIR_DOMAIN_AFFECT_LIVE.rawValue), "virDomainSetVcpusFlags")
    }

    /// Plugs one module: only what was bought is ever there for the guest to use, whatever its system does.
    func add(memory: Mebibytes) throws(LibvirtError) {
        let module =
            "<memory model='dimm'><target><size unit='MiB'>\(memory.count)</size><node>0</node></target></memory>"
        try check(
            virDomainAttachDeviceFlags(pointer, module, VIR_DOMAIN_AFFECT_LIVE.rawValue), "virDomainAttachDeviceFlags")
    }

    /// Bytes that the guest sees of its root disk.
    func rootSize() throws(LibvirtError) -> Int64 {
        var info = virDomainBlockInfo()
        try check(virDomainGetBlockInfo(pointer, Self.root, &info, 0), "virDomainGetBlockInfo")
        return Int64(info.capacity)
    }

    /// Would shrink it without a word: ask `rootSize` first.
    func resizeRoot(to bytes: Int64) throws(LibvirtError) {
        try check(
            virDomainBlockResize(pointer, Self.root, UInt64(bytes), VIR_DOMAIN_BLOCK_RESIZE_BYTES.rawValue),
            "virDomainBlockResize")
    }
}

extension LibvirtHypervisor {
    package func room(of guest: GuestID) async throws -> GuestRoom? {
        try await run(on: questions, "cannot tell the size of guest \(guest)") { session in
            guard let present = try session.domain(guest.uuid), try present.isActive() else { return nil }
            do { return try present.room() } catch let error as LibvirtError where error.isOvertaken { return nil }
        }
    }

    package func add(upTo size: GuestSize, to guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot add to server \(server) while it runs") { session in
            guard let present = try session.domain(guest.uuid) else { return }
            _ = try Self.mark(of: present, servedAs: server)
            guard try present.isActive() else { return }
            do {
                let now = try present.room().now
                // What was asked for and never answered may have happened: hence the look before each.
                if now.memory < size.memory { try present.add(memory: Mebibytes(size.memory.count - now.memory.count)) }
                if now.vcpus < size.vcpus { try present.add(vcpus: size.vcpus) }
            } catch let error as LibvirtError where error.isOvertaken {}
        }
    }

    package func growDisk(of guest: GuestID, server: ServerID, to size: Gibibytes) async throws -> Bool {
        let action = "cannot make the disk of server \(server) \(size) long"
        return try await change(guest, action) { session in
            guard let present = try session.domain(guest.uuid) else { return false }
            _ = try Self.mark(of: present, servedAs: server)
            guard try present.isActive() else { return false }
            do {
                let now = try present.rootSize()
                guard now <= size.bytes else {
                    throw Failure(.permanent, .invalidInput, "\(action): it has \(now >> 30) GiB, and a disk can only grow")
                }
                if now < size.bytes { try present.resizeRoot(to: size.bytes) }
                return true
            } catch let error as LibvirtError where error.isOvertaken {
                return false
            }
        }
    }
}
