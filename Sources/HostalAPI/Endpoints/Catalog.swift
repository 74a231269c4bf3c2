import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalWire

/// Plans, images, locations and prices: the same for every account.
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
        .read("/v1/images") { call in
            let page = try call.query.page()
            let query = call.query
            let name = query.text("name")
            func wanted(_ parameter: String, _ ours: String) -> Bool {
                let asked = query.all(parameter)
                return asked.isEmpty || asked.contains(ours)
            }
            // All of ours are available system images without labels, for this one architecture.
            let isWanted =
                wanted("type", "system") && wanted("status", "available") && wanted("architecture", "x86")
                && query.text("bound_to") == nil
                && query.text("label_selector") == nil
            let sort: Ordering<ImageColumn> = try query.sort(.id)
            var images = isWanted ? try await ImageReader(call.database).active().filter { name == nil || $0.name == name } : []
            if sort.column == .name { images.sort { $0.name < $1.name } }
            if sort.column == .created { images.sort { $0.createdAt < $1.createdAt } }
            if sort.descending { images.reverse() }
            let part = Page(of: images, page)
            return try APIAnswer(
                encoding: ImageList(images: part.entries.map { HostalWire.Image($0) }, meta: Meta(page, total: part.total)))
        },
        .read("/v1/images/{id}") { call in
            guard let image = try await ImageReader(call.database).image(try call.number()) else {
                throw Refusal.notFound("the image")
            }
            return try APIAnswer(encoding: ImageAnswer(image: HostalWire.Image(image)))
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

enum ImageColumn: String, Sendable, CaseIterable {
    case id, name, created
}
