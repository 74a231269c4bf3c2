import HostalClient

extension View {
    static let plan = View(
        .plan,
        shown: [
            Column("id"), Column("name"), Column("cores"), Column("memory") { gigabytes($0["memory"]) },
            Column("disk") { gigabytes($0["disk"]) }, Column("monthly") { price($0, "price_monthly") },
            Column("hourly") { price($0, "price_hourly") },
        ],
        further: [
            Column("description"), Column("architecture"), Column("cpu_type"), Column("storage_type"),
            Column("port_speed") { $0["port_speed"].int.map { "\($0) Mbit/s" } ?? "-" },
            Column("locations") { joined($0["locations"], "name") },
        ])

    static let image = View(
        .image,
        shown: [
            Column("id"), Column("name"), Column("type"), Column("status"), Column("disk") { gigabytes($0["disk_size"]) },
            Column("description"), age,
        ],
        further: [
            Column("size") { size($0["image_size"]) }, Column("server") { $0["created_from"]["name"].text ?? "-" },
            Column("consistent") { $0["consistent"].bool.map { $0 ? "yes" : "as after a power cut" } ?? "-" },
            Column("protection") { $0["protection"]["delete"].bool == true ? "delete" : "none" }, Column("architecture"),
            Column("os_flavor"), Column("os_version"), labels, created,
        ])

    static let location = View(
        .location, shown: [Column("id"), Column("name"), Column("description"), Column("country"), Column("city")],
        further: [Column("network_zone")])

    static let sshKey = View(
        .sshKey, shown: [Column("id"), Column("name"), Column("fingerprint"), age],
        further: [labels, Column("public_key"), created])

    static let primaryIP = View(
        .primaryIP,
        shown: [Column("id"), Column("type"), Column("ip"), Column("server") { $0["assignee_id"].text ?? "-" }, age],
        further: [Column("name"), Column("location") { $0["location"]["name"].text ?? "-" }, labels, created])

    static let action = View(
        .action,
        shown: [
            Column("id"), Column("command"), Column("status"), Column("progress") { "\($0["progress"].text ?? "0") %" },
            Column("server") { action in
                action["resources"].elements.first { $0["type"].string == "server" }?["id"].text ?? "-"
            }, Column("age") { age(of: $0["started"]) },
            Column("why") { $0["error"]["message"].text ?? $0["waiting_for"].text ?? "" },
        ],
        further: [Column("started"), Column("finished")],
        facts: { action in
            let progress = ActionProgress(action)
            var facts = [
                ("id", action["id"].text ?? "-"), ("command", progress.command), ("status", action["status"].text ?? "-"),
                ("progress", "\(progress.percent) %"), ("started", action["started"].text ?? "-"),
                ("finished", action["finished"].text ?? "-"), ("about", about(action)),
            ]
            if let reason = progress.waitingFor { facts.append(("waiting for", reason)) }
            if let message = action["error"]["message"].text {
                facts.append(("error", "\(message) (\(action["error"]["code"].text ?? ""))"))
            }
            for step in progress.steps { facts.append(("step", StepLine(step).text)) }
            return facts
        })

    private static func about(_ action: JSON) -> String {
        action["resources"].elements.map { "\($0["type"].text ?? "") \($0["id"].text ?? "")" }.joined(separator: ", ")
    }

    /// In hundredths: a file's size is no round number.
    private static func size(_ value: JSON) -> String {
        value.double.map { gigabytes(.number("\(($0 * 100).rounded() / 100)")) } ?? "-"
    }

    private static func joined(_ list: JSON, _ member: String) -> String {
        list.elements.compactMap { $0[member].text }.joined(separator: ", ")
    }

    /// Of the first location; plans cost the same in all of them unless somebody says so.
    private static func price(_ plan: JSON, _ kind: String) -> String {
        plan["prices"].elements.first?[kind]["gross"].text ?? "-"
    }
}
