import HostalModel
import HostalProvisioning

/// Where a disk's bytes are, in libvirt's words. Secrets are named and never written.
enum DiskSource {
    static func type(of source: VolumeSource) -> String {
        guard let path = source.file else { return "network" }
        return path.hasPrefix("/dev/") ? "block" : "file"
    }

    static func element(of source: VolumeSource) -> XMLElement {
        switch source {
        case .file(let path):
            XMLElement("source", [type(of: source) == "block" ? "dev" : "file": path])
        case .nfs(let server, let path, let user, let group):
            // With a plus sign they are numbers, never looked up as names.
            network(
                "nfs", path, [host(server, port: nil), XMLElement("identity", ["user": "+\(user)", "group": "+\(group)"])])
        case .iscsi(let portal, let target, let lun, let initiator, let user, let secret):
            network(
                "iscsi", "\(target)/\(lun)",
                [
                    host(portal.host, port: portal.port), authentication(user, .iscsi, secret),
                    XMLElement("initiator", [:], [XMLElement("iqn", ["name": initiator])]),
                ])
        case .rbd(let monitors, let pool, let image, let user, let secret):
            network(
                "rbd", "\(pool)/\(image)",
                monitors.map { host($0.host, port: $0.port) } + [authentication(user, .ceph, secret)])
        }
    }

    /// The chain is written out to its end, with each format: else libvirt reads headers that the guest may have written.
    static func backing(_ base: VolumeBacking?) -> XMLElement {
        guard let base else { return XMLElement("backingStore") }
        return XMLElement(
            "backingStore", ["type": type(of: base.source)],
            [XMLElement("format", ["type": base.format.rawValue]), element(of: base.source), backing(nil)])
    }

    private static func network(_ protocolName: String, _ name: String, _ children: [XMLElement]) -> XMLElement {
        XMLElement("source", ["protocol": protocolName, "name": name], children)
    }

    private static func host(_ name: String, port: Int?) -> XMLElement {
        XMLElement("host", ["name": name, "port": port.map(String.init)])
    }

    private static func authentication(_ user: String, _ usage: StorageSecret.Usage, _ secret: String) -> XMLElement {
        XMLElement("auth", ["username": user], [XMLElement("secret", ["type": usage.rawValue, "usage": secret])])
    }
}
