import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalWire

/// Sizes in the API's units.
enum Size {
    /// Of 2^30 bytes; the API calls them GB.
    static func gigabytes(_ bytes: Int64) -> Double { Double(bytes) / Double(1 << 30) }
    /// Disks are at least this large, in whole GB.
    static func wholeGigabytes(_ bytes: Int64) -> Double { gigabytes(bytes).rounded(.up) }
}

extension ServerType {
    /// `locations` are where it is sold; none for a plan that a server has.
    init(number: Int64, plan: Plan, isActive: Bool = true, locations: [LocationRecord]) {
        self.init(
            id: number, name: plan.name, description: plan.description.isEmpty ? plan.name : plan.description, cores: plan.vcpus,
            memory: Double(plan.memory.count) / 1_024, disk: plan.disk.count, deprecated: !isActive,
            prices: locations.map { LocationPrice(location: $0, plan: plan) }, includedTraffic: plan.traffic.bytes,
            locations: locations.map { ServerTypeLocation(id: $0.id, name: $0.name, available: isActive) },
            portSpeed: plan.portSpeed.count)
    }
}

extension LocationPrice {
    init(location: LocationRecord, plan: Plan) {
        self.init(
            location: location.name, priceHourly: Price(net: plan.priceHourly, gross: plan.priceHourly),
            priceMonthly: Price(net: plan.priceMonthly, gross: plan.priceMonthly), includedTraffic: plan.traffic.bytes,
            pricePerTbTraffic: .nothing)
    }
}

extension Price {
    static let nothing = Price(net: "0", gross: "0")
}

extension Location {
    init(_ record: LocationRecord) {
        self.init(
            id: record.id, name: record.name, description: record.description, country: record.country, city: record.city,
            networkZone: record.networkZone)
    }
}

extension Datacenter {
    /// Each location is its own one data centre.
    init(_ record: LocationRecord, plans: [Int64] = []) {
        self.init(
            id: record.id, name: record.name, description: record.description, location: Location(record),
            serverTypes: DatacenterServerTypes(supported: plans, available: plans, availableForMigration: plans))
    }
}

extension HostalWire.Image {
    /// An account's own has no name: it is told by its number.
    init(_ record: ImageRecord) {
        let parts = record.isOwn ? [] : record.name.split(separator: "-", maxSplits: 1)
        let flavours = ["debian", "ubuntu", "fedora", "rocky", "alma", "centos", "opensuse"]
        let flavour = parts.first.map(String.init) ?? ""
        self.init(
            id: record.id, type: record.isOwn ? "snapshot" : "system", status: record.status,
            name: record.isOwn ? nil : record.name, description: record.isOwn ? record.description : record.name,
            imageSize: record.bytes.map(Size.gigabytes), diskSize: Size.wholeGigabytes(record.virtualSize),
            created: record.createdAt, createdFrom: record.source.map { ImageOrigin(id: $0.id, name: $0.name) },
            consistent: record.isConsistent,
            osFlavor: flavours.contains(flavour) ? flavour : "unknown", osVersion: parts.count == 2 ? String(parts[1]) : nil,
            protection: DeleteProtection(delete: record.isDeleteProtected), deprecated: nil, deleted: record.deletedAt,
            labels: record.labels)
    }
}
