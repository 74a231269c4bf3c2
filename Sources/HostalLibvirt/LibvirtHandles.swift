import CLibvirt
import FoundationEssentials
import Glibc

/// An open connection. It closes when it goes out of scope, and never leaves the actor that opened it. Every call blocks.
struct LibvirtSession: ~Copyable {
    let pointer: OpaquePointer

    /// After this many unanswered keepalives, sent this many seconds apart, libvirt takes libvirtd for dead.
    private static let keepaliveCount: UInt32 = 3
    private static let keepaliveInterval: Int32 = 5

    init(uri: String) throws(LibvirtError) {
        EventLoop.start()
        guard let pointer = virConnectOpen(uri) else { throw .take("virConnectOpen") }
        self.pointer = pointer
        // Refused by drivers that have no connection to keep alive, such as libvirt's own test driver.
        if virConnectSetKeepAlive(pointer, Self.keepaliveInterval, Self.keepaliveCount) < 0 {
            _ = LibvirtError.take("virConnectSetKeepAlive")
        }
    }

    deinit { virConnectClose(pointer) }

    var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

    /// Nil when libvirt knows no such guest, running or not.
    func domain(_ uuid: UUID) throws(LibvirtError) -> DomainHandle? {
        try found(virDomainLookupByUUIDString(pointer, uuid.uuidString), "virDomainLookupByUUIDString")
    }

    func domain(named name: String) throws(LibvirtError) -> DomainHandle? {
        try found(virDomainLookupByName(pointer, name), "virDomainLookupByName")
    }

    /// A domain with this UUID gets the new definition; it takes effect at the next start.
    func define(_ xml: String) throws(LibvirtError) {
        guard let domain = virDomainDefineXML(pointer, xml) else { throw .take("virDomainDefineXML") }
        virDomainFree(domain)
    }

    /// The UUIDs of all domains that have a QEMU process, in one call.
    func activeDomains() throws(LibvirtError) -> [UUID] {
        var list: UnsafeMutablePointer<virDomainPtr?>?
        let count = virConnectListAllDomains(pointer, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue)
        guard count >= 0, let list else { throw .take("virConnectListAllDomains") }
        defer { free(list) }
        var found: [UUID] = []
        for index in 0..<Int(count) {
            guard let domain = list[index] else { continue }
            defer { virDomainFree(domain) }
            var text = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
            guard virDomainGetUUIDString(domain, &text) == 0 else { throw .take("virDomainGetUUIDString") }
            if let uuid = UUID(uuidString: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            {
                found.append(uuid)
            }
        }
        return found
    }

    func newStream() throws(LibvirtError) -> StreamHandle {
        guard let stream = virStreamNew(pointer, VIR_STREAM_NONBLOCK.rawValue) else { throw .take("virStreamNew") }
        return StreamHandle(stream)
    }

    private func found(_ domain: OpaquePointer?, _ call: String) throws(LibvirtError) -> DomainHandle? {
        if let domain { return DomainHandle(domain) }
        let error = LibvirtError.take(call)
        guard error.has(VIR_ERR_NO_DOMAIN) else { throw error }
        return nil
    }
}

/// A domain that libvirt knew when it was looked up. Every call blocks.
struct DomainHandle: ~Copyable {
    let pointer: OpaquePointer

    /// Seconds that a guest's agent has for an answer.
    private static let agentLimit: Int32 = 10

    fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { virDomainFree(pointer) }

    var name: String { virDomainGetName(pointer).map { String(cString: $0) } ?? "" }

    /// A QEMU process exists.
    func isActive() throws(LibvirtError) -> Bool { try yes(virDomainIsActive(pointer), "virDomainIsActive") }

    /// Has a definition; false for a guest that runs although it has been undefined.
    func isPersistent() throws(LibvirtError) -> Bool { try yes(virDomainIsPersistent(pointer), "virDomainIsPersistent") }

    func isPaused() throws(LibvirtError) -> Bool {
        var state: Int32 = 0
        try check(virDomainGetState(pointer, &state, nil, 0), "virDomainGetState")
        return state == Int32(VIR_DOMAIN_PAUSED.rawValue)
    }

    /// The element of this namespace in `<metadata>`; nil when there is none. Of the definition if the domain has one.
    func metadata(_ namespace: String) throws(LibvirtError) -> String? {
        let whose = try isPersistent() ? VIR_DOMAIN_AFFECT_CONFIG : VIR_DOMAIN_AFFECT_LIVE
        let type = Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue)
        guard let text = virDomainGetMetadata(pointer, type, namespace, whose.rawValue) else {
            let error = LibvirtError.take("virDomainGetMetadata")
            guard error.has(VIR_ERR_NO_DOMAIN_METADATA) else { throw error }
            return nil
        }
        defer { free(text) }
        return String(cString: text)
    }

    func start() throws(LibvirtError) { try check(virDomainCreate(pointer), "virDomainCreate") }
    func resume() throws(LibvirtError) { try check(virDomainResume(pointer), "virDomainResume") }
    func reset() throws(LibvirtError) { try check(virDomainReset(pointer, 0), "virDomainReset") }

    /// By the power button alone: asking the agent would make every call wait for a guest that may not answer.
    func pressPowerButton() throws(LibvirtError) {
        try check(virDomainShutdownFlags(pointer, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue), "virDomainShutdownFlags")
    }

    /// A guest that answers the greeting and then nothing would keep this thread for ever.
    func limitAgent() throws(LibvirtError) {
        try check(virDomainAgentSetResponseTimeout(pointer, Self.agentLimit, 0), "virDomainAgentSetResponseTimeout")
    }

    /// Through the guest's agent; `hash` is what crypt(3) makes of the password.
    func setPassword(hash: String, of user: String) throws(LibvirtError) {
        try limitAgent()
        try check(
            virDomainSetUserPassword(pointer, user, hash, VIR_DOMAIN_PASSWORD_ENCRYPTED.rawValue), "virDomainSetUserPassword")
    }

    /// Connects the stream with the first serial line. `force` ends whoever else is connected with it.
    func openConsole(on stream: borrowing StreamHandle, force: Bool) throws(LibvirtError) {
        let flags = force ? VIR_DOMAIN_CONSOLE_FORCE.rawValue : 0
        try check(virDomainOpenConsole(pointer, nil, stream.pointer, flags), "virDomainOpenConsole")
    }

    func destroy() throws(LibvirtError) { try check(virDomainDestroy(pointer), "virDomainDestroy") }

    /// Takes the definition away, with NVRAM, saved state and what libvirt knows of snapshots and checkpoints.
    func undefine() throws(LibvirtError) {
        let flags = [
            VIR_DOMAIN_UNDEFINE_MANAGED_SAVE, VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA, VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
            VIR_DOMAIN_UNDEFINE_NVRAM,
        ].reduce(0) { $0 | $1.rawValue }
        try check(virDomainUndefineFlags(pointer, flags), "virDomainUndefineFlags")
    }

    func check(_ result: Int32, _ call: String) throws(LibvirtError) {
        if result < 0 { throw .take(call) }
    }

    private func yes(_ result: Int32, _ call: String) throws(LibvirtError) -> Bool {
        try check(result, call)
        return result == 1
    }
}
