import HostalClient

extension View {
    static let server = View(
        .server,
        shown: [
            Column("id"), Column("name"), Column("status"), Column("plan") { $0["server_type"]["name"].text ?? "-" },
            Column("image") { image(of: $0) }, Column("ipv4") { ServerAddresses($0).ipv4 ?? "-" }, age,
        ],
        further: [
            Column("ipv6") { ServerAddresses($0).ipv6 ?? "-" }, Column("location") { $0["location"]["name"].text ?? "-" }, labels,
            Column("protection") { protection(of: $0) }, Column("locked") { $0["locked"].bool == true ? "yes" : "no" },
            Column("disk") { gigabytes($0["primary_disk_size"]) }, created,
        ],
        facts: { server in
            let plan = server["server_type"]
            var facts = [
                ("id", server["id"].text ?? "-"), ("name", server["name"].text ?? "-"), ("status", server["status"].text ?? "-"),
                (
                    "plan",
                    "\(plan["name"].text ?? "-"): \(plan["cores"].text ?? "?") vCPU, \(gigabytes(plan["memory"])) memory, \(gigabytes(server["primary_disk_size"])) disk"
                ),
                ("image", image(of: server)), ("location", server["location"]["name"].text ?? "-"),
                ("ipv4", ServerAddresses(server).ipv4 ?? "-"), ("ipv6", ServerAddresses(server).ipv6 ?? "-"),
                ("protection", protection(of: server)), ("labels", labels(of: server)),
                ("created", "\(server["created"].text ?? "-") (\(age(of: server["created"])) ago)"),
            ]
            let holds = server["holds"].elements
            for hold in holds { facts.append(("on hold", "\(hold["reason"].text ?? "-") (\(age(of: hold["since"])) ago)")) }
            if holds.isEmpty, server["locked"].bool == true { facts.append(("locked", "an order for it is being carried out")) }
            for key in server["host_keys"].elements.compactMap(\.string) { facts.append(("host key", key)) }
            return facts
        })

    /// Why a server may not be used.
    static let hold = View(.server, shown: [Column("reason"), Column("since"), Column("age") { age(of: $0["since"]) }])

    /// What was made of a server has a number and no name.
    private static func image(of server: JSON) -> String {
        server["image"]["name"].text ?? server["image"]["id"].text.map { "image \($0)" } ?? "-"
    }

    private static func protection(of server: JSON) -> String {
        let held = ["delete", "rebuild"].filter { server["protection"][$0].bool == true }
        return held.isEmpty ? "none" : held.map { $0 == "rebuild" ? "reinstall" : $0 }.joined(separator: ", ")
    }
}

/// Where a server answers.
struct ServerAddresses {
    var ipv4: String?
    /// One address, also where the API names a network.
    var ipv6: String?

    init(_ server: JSON) {
        ipv4 = server["public_net"]["ipv4"]["ip"].string
        ipv6 = server["public_net"]["ipv6"]["ip"].string.map { text in
            let parts = text.split(separator: "/")
            let address = String(parts.first ?? "")
            // The first one of a network is the guest's.
            return parts.last == "64" && address.hasSuffix("::") ? address + "1" : address
        }
    }
}
