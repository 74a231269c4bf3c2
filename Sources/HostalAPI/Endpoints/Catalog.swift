import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalWire

/// Plans, locations and prices: the same for every account.
extension Endpoint {
    static let catalog: [Endpoint] = [
        .read("/v1/server_types") { call in
            let page = try call.query.page()
            let name = call.query.text("name")
            let locations = try await LocationStore(call.database).list()
            let plans = try await PlanReader(call.database).active().filter { name == nil || $0.plan.name == name }
            let part = Page(of: plans, page)
            return try APIAnswer(
                encoding: ServerTypeList(
                    serverTypes: part.entries.map { ServerType(number: $0.id, plan: $0.plan, locations: locations) },
                    meta: Meta(page, total: part.total)))
        },
        .read("/v1/server_types/{id}") { call in
            guard let found = try await PlanReader(call.database).plan(try call.number()) else {
                throw Refusal.notFound("the server type")
            }
            let locations = try await LocationStore(call.database).list()
            return try APIAnswer(
                encoding: ServerTypeAnswer(
                    serverType: ServerType(number: found.id, plan: found.plan, isActive: found.isActive, locations: locations)))
        },
        .read("/v1/locations") { call in
            let page = try call.query.page()
            let name = call.query.text("name")
            let part = Page(of: try await LocationStore(call.database).list().filter { name == nil || $0.name == name }, page)
            return try APIAnswer(
                encoding: LocationList(locations: part.entries.map { Location($0) }, meta: Meta(page, total: part.total)))
        },
        .read("/v1/locations/{id}") { call in
            let number = try call.number()
            guard let found = try await LocationStore(call.database).list().first(where: { $0.id == number }) else {
                throw Refusal.notFound("the location")
            }
            return try APIAnswer(encoding: LocationAnswer(location: Location(found)))
        },
        .read("/v1/datacenters") { call in
            let page = try call.query.page()
            let name = call.query.text("name")
            let plans = try await PlanReader(call.database).active().map(\.id)
            let all = try await LocationStore(call.database).list()
            let part = Page(of: all.filter { name == nil || $0.name == name }, page)
            return try APIAnswer(
                encoding: DatacenterList(
                    datacenters: part.entries.map { Datacenter($0, plans: plans) }, recommendation: all.first?.id ?? 0,
                    meta: Meta(page, total: part.total)))
        },
        .read("/v1/datacenters/{id}") { call in
            let number = try call.number()
            guard let found = try await LocationStore(call.database).list().first(where: { $0.id == number }) else {
                throw Refusal.notFound("the data centre")
            }
            let plans = try await PlanReader(call.database).active().map(\.id)
            return try APIAnswer(encoding: DatacenterAnswer(datacenter: Datacenter(found, plans: plans)))
        },
        .read("/v1/pricing") { call in
            let locations = try await LocationStore(call.database).list()
            let plans = try await PlanReader(call.database).active()
            return try APIAnswer(
                encoding: PricingAnswer(
                    pricing: Pricing(
                        currency: call.settings.currency, image: PricePerGB(pricePerGbMonth: .nothing),
                        floatingIp: MonthlyPrice(priceMonthly: .nothing), serverBackup: BackupPrice(percentage: "0"),
                        serverTypes: plans.map { found in
                            ServerTypePrice(
                                id: found.id, name: found.plan.name,
                                prices: locations.map { LocationPrice(location: $0, plan: found.plan) })
                        },
                        volume: VolumePrice(pricePerGbMonth: .nothing))))
        },
        Endpoint("GET", "/v1/openapi.json", .open { APIAnswer(status: 200, body: PackageResources.openapi_json) }),
    ]
}
