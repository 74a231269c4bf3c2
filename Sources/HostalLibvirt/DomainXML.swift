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
            XMLElement("memory", ["unit": "MiB"], text: "\(guest.memory.count)"),
            XMLElement("vcpu", text: "\(guest.vcpus)"),
        ] + (kvm ? [XMLElement("iothreads", text: "1")] : []) + [
            XMLElement(
                "os", [:],
                [XMLElement("type", ["arch": "x86_64", "machine": "q35"], text: "hvm"), XMLElement("boot", ["dev": "hd"])]),
            XMLElement("features", [:], [XMLElement("acpi"), XMLElement("apic")]),
            processor(kvm),
            clock,
            XMLElement("on_poweroff", text: "destroy"),
            XMLElement("on_reboot", text: "restart"),
            XMLElement("on_crash", text: "restart"),
            XMLElement("devices", [:], DomainDevices(guest: guest, settings: settings).elements),
        ]
    }

    private static func processor(_ kvm: Bool) -> XMLElement {
        guard !kvm else { return XMLElement("cpu", ["mode": "host-passthrough", "check": "none", "migratable": "on"]) }
        // The translator offers five-level paging and nested virtualisation, which guests then set up at length for nothing.
        let useless = ["la57", "svm"].map { XMLElement("feature", ["policy": "disable", "name": $0]) }
        return XMLElement("cpu", ["mode": "maximum", "check": "none"], useless)
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
