import HostalDatabase
import HostalModel
import HostalWire

/// Hosts, networks and addresses, for operators. What is there already is changed, so each may be repeated.
extension Endpoint {
    static let machines: [Endpoint] = [
        oversee("hosts") { call in
            let hosts = try await HostCatalog(database: call.database).list()
            return try APIAnswer(encoding: OperatorHosts(hosts: hosts.map { OperatorHost($0) }))
        },
        operate("POST", "hosts") { call in
            let request = try call.decode(PutHost.self)
            guard (1...63).contains(request.name.unicodeScalars.count) else {
                throw Refusal.invalid("name", "must have 1 to 63 characters")
            }
            for (field, value, most) in [
                ("vcpus", request.vcpus, 1_000_000), ("memory_mib", request.memoryMib, 1 << 40),
                ("disk_gib", request.diskGib, 1 << 40),
            ] where !(0...most).contains(value) {
                throw Refusal.invalid(field, "must be 0 to \(most)")
            }
            let totals = HostTotals(
                vcpus: request.vcpus, memory: Mebibytes(request.memoryMib), disk: Gibibytes(request.diskGib))
            let hosts = HostCatalog(database: call.database)
            do { _ = try await hosts.put(name: request.name, totals: totals, location: request.location) } catch let error
                as NoSuchLocation
            {
                throw Refusal.invalid("location", error.description)
            } catch let error as PostgresError where error.sqlState == "23514" {
                throw Refusal(status: 409, code: "conflict", message: "the host's servers hold more than these totals")
            }
            guard let host = try await hosts.list().first(where: { $0.name == request.name }) else { throw Refusal.failed }
            return try Change(201, OperatorHostAnswer(host: OperatorHost(host)))
        },
        oversee("networks") { call in
            let networks = try await NetworkReader(call.database).list()
            return try APIAnswer(encoding: OperatorNetworks(networks: networks.map { OperatorNetwork($0) }))
        },
        operate("POST", "networks") { call in
            let request = try call.decode(PutNetwork.self)
            let hosts = HostCatalog(database: call.database)
            guard (1...63).contains(request.name.unicodeScalars.count) else {
                throw Refusal.invalid("name", "must have 1 to 63 characters")
            }
            guard let host = try await hosts.find(name: request.host) else {
                throw Refusal.invalid("host", "there is no host '\(request.host)'")
            }
            do {
                try await hosts.putNetwork(
                    name: request.name, bridge: request.bridge, nameServers: request.nameServers ?? [], on: host)
            } catch let error as PostgresError where error.sqlState == "22P02" {
                throw Refusal.invalid("name_servers", "must be addresses, such as 192.0.2.53")
            } catch let error as PostgresError where error.sqlState == "23514" {
                throw error.constraint?.contains("name_servers") == true
                    ? Refusal.invalid("name_servers", "has more than 4")
                    : Refusal.invalid(
                        "bridge", "must be an interface's name: a letter, then at most 14 of letters, digits and _.-")
            }
            return try await network(request.name, call)
        },
        operate("POST", "address_ranges") { call in
            let request = try call.decode(AddRange.self)
            do {
                _ = try await HostCatalog(database: call.database).addRange(
                    network: request.network, subnet: request.subnet, gateway: request.gateway, first: request.first,
                    last: request.last)
            } catch let error as NoSuchNetwork {
                throw Refusal.invalid("network", error.description)
            } catch let error as PostgresError where error.sqlState == "23514" {
                throw Refusal.invalid("gateway", "must be an address of the subnet")
            } catch let error as PostgresError where error.sqlState.hasPrefix("22") {
                throw Refusal.invalid(
                    "subnet", "subnet, gateway, first and last must be of one family, such as 192.0.2.0/24 and 192.0.2.1")
            }
            return try await network(request.network, call)
        },
    ]

    private static func network(_ name: String, _ call: Operating) async throws -> Change {
        guard let network = try await NetworkReader(call.database).list().first(where: { $0.name == name }) else {
            throw Refusal.failed
        }
        return try Change(201, OperatorNetworkAnswer(network: OperatorNetwork(network)))
    }
}
