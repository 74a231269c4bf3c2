import HostalDatabase
import HostalTestKit
import Testing

@Suite struct ListTests {
    @Test func pagesFollowOneAnotherWithoutGapsOrRepeats() async throws {
        try await TestAPI.use { api in
            for n in 1...7 { try await api.create("web\(n)") }
            var seen: [Int] = []
            for page in 1...3 {
                let body = try await api.get("/v1/servers?page=\(page)&per_page=3")
                seen += body["servers"].entries.compactMap { $0["id"].number }
                let pagination = body["meta"]["pagination"]
                #expect(pagination["total_entries"].number == 7 && pagination["last_page"].number == 3)
                #expect(pagination["next_page"] == (page == 3 ? .null : .number(Double(page + 1))))
                #expect(pagination["previous_page"] == (page == 1 ? .null : .number(Double(page - 1))))
            }
            #expect(seen == seen.sorted() && Set(seen).count == 7)
            let beyond = try await api.get("/v1/servers?page=9&per_page=3")
            #expect(beyond["servers"].entries.isEmpty && beyond["meta"]["pagination"]["total_entries"].number == 7)
            #expect(try await api.get("/v1/servers?per_page=500")["meta"]["pagination"]["per_page"].number == 50)
            for wrong in ["page=0", "page=x", "per_page=0", "page=-1", "page=", "per_page=9223372036854775808", "sort="] {
                #expect(try await api.call("GET", "/v1/servers?\(wrong)").status == 422, "\(wrong)")
            }
        }
    }

    @Test(arguments: [
        ("env=prod", ["a", "b"]), ("env==prod", ["a", "b"]), ("env!=prod", ["c", "d"]),
        ("env%20in%20(prod,dev)", ["a", "b", "c"]),
        ("env%20notin%20(prod,dev)", ["d"]), ("env", ["a", "b", "c"]), ("!env", ["d"]), ("env=prod,tier=db", ["b"]),
        ("tier=", []),
        ("env+in+(prod),!tier", ["a"]), ("example.com/x", ["d"]),
    ]) func aLabelSelectorFinds(selector: String, names: [String]) async throws {
        try await TestAPI.use { api in
            try await api.create("a", #", "labels": {"env": "prod"}"#)
            try await api.create("b", #", "labels": {"env": "prod", "tier": "db"}"#)
            try await api.create("c", #", "labels": {"env": "dev"}"#)
            try await api.create("d", #", "labels": {"example.com/x": ""}"#)
            let body = try await api.get("/v1/servers?sort=name&label_selector=\(selector)")
            #expect(body["servers"].entries.compactMap { $0["name"].text } == names)
            #expect(body["meta"]["pagination"]["total_entries"].number == names.count)
        }
    }

    @Test(arguments: ["=", "a=b=c", "a in b", "a in (b", "!!a", "a b", "a=b,", "a;drop", "(a)", "-a"])
    func whatIsNoLabelSelectorIsRefused(selector: String) throws {
        #expect(LabelSelector(selector) == nil)
    }

    @Test func serversAreSortedAndNarrowed() async throws {
        try await TestAPI.use { api in
            for name in ["b", "c", "a"] { try await api.create(name) }
            func names(_ query: String) async throws -> [String] {
                try await api.get("/v1/servers?\(query)")["servers"].entries.compactMap { $0["name"].text }
            }
            #expect(try await names("") == ["b", "c", "a"])
            #expect(try await names("sort=name") == ["a", "b", "c"])
            #expect(try await names("sort=name:desc") == ["c", "b", "a"])
            #expect(try await names("sort=created:desc") == ["a", "c", "b"])
            #expect(try await names("name=c") == ["c"])
            #expect(try await names("name=x") == [])
            #expect(try await names("status=running") == [])
            #expect(try await names("status=initializing&status=running&sort=name") == ["a", "b", "c"])
            for wrong in [
                "sort=secret", "sort=name:up", "sort=id;drop", "status=broken", "label_selector==", "name=%zz", "name=%ff",
            ] {
                #expect(try await api.call("GET", "/v1/servers?\(wrong)").status == 422, "\(wrong)")
            }
        }
    }

    @Test func actionsAreNarrowedByNumberAndStatus() async throws {
        try await TestAPI.use { api in
            let first = try await api.running("a")
            try await api.create("b")
            func commands(_ query: String) async throws -> [Int] {
                try await api.get("/v1/actions?\(query)")["actions"].entries.compactMap { $0["id"].number }
            }
            #expect(try await commands("") == [1, 2])
            #expect(try await commands("id=2&id=77") == [2])
            #expect(try await commands("status=success") == [1])
            #expect(try await commands("status=success&status=running&sort=id:desc") == [2, 1])
            #expect(try await api.get("/v1/servers/\(first)/actions")["actions"].entries.count == 1)
            #expect(try await api.call("GET", "/v1/servers/\(first)/actions/2").status == 404)
            #expect(try await api.call("GET", "/v1/actions?id=x").fields == ["id"])
            #expect(try await api.call("GET", "/v1/actions?status=done").fields == ["status"])
        }
    }

    @Test func eventsComeOnceAndInOrder() async throws {
        try await TestAPI.use { api in
            try await api.create("web")
            for n in 1...3 {
                _ = try await api.database.query(
                    "insert into hostal.events (dedupe_key, kind, account_id, server_id) select \("k\(n)"), 'server.running', account_id, id from hostal.servers"
                )
            }
            // Transactions of other tests, in other databases of this server, may be older than ours.
            try await waitUntil("the events are told") { try await api.get("/v1/events")["events"].entries.count == 3 }
            let first = try await api.get("/v1/events")
            #expect(first["events"].entries.count == 3 && first["next"].number == 3)
            let rest = try await api.get("/v1/events?after=2")
            #expect(rest["events"].entries.compactMap { $0["id"].number } == [3])
            #expect(try await api.get("/v1/events?after=3")["next"].number == 3)
        }
    }

    /// A number that was given out earlier and is committed later must not be skipped by a reader in between.
    @Test func anEventThatIsCommittedLateIsNotSkipped() async throws {
        try await TestAPI.use { api in
            try await api.create("web")
            @Sendable func add(_ key: String) -> SQL {
                "insert into hostal.events (dedupe_key, kind, account_id, server_id) select \(key), 'server.running', account_id, id from hostal.servers"
            }
            try await api.database.transaction { slow in
                _ = try await slow.query(add("first"))
                _ = try await api.database.query(add("second"))
                let between = try await api.get("/v1/events")
                #expect(between["events"].entries.isEmpty && between["next"].number == 0)
            }
            try await waitUntil("both are told") { try await api.get("/v1/events")["events"].entries.count == 2 }
        }
    }

    @Test func theCatalogShowsPlansImagesLocationsAndPrices() async throws {
        try await TestAPI.use { api in
            let plan = try await api.get("/v1/server_types?name=small")["server_types"][0]
            #expect(plan["memory"].number == 1 && plan["disk"].number == 10 && plan["cores"].number == 1)
            #expect(plan["prices"][0]["price_monthly"]["gross"].text == "4.15")
            #expect(try await api.get("/v1/server_types/\(plan["id"].number ?? 0)")["server_type"] == plan)
            let image = try await api.get("/v1/images?name=debian-12&type=system&architecture=x86")["images"][0]
            #expect(image["os_flavor"].text == "debian" && image["os_version"].text == "12" && image["disk_size"].number == 3)
            for none in ["type=snapshot", "architecture=arm", "status=creating", "name=beos"] {
                #expect(try await api.get("/v1/images?\(none)")["images"].entries.isEmpty, "\(none)")
            }
            #expect(try await api.get("/v1/pricing")["pricing"]["currency"].text == "EUR")
            #expect(try await api.get("/v1/locations")["locations"][0]["name"].text == "default")
            for kind in ["server_types", "images", "locations", "datacenters", "ssh_keys", "primary_ips", "actions", "servers"] {
                #expect(try await api.call("GET", "/v1/\(kind)/4711").code == "not_found", "\(kind)")
                #expect(try await api.call("GET", "/v1/\(kind)/x").code == "not_found", "\(kind)")
            }
        }
    }
}
