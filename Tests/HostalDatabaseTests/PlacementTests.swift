import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Where servers are put when there are several locations.
@Suite struct PlacementTests {
    typealias Shop = ManageServerTests.Shop

    /// Another location whose host is the emptier one of the two.
    private func withNorth(_ body: (Shop, HostID) async throws -> Void) async throws {
        try await Shop.with { shop in
            _ = try await LocationStore(shop.database).add(
                name: "north", description: "", country: "", city: "", networkZone: "x")
            let hosts = HostCatalog(database: shop.database)
            let totals = HostTotals(vcpus: 4, memory: Mebibytes(4_096), disk: Gibibytes(10))
            let north = try await hosts.put(name: "north-1", totals: totals, location: "north")
            try await hosts.putNetwork(name: "public", bridge: "br0", nameServers: [], on: north)
            // New totals leave a host where it is.
            #expect(try await hosts.put(name: "north-1", totals: totals) == north)
            await #expect(throws: NoSuchLocation.self) { try await hosts.put(name: "x", totals: totals, location: "south") }
            try await body(shop, north)
        }
    }

    private func create(_ shop: Shop, _ name: String, in location: String?) async throws -> Job {
        let more = location.map { #", "location": "\#($0)""# } ?? ""
        try await shop.place(name, "create", #"{"account": "a", "name": "\#(name)", "plan": "small", "image": "tiny"\#(more)}"#)
        return try await shop.claim()
    }

    private func host(_ shop: Shop, _ job: Job) async throws -> HostID {
        try await shop.capacity.reserve(for: job.server.id, plan: job.server.plan, lease: job.lease).host
    }

    @Test func aServerIsPutWhereItsCustomerSaysAndElsewhereOnlyWhenNothingWasSaid() async throws {
        try await withNorth { shop, north in
            let stays = try await create(shop, "stays", in: "default")
            #expect(try await host(shop, stays) == shop.host, "the emptier host is in another location")
            let moves = try await create(shop, "moves", in: "north")
            #expect(try await host(shop, moves) == north)
            let anywhere = try await create(shop, "anywhere", in: nil)
            #expect(try await host(shop, anywhere) == north, "the emptier host")
        }
    }

    @Test func aFullLocationRefusesAServerThoughAnotherHasRoom() async throws {
        try await withNorth { shop, north in
            _ = try await shop.database.query("update hostal.hosts set state = 'draining' where id = \(north)")
            let job = try await create(shop, "web2", in: "north")
            let error = await #expect(throws: Failure.self) { try await host(shop, job) }
            #expect(error?.code == .resourceUnavailable)
            #expect(error?.message.hasPrefix("cannot place the server: no host in location 'north' has 1 vCPUs") == true)
        }
    }

    @Test func anUnknownLocationIsRefusedWithThoseThatThereAre() async throws {
        try await withNorth { shop, _ in
            let error = try await errorOf { try await create(shop, "web2", in: "south") }
            #expect(error.sqlState == "HO001" && error.detail == "location")
            #expect(error.message == #"invalid order: location: there is no location "south"; locations are default, north"#)
        }
    }
}
