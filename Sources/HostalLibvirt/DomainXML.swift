import HostalModel
package import HostalProvisioning

/// libvirt's document for a guest: a pure function of the guest's definition and the host's settings. docs/hypervisor.md has the reasons.
package struct DomainXML: Hashable, Sendable {
    package let mark: GuestMark
    package let text: String

    /// The kernel's limit for a link's name.
    package static let tapLimit = 15

    /// Throws a permanent `invalidInput` for what no domain can be: no vCPU, no memory, a tap's name that the kernel refuses, a text that XML
    /// cannot hold.
    package init(_ guest: GuestDefinition, _ settings: HypervisorSettings) throws {
        let action = "cannot define server \(guest.names.server)"
        func refuse(_ cause: String) -> Failure { Failure(.permanent, .invalidInput, "\(action): \(cause)") }
        guard guest.vcpus > 0 else { throw refuse("it has \(guest.vcpus) vcpus; at least 1 is needed") }
        guard guest.memory.count > 0 else { throw refuse("it has \(guest.memory) of memory; at least 1 MiB is needed") }
        guard (1...Self.tapLimit).contains(guest.tap.utf8.count) else {
            throw refuse("its tap's name has \(guest.tap.utf8.count) bytes; 1 to \(Self.tapLimit) are accepted")
        }
        do {
            let body = Self.body(guest, settings)
            mark = GuestMark(
                server: guest.names.server, order: guest.order, epoch: guest.epoch,
                checksum: GuestMark.checksum(of: try XMLElement("domain", [:], body).written()))
            let metadata = XMLElement("metadata", [:], [mark.element])
            text = try XMLElement("domain", ["type": settings.accelerator == .kvm ? "kvm" : "qemu"], body + [metadata]).written()
        } catch {
            throw Failure(libvirt: error, action)
        }
    }

    private static func body(_ guest: GuestDefinition, _ settings: HypervisorSettings) -> [XMLElement] {
        let kvm = settings.accelerator == .kvm
        return [
            XMLElement("name", text: guest.names.domain),
            XMLElement("uuid", text: "\(guest.names.guest)"),
        ] + size(guest, settings) + (kvm ? [XMLElement("iothreads", text: "1")] : []) + [
            XMLElement(
                "os", [:],
                [XMLElement("type", ["arch": "x86_64", "machine": "q35"], text: "hvm"), XMLElement("boot", ["dev": "hd"])]),
            XMLElement("features", [:], [XMLElement("acpi"), XMLElement("apic")]),
            processor(kvm, cells(guest, settings)),
            clock,
            XMLElement("on_poweroff", text: "destroy"),
            XMLElement("on_reboot", text: "restart"),
            XMLElement("on_crash", text: "restart"),
            XMLElement("devices", [:], DomainDevices(guest: guest, settings: settings).elements),
        ]
    }

    /// vCPUs and memory, with room for more of both where that is wanted.
    private static func size(_ guest: GuestDefinition, _ settings: HypervisorSettings) -> [XMLElement] {
        let most = guest.memory.count * settings.liveGrowth
        let vcpus = mostVCPUs(guest, settings)
        return
            (canAddMemory(guest, settings)
            ? [XMLElement("maxMemory", ["slots": "\(memorySlots)", "unit": "MiB"], text: "\(most)")] : []) + [
                XMLElement("memory", ["unit": "MiB"], text: "\(guest.memory.count)"),
                XMLElement("vcpu", ["current": vcpus > guest.vcpus ? "\(guest.vcpus)" : nil], text: "\(vcpus)"),
            ]
    }

    private static func canAddMemory(_ guest: GuestDefinition, _ settings: HypervisorSettings) -> Bool {
        settings.liveGrowth > 1 && guest.memory >= settings.memoryGrowthFrom
    }

    /// How often memory can be added to one run of a guest.
    private static let memorySlots = 16
    /// Q35 without an emulated IOMMU takes 255.
    private static let vcpuLimit = 240

    private static func mostVCPUs(_ guest: GuestDefinition, _ settings: HypervisorSettings) -> Int {
        max(guest.vcpus, min(guest.vcpus * settings.liveGrowth, vcpuLimit))
    }

    /// Memory can be added to a NUMA cell only: one, which holds everything.
    private static func cells(_ guest: GuestDefinition, _ settings: HypervisorSettings) -> [XMLElement] {
        guard canAddMemory(guest, settings) else { return [] }
        let cpus = "0-\(mostVCPUs(guest, settings) - 1)"
        return [
            XMLElement(
                "numa", [:],
                [XMLElement("cell", ["id": "0", "cpus": cpus, "memory": "\(guest.memory.count)", "unit": "MiB"])])
        ]
    }

    private static func processor(_ kvm: Bool, _ cells: [XMLElement]) -> XMLElement {
        guard !kvm else { return XMLElement("cpu", ["mode": "host-passthrough", "check": "none", "migratable": "on"], cells) }
        // The translator offers five-level paging and nested virtualisation, which guests then set up at length for nothing.
        let useless = ["la57", "svm"].map { XMLElement("feature", ["policy": "disable", "name": $0]) }
        return XMLElement("cpu", ["mode": "maximum", "check": "none"], useless + cells)
    }

    private static var clock: XMLElement {
        XMLElement(
            "clock", ["offset": "utc"],
            [
                XMLElement("timer", ["name": "rtc", "tickpolicy": "catchup"]),
                XMLElement("timer", ["name": "pit", "tickpolicy": "delay"]),
                XMLElement("timer", ["name": "hpet", "present": "no"]),
            ])
    }
}
