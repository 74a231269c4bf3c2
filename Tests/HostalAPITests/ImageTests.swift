import HostalDatabase
import Testing

/// Images that an account makes of its servers.
@Suite struct ImageTests {
    @Test func anImageIsMadeOfAServerAndServersOfIt() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let path = "/v1/servers/\(server)"
            let reply = try await api.call(
                "POST", "\(path)/actions/create_image", #"{"description": "before", "type": "snapshot", "labels": {"a": "b"}}"#)
            #expect(reply.status == 201, "\(reply.text)")
            var image = reply.body["image"]
            let number = try #require(image["id"].number)
            #expect(image["type"].text == "snapshot" && image["status"].text == "creating" && image["name"] == .null)
            #expect(image["description"].text == "before" && image["labels"].fields == ["a": .text("b")])
            #expect(image["image_size"] == .null && image["disk_size"].number == 10 && image["bound_to"] == .null)
            #expect(image["created_from"].fields == ["id": .number(Double(server)), "name": .text("web")])
            let action = reply.body["action"]
            #expect(action["command"].text == "create_image" && action["status"].text == "running")
            let about = action["resources"].entries.map { "\($0["type"].text ?? "") \($0["id"].number ?? 0)" }
            #expect(about == ["server \(server)", "image \(number)"])
            #expect(try await api.get(path)["server"]["locked"] == .bool(true))
            #expect(try await api.get(path)["server"]["status"].text == "running")
            #expect(try await api.call("POST", "\(path)/actions/reboot").code == "locked")
            let early = try await api.call("POST", "/v1/servers", Self.create("early", number))
            #expect(early.status == 422 && early.fields == ["image"] && early.text.contains("not made yet"))
            #expect(try await api.call("DELETE", "/v1/images/\(number)").code == "locked")

            try await api.finishImages()
            image = try await api.get("/v1/images/\(number)")["image"]
            #expect(image["status"].text == "available" && image["image_size"].number == 2 && image["disk_size"].number == 4)
            #expect(try await api.get("/v1/actions/\(action["id"].number ?? 0)")["action"]["status"].text == "success")
            let made = try await api.call("POST", "/v1/servers", Self.create("next", number))
            #expect(made.status == 201 && made.body["server"]["image"] == image, "\(made.text)")
            let rebuilt = try await api.call("POST", "\(path)/actions/rebuild", #"{"image": "\#(number)"}"#)
            #expect(rebuilt.status == 201, "\(rebuilt.text)")
            let chosen = try await api.database.query(
                "select image_id from hostal.jobs where workflow = 'reinstall-server' union all select image_id from hostal.servers where name = 'next'"
            )
            #expect(try chosen.map { try $0.get(0, as: Int.self) } == [number, number])
        }
    }

    @Test(arguments: [
        (#"{"type": "backup"}"#, "unsupported_error", "type"), (#"{"type": "system"}"#, "invalid_input", "type"),
        (#"{"description": "\#(String(repeating: "ä", count: 256))"}"#, "invalid_input", "description"),
        (#"{"description": 1}"#, "invalid_input", "description"), (#"{"labels": {"-": "x"}}"#, "invalid_input", "labels"),
    ]) func aWrongImageNamesItsField(body: String, code: String, field: String) async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let image = try await api.image(of: server)
            for (method, path) in [("POST", "/v1/servers/\(server)/actions/create_image"), ("PUT", "/v1/images/\(image)")] {
                let reply = try await api.call(method, path, body)
                #expect(reply.status == 422 && reply.code == code && reply.fields == [field], "\(reply.text)")
            }
            #expect(try await api.count("images") == 2)
            #expect(try await api.call("PUT", "/v1/images/\(image)", #"{"type": "snapshot"}"#).status == 200)
            let longest = String(repeating: "ä", count: 255)
            #expect(try await api.call("PUT", "/v1/images/\(image)", #"{"description": "\#(longest)"}"#).status == 200)
        }
    }

    @Test func imagesAreNarrowedSortedAndPaged() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let first = try await api.image(of: server, #"{"labels": {"env": "prod"}}"#)
            let second = try await api.image(of: server, #"{"labels": {"env": "dev"}}"#)
            let third = try #require(
                try await api.call("POST", "/v1/servers/\(server)/actions/create_image").body["image"]["id"].number)
            func found(_ query: String) async throws -> [Int] {
                let body = try await api.get("/v1/images?\(query)")
                let numbers = body["images"].entries.compactMap { $0["id"].number }
                if !query.contains("page=") { #expect(body["meta"]["pagination"]["total_entries"].number == numbers.count) }
                return numbers
            }
            #expect(try await found("") == [1, first, second, third])
            #expect(try await found("type=snapshot") == [first, second, third])
            #expect(try await found("type=system") == [1])
            #expect(try await found("type=system&type=snapshot&type=app") == [1, first, second, third])
            #expect(try await found("type=backup") == [])
            #expect(try await found("status=creating") == [third])
            #expect(try await found("status=available&type=snapshot") == [first, second])
            #expect(try await found("name=debian-12&architecture=x86") == [1])
            #expect(try await found("name=snapshot-\(first)") == [], "an account's own has no name")
            #expect(try await found("label_selector=env=prod") == [first])
            #expect(try await found("label_selector=env") == [first, second])
            #expect(try await found("sort=created:desc&type=snapshot") == [third, second, first])
            #expect(try await found("sort=name") == [1, first, second, third])
            #expect(try await found("sort=id:desc&page=2&per_page=3") == [1])
            #expect(try await found("page=9&per_page=3") == [])
            for none in ["architecture=arm", "bound_to=\(server)"] { #expect(try await found(none) == [], "\(none)") }
            for wrong in ["sort=digest", "label_selector==", "page=0", "type=disk", "status=50"] {
                #expect(try await api.call("GET", "/v1/images?\(wrong)").status == 422, "\(wrong)")
            }
            #expect(try await api.call("GET", "/v1/images", token: api.stranger).body["images"].entries.count == 1)
        }
    }

    /// In nothing that is answered can one that is another's be told from one that nobody has.
    @Test func anotherAccountsImageIsAsOneThatIsNotThere() async throws {
        try await TestAPI.use { api in
            let image = try await api.image(of: try await api.placed("web"))
            let theirs = try await api.create("theirs", token: api.stranger)
            try await api.finishAll()
            let before = try await api.count("orders")
            func asked(_ number: Int) async throws -> [String] {
                var answers: [String] = []
                for (method, path, body) in [
                    ("POST", "/v1/servers", Self.create("x", number)),
                    ("POST", "/v1/servers", Self.create("x", number, quoted: true)),
                    ("POST", "/v1/servers?dry_run=true", Self.create("x", number)),
                    ("POST", "/v1/servers/\(theirs)/actions/rebuild", #"{"image": \#(number)}"#),
                    ("GET", "/v1/images/\(number)", ""), ("DELETE", "/v1/images/\(number)", ""),
                    ("PUT", "/v1/images/\(number)", #"{"description": "x"}"#), ("GET", "/v1/images/\(number)/actions", ""),
                    ("POST", "/v1/images/\(number)/actions/change_protection", #"{"delete": true}"#),
                ] {
                    let reply = try await api.call(method, path, body, token: api.stranger)
                    #expect(reply.status == (path.contains("/servers") ? 422 : 404), "\(method) \(path): \(reply.text)")
                    answers.append(reply.text.replacing("\(number)", with: "N"))
                }
                return answers
            }
            #expect(try await asked(image) == asked(9_999))
            #expect(try await api.count("orders") == before)
            // The door behind the API's is shut as well.
            await #expect(throws: PostgresError.self) {
                try await api.database.query(
                    """
                    select hostal.place_account_order(2, 'x', 'reinstall', jsonb_build_object('server', \(theirs)::bigint, 'image', \("\(image)")::text))
                    """)
            }
        }
    }

    @Test func anImageIsRelabelledProtectedAndDeletedWhileItsServersKeepIt() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let image = try await api.image(of: server, #"{"description": "d", "labels": {"a": "b"}}"#)
            let path = "/v1/images/\(image)"
            #expect(try await api.call("POST", "/v1/servers", Self.create("child", image)).status == 201)
            try await api.finishAll()

            let described = try await api.call("PUT", path, #"{"description": "other"}"#).body["image"]
            #expect(described["description"].text == "other" && described["labels"].fields == ["a": .text("b")])
            let labelled = try await api.call("PUT", path, #"{"labels": {"c": ""}, "expected_labels": {"a": "b"}}"#)
            #expect(labelled.status == 200 && labelled.body["image"]["labels"].fields == ["c": .text("")])
            #expect(labelled.body["image"]["description"].text == "other")
            let late = try await api.call("PUT", path, #"{"labels": {}, "expected_labels": {"a": "b"}}"#)
            #expect(late.status == 409 && late.code == "conflict" && late.text.contains("image's labels"))

            let protected = try await api.call("POST", "\(path)/actions/change_protection", #"{"delete": true}"#)
            let action = protected.body["action"]
            #expect(protected.status == 201 && action["command"].text == "change_protection", "\(protected.text)")
            #expect(action["status"].text == "success" && action["resources"].entries.compactMap { $0["type"].text } == ["image"])
            #expect(try await api.get(path)["image"]["protection"]["delete"] == .bool(true))
            #expect(try await api.call("DELETE", path).code == "protected")
            #expect(try await api.call("POST", "\(path)/actions/change_protection").fields == ["delete"])
            #expect(try await api.call("POST", "\(path)/actions/change_protection", #"{"delete": false}"#).status == 201)

            let deleted = try await api.call("DELETE", path)
            #expect(deleted.status == 204 && deleted.text.isEmpty)
            for (method, path) in [("DELETE", path), ("GET", path), ("PUT", path), ("GET", "\(path)/actions")] {
                #expect(try await api.call(method, path).status == 404, "\(method) \(path)")
            }
            #expect(try await api.get("/v1/images")["images"].entries.count == 1)
            #expect(try await api.call("POST", "/v1/servers", Self.create("late", image)).fields == ["image"])
            let child = try await api.get("/v1/servers?name=child")["servers"][0]["image"]
            #expect(child["id"].number == image && child["deleted"] != .null)
        }
    }

    @Test func theProvidersImagesAreNobodysToChange() async throws {
        try await TestAPI.use { api in
            for (method, path, body) in [
                ("PUT", "/v1/images/1", #"{"description": "mine"}"#), ("DELETE", "/v1/images/1", ""),
                ("POST", "/v1/images/1/actions/change_protection", #"{"delete": true}"#),
            ] {
                let reply = try await api.call(method, path, body)
                #expect(reply.status == 403 && reply.code == "forbidden", "\(method) \(path): \(reply.text)")
            }
            #expect(try await api.get("/v1/images/1/actions")["actions"].entries.isEmpty)
            _ = try await api.database.query("update hostal.images set active = false")
            #expect(try await api.get("/v1/images/1")["image"]["name"].text == "debian-12")
            #expect(try await api.get("/v1/images")["images"].entries.isEmpty)
            #expect(try await api.call("POST", "/v1/servers", Self.create("x", 1)).text.contains("there is no image 1"))
        }
    }

    @Test func anImagesActionsAreItsOwn() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let image = try await api.image(of: server)
            let other = try await api.image(of: server)
            _ = try await api.call("POST", "/v1/images/\(image)/actions/change_protection", #"{"delete": true}"#)
            func actions(_ path: String) async throws -> [String] {
                try await api.get(path)["actions"].entries.map { "\($0["id"].number ?? 0) \($0["command"].text ?? "")" }
            }
            #expect(try await actions("/v1/images/\(image)/actions") == ["2 create_image", "4 change_protection"])
            #expect(try await actions("/v1/images/\(other)/actions?status=success") == ["3 create_image"])
            #expect(try await actions("/v1/images/actions") == ["2 create_image", "3 create_image", "4 change_protection"])
            #expect(try await actions("/v1/servers/actions") == ["1 create_server", "2 create_image", "3 create_image"])
            #expect(try await actions("/v1/actions").count == 4)
            #expect(try await api.get("/v1/images/\(image)/actions/4")["action"]["id"].number == 4)
            #expect(try await api.get("/v1/images/actions/4")["action"]["id"].number == 4)
            for path in ["images/\(image)/actions/3", "images/actions/1", "servers/actions/4", "servers/\(server)/actions/4"] {
                #expect(try await api.call("GET", "/v1/\(path)").status == 404, "\(path)")
            }
        }
    }

    @Test func anImageWhoseOrderIsStuckIsUnavailable() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            _ = try await api.call("POST", "/v1/servers/\(server)/actions/create_image")
            _ = try await api.database.query("update hostal.jobs set state = 'stuck' where workflow = 'capture-image'")
            _ = try await api.database.query("update hostal.orders set state = 'stuck' where kind = 'create_image'")
            let images = try await api.get("/v1/images?status=unavailable")["images"]
            #expect(images.entries.count == 1 && images[0]["status"].text == "unavailable")
            #expect(try await api.get("/v1/images?status=creating")["images"].entries.isEmpty)
        }
    }

    @Test func anImageThatNeedsALargerDiskIsRefused() async throws {
        try await TestAPI.use { api in
            let image = try await api.image(of: try await api.placed("web"))
            _ = try await api.database.query(
                "update hostal.images set virtual_size = 15::bigint << 30 where account_id is not null")
            let small = try await api.call("POST", "/v1/servers", Self.create("x", image))
            #expect(small.status == 422 && small.fields == ["image"] && small.text.contains("needs a disk of 15 GiB"))
            let medium = try await api.call("POST", "/v1/servers", Self.create("x", image).replacing("small", with: "medium"))
            #expect(medium.status == 201, "\(medium.text)")
        }
    }

    @Test func anAccountHasAHundredImagesAtMost() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let image = try await api.image(of: server)
            _ = try await api.database.query(
                """
                with more as (
                    insert into hostal.orders (source, external_ref, request_hash, kind, spec, account_id, server_id, state)
                    select o.source, 'more-' || n, o.request_hash, o.kind, o.spec, o.account_id, o.server_id, o.state
                      from hostal.orders o, generate_series(2, 100) n where o.kind = 'create_image' returning id, account_id, server_id)
                insert into hostal.images (name, digest, format, virtual_size, location, account_id, server_id, order_id)
                select 'more', repeat('c', 64), 'qcow2', 1, '/x', account_id, server_id, id from more
                """)
            #expect(try await api.get("/v1/images?type=snapshot")["meta"]["pagination"]["total_entries"].number == 100)
            let path = "/v1/servers/\(server)/actions/create_image"
            let refused = try await api.call("POST", path)
            #expect(refused.status == 409 && refused.code == "conflict" && refused.text.contains("100 images already"))
            #expect(try await api.call("DELETE", "/v1/images/\(image)").status == 204)
            #expect(try await api.call("POST", path).status == 201)
        }
    }

    private static func create(_ name: String, _ image: Int, quoted: Bool = false) -> String {
        #"{"name": "\#(name)", "server_type": "small", "image": \#(quoted ? "\"\(image)\"" : "\(image)")}"#
    }
}
