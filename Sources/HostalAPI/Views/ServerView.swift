import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalWire

extension HostalWire.Server {
    init(_ record: ServerRecord) {
        self.init(
            id: record.id, name: record.name, status: record.status,
            publicNet: PublicNet(
                ipv4: record.ipv4.map { PublicIPv4(id: $0.id, ip: $0.ip) },
                ipv6: record.ipv6.map { PublicIPv6(id: $0.id, ip: "\($0.ip)/128") }),
            serverType: ServerType(number: record.planNumber ?? 0, plan: record.plan, locations: [record.location]),
            datacenter: Datacenter(record.location), location: Location(record.location), image: HostalWire.Image(record.image),
            locked: record.isLocked, includedTraffic: record.plan.traffic.bytes,
            protection: ServerProtection(delete: record.isDeleteProtected, rebuild: record.isRebuildProtected),
            labels: record.labels,
            primaryDiskSize: record.plan.disk.count, created: record.createdAt, hostKeys: record.hostKeys,
            holds: record.holds.map { Hold(reason: $0.reason, since: Date(timeIntervalSince1970: $0.since)) })
    }
}

extension PrimaryIP {
    init(_ record: PrimaryIPRecord) {
        self.init(
            id: record.id, name: "primary_ip-\(record.id)", ip: record.isIPv6 ? "\(record.ip)/128" : record.ip,
            type: record.isIPv6 ? "ipv6" : "ipv4", assigneeId: record.server, datacenter: Datacenter(record.location),
            location: Location(record.location), created: record.createdAt)
    }
}

extension SSHKey {
    init(_ record: SSHKeyRecord) {
        self.init(
            id: record.id, name: record.name, fingerprint: record.fingerprint, publicKey: record.publicKey, labels: record.labels,
            created: record.createdAt)
    }
}
