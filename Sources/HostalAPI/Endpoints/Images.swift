import HostalDatabase
import HostalProvisioning
import HostalWire

/// The provider's images, and those that the account has made of its servers.
extension Endpoint {
    static let images: [Endpoint] = [
        .read("/v1/images") { call in
            let page = try call.query.page()
            let query = call.query
            let filter = ImageFilter(
                name: query.text("name"), types: try words("type", types, query), statuses: try words("status", statuses, query),
                labels: try query.labels())
            let sort: Ordering<ImageColumn> = try query.sort(.id)
            let architectures = query.all("architecture")
            // All of ours are for this one architecture, and bound to nothing.
            let isWanted = (architectures.isEmpty || architectures.contains("x86")) && query.text("bound_to") == nil
            let found =
                isWanted
                ? try await ImageReader(call.database).list(of: call.account, filter, sort: sort, page: page)
                : Page(entries: [], total: 0)
            return try APIAnswer(
                encoding: ImageList(images: found.entries.map { HostalWire.Image($0) }, meta: Meta(page, total: found.total)))
        },
        .read("/v1/images/{id}") { call in
            try APIAnswer(
                encoding: ImageAnswer(image: HostalWire.Image(try await image(call.number(), call.account, call.database))))
        },
        .change("PUT", "/v1/images/{id}") { call in
            let request = try call.decode(UpdateImage.self)
            try checkKind(request.type)
            try checkDescription(request.description)
            let image = try await own(call)
            switch try await AccountImages(call.transaction).update(
                image, of: call.account, description: request.description, labels: request.labels,
                expecting: request.expectedLabels)
            {
            case .done: break
            case .absent: throw Refusal.notFound("the image")
            case .overtaken: throw Refusal.labelsChanged("image")
            }
            let updated = try await Self.image(image, call.account, call.transaction)
            return try Change(200, ImageAnswer(image: HostalWire.Image(updated)))
        },
        .change("DELETE", "/v1/images/{id}") { call in
            guard try await AccountImages(call.transaction).delete(try await own(call), of: call.account) else {
                throw Refusal.notFound("the image")
            }
            return Change(empty: 204, effect: DryRun(steps: [], downtime: "none", irreversible: true, keeps: []))
        },
        .change("POST", "/v1/images/{id}/actions/change_protection") { call in
            let image = try await own(call)
            let request = try call.decode(ProtectImage.self)
            let order = try await AccountImages(call.transaction).protect(image, of: call.account, fromDeletion: request.delete)
            guard let order else { throw Refusal.notFound("the image") }
            return try Change(201, ActionAnswer(action: try await action(order, call)))
        },
        .change("POST", "/v1/servers/{id}/actions/create_image") { call in
            let request = try call.decode(CreateImage.self)
            try checkKind(request.type)
            try checkDescription(request.description)
            let server = try await existing(call)
            let orders = AccountOrders(call.transaction)
            let spec = OrderSpec(server: server.id, labels: request.labels, description: request.description)
            let order = try await orders.place(of: call.account, kind: "create_image", spec: try JSONText(encoding: spec))
            let workflow = try await orders.subject(of: order).workflow
            guard let image = try await AccountImages(call.transaction).image(madeBy: order, of: call.account) else {
                throw Refusal.failed
            }
            return try Change(
                201, ImageCreated(image: HostalWire.Image(image), action: try await action(order, call)),
                effect: Effects.of("create_image", steps: call.steps[workflow ?? ""] ?? []))
        },
    ]

    /// The API's clients know the last two; there are none of them.
    private static let types = ["system", "snapshot", "backup", "app"]
    private static let statuses = ["creating", "available", "unavailable"]

    private static func words(_ parameter: String, _ known: [String], _ query: Query) throws -> [String] {
        let asked = query.all(parameter)
        for word in asked where !known.contains(word) {
            throw Refusal.invalid(parameter, "must be one of \(known.joined(separator: ", "))")
        }
        return asked
    }

    /// An image that the account sees; another's is not found.
    static func image(_ number: Int64, _ account: Int64, _ database: some Querying) async throws -> ImageRecord {
        guard let image = try await ImageReader(database).image(number, of: account) else { throw Refusal.notFound("the image") }
        return image
    }

    /// The number of an image that the account may change.
    private static func own(_ call: Changing) async throws -> Int64 {
        let found = try await image(try call.number(), call.account, call.transaction)
        guard found.isOwn else { throw Refusal.providers }
        return found.id
    }

    private static func action(_ order: Int64, _ call: Changing) async throws -> Action {
        guard let action = try await ActionReader(call.transaction).action(order, of: call.account) else { throw Refusal.failed }
        return Action(action)
    }

    private static func checkKind(_ type: String?) throws {
        switch type ?? "snapshot" {
        case "snapshot": break
        case "backup": throw Refusal.unsupported("type", "Hostal does not have backups yet: only snapshot is accepted")
        default: throw Refusal.invalid("type", "must be snapshot")
        }
    }

    private static func checkDescription(_ description: String?) throws {
        let scalars = description?.unicodeScalars ?? "".unicodeScalars
        guard scalars.count <= descriptionLimit, !scalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Refusal.invalid("description", "must have at most \(descriptionLimit) characters, without control characters")
        }
    }

    /// Characters, as in the database.
    private static let descriptionLimit = 255
}
