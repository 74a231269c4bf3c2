import HostalModel
import HostalProvisioning

/// The devices of a guest, in the order in which libvirt numbers them.
struct DomainDevices {
    var guest: GuestDefinition
    var settings: HypervisorSettings

    static let reportChannel = "org.hostal.report.0"
    static let agentChannel = "org.qemu.guest_agent.0"
    /// Seconds between two readings of the guest's own memory figures.
    private static let balloonPeriod = 10
    /// Bytes of randomness that a guest may draw in each period of this many milliseconds.
    private static let randomBytes = 1024
    private static let randomPeriod = 1000

    private var kvm: Bool { settings.accelerator == .kvm }
    /// One queue for each vCPU, so that no two wait for each other; nil where only one thread translates for the device anyway.
    private var queues: String? { kvm && guest.vcpus > 1 ? "\(guest.vcpus)" : nil }

    var elements: [XMLElement] {
        [
            root, seed,
            XMLElement("controller", ["type": "scsi", "model": "virtio-scsi"]),
            XMLElement("controller", ["type": "usb", "model": "none"]),
            network, console,
            channel(Self.agentChannel, type: "unix", source: nil),
            channel(Self.reportChannel, type: "file", source: settings.reportPath(of: "\(guest.names.guest)")),
            screen,
            XMLElement("video", [:], [XMLElement("model", ["type": "vga"])]),
            random, balloon,
        ]
    }

    private var root: XMLElement {
        XMLElement(
            "disk", ["type": DiskSource.type(of: guest.root.source), "device": "disk"],
            [
                XMLElement(
                    "driver",
                    [
                        "name": "qemu", "type": guest.root.format.rawValue, "cache": settings.diskCache.rawValue,
                        // The kernel's ways of asynchronous I/O are for files and devices.
                        "io": guest.root.source.file == nil ? nil : settings.diskIO.rawValue, "discard": "unmap",
                        "iothread": kvm ? "1" : nil, "queues": queues,
                    ]),
                DiskSource.element(of: guest.root.source),
                DiskSource.backing(guest.root.backing),
                XMLElement("target", ["dev": "vda", "bus": "virtio"]),
            ])
    }

    private var seed: XMLElement {
        XMLElement(
            "disk", ["type": "file", "device": "cdrom"],
            [
                XMLElement("driver", ["name": "qemu", "type": "raw"]),
                DiskSource.element(of: .file(path: guest.seedPath)),
                DiskSource.backing(nil),
                XMLElement("target", ["dev": "sda", "bus": "scsi"]),
                XMLElement("readonly"),
            ])
    }

    private var network: XMLElement {
        XMLElement(
            "interface", ["type": "bridge"],
            [
                XMLElement("mac", ["address": "\(guest.mac)"]),
                XMLElement("source", ["bridge": guest.bridge]),
                XMLElement("target", ["dev": guest.tap]),
                XMLElement("model", ["type": "virtio"]),
            ] + (kvm ? [XMLElement("driver", ["name": "vhost", "queues": queues])] : []))
    }

    private var console: XMLElement {
        XMLElement("serial", ["type": "pty"], [XMLElement("target", ["type": "isa-serial", "port": "0"])])
    }

    private func channel(_ name: String, type: String, source: String?) -> XMLElement {
        // Appending: a report outlives the guest's next start, and the worker that was to read it.
        let source = source.map { [XMLElement("source", ["path": $0, "append": "on"])] } ?? []
        return XMLElement("channel", ["type": type], source + [XMLElement("target", ["type": "virtio", "name": name])])
    }

    private var screen: XMLElement {
        XMLElement(
            "graphics", ["type": "vnc", "port": "-1", "autoport": "yes"],
            [XMLElement("listen", ["type": "address", "address": "127.0.0.1"])])
    }

    private var random: XMLElement {
        XMLElement(
            "rng", ["model": "virtio"],
            [
                XMLElement("rate", ["bytes": "\(Self.randomBytes)", "period": "\(Self.randomPeriod)"]),
                XMLElement("backend", ["model": "random"], text: "/dev/urandom"),
            ])
    }

    private var balloon: XMLElement {
        XMLElement("memballoon", ["model": "virtio"], [XMLElement("stats", ["period": "\(Self.balloonPeriod)"])])
    }
}
