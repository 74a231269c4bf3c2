import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// The front door for billing systems, on a real PostgreSQL.
@Suite struct PlaceOrderTests {
    private func makeDatabase(connections: Int = 8) async throws -> Database {
        let connection = try await PostgresCluster.shared().makeDatabase()
        let database = Database(
            DatabaseSettings(connection: connection, applicationName: "tests", maximumConnections: connections))
        try await PlanCatalog(database: database).apply([Samples.plan])
        let image = try Samples.server().image
        try await ImageCatalog(database: database).register(
            name: "tiny",
            image: StoredImage(digest: image.digest, path: image.location, format: image.format, virtualSize: image.virtualSize))
        return database
    }

    private func spec(
        name: String = "web", plan: String = "small", image: String = "tiny", account: String = "812", more: String = ""
    ) throws -> JSONText {
        let fields = ["account": account, "name": name, "plan": plan, "image": image]
        return JSONText(text: try JSONText(encoding: fields).text.dropLast() + more + "}")
    }

    private func place(_ database: Database, _ reference: String, _ kind: String = "create", _ spec: JSONText) async throws
        -> Int64
    {
        let rows = try await database.query("select hostal.place_order('whmcs', \(reference), \(kind), \(spec))")
        return try #require(try rows.first?.get(0))
    }

    @Test func aThousandIdenticalOrdersAtOnceMakeOneServer() async throws {
        let database = try await makeDatabase(connections: 24)
        let spec = try spec()
        let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<1_000 { group.addTask { try await place(database, "1", "create", spec) } }
            return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        let counts = try #require(
            try await database.query(
                "select (select count(*) from hostal.orders), (select count(*) from hostal.servers), (select count(*) from hostal.jobs)"
            ).first)
        #expect(try counts.get(0, as: Int.self) == 1)
        #expect(try counts.get(1, as: Int.self) == 1)
        #expect(try counts.get(2, as: Int.self) == 1)
        await database.close()
    }

    /// Each counts in its account's row, and looks at that row before.
    @Test func ordersOfOneAccountForManyServersAtOnceAreAllAccepted() async throws {
        let database = try await makeDatabase(connections: 16)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<200 {
                group.addTask { _ = try await place(database, "many-\(n)", "create", try spec(name: "web-\(n)")) }
            }
            try await group.waitForAll()
        }
        let counted = try #require(
            try await database.query(
                "select a.servers, (select count(*) from hostal.servers) from hostal.accounts a where a.external_ref = '812'"
            ).first)
        #expect(try counted.get(0, as: Int.self) == 200)
        #expect(try counted.get(1, as: Int.self) == 200)
        await database.close()
    }

    @Test func theSameReferenceWithAnotherRequestIsRefused() async throws {
        let database = try await makeDatabase()
        let first = try await place(database, "1", "create", try spec())
        let error = await #expect(throws: PostgresError.self) {
            try await place(database, "1", "create", try spec(name: "other"))
        }
        #expect(error?.sqlState == "HO002")
        #expect(error?.message == #"conflicting order: reference "1" is order \#(first), which asked for something else"#)
        await database.close()
    }

    @Test(arguments: [
        ("plan", #"{"account":"1","name":"a","plan":"huge","image":"tiny"}"#, #"there is no plan "huge"; plans are small"#),
        ("image", #"{"account":"1","name":"a","plan":"small","image":"beos"}"#, #"there is no image "beos"; images are tiny"#),
        ("name", #"{"account":"1","name":"-a","plan":"small","image":"tiny"}"#, "must be a host name"),
        ("name", #"{"account":"1","name":"a\nb","plan":"small","image":"tiny"}"#, "must be a host name"),
        ("name", #"{"account":"1","name":"a; drop table orders","plan":"small","image":"tiny"}"#, "must be a host name"),
        ("name", #"{"account":"1","plan":"small","image":"tiny"}"#, "must be a text that is not empty"),
        ("colour", #"{"account":"1","name":"a","plan":"small","image":"tiny","colour":"red"}"#, "is not a field"),
        (
            "ssh_keys[0]",
            #"{"account":"1","name":"a","plan":"small","image":"tiny","ssh_keys":["ssh-ed25519 AAAAAAAAAAAAAAAAAAAA\nevil"]}"#,
            "is not an OpenSSH public key"
        ),
        (
            "ssh_keys[0]",
            #"{"account":"1","name":"a","plan":"small","image":"tiny","ssh_keys":["command=\"x\" ssh-ed25519 AAAAAAAAAAAAAAAAAAAA"]}"#,
            "is not an OpenSSH public key"
        ),
        ("user_data", #"{"account":"1","name":"a","plan":"small","image":"tiny","user_data":7}"#, "must be a text"),
    ]) func aBadRequestIsRefusedByItsField(field: String, spec: String, reason: String) async throws {
        let database = try await makeDatabase()
        let error = await #expect(throws: PostgresError.self) { try await place(database, "1", "create", JSONText(text: spec)) }
        #expect(error?.sqlState == "HO001")
        #expect(error?.detail == field)
        #expect(error?.message.hasPrefix("invalid order: \(field): ") == true)
        #expect(error?.message.contains(reason) == true, "\(String(describing: error))")
        #expect(try await database.query("select id from hostal.orders").isEmpty, "a refused order must leave nothing")
        await database.close()
    }

    @Test func userDataFullOfSyntaxChangesNothingButItself() async throws {
        let database = try await makeDatabase()
        let hostile = "#cloud-config\n'; drop table hostal.orders; --\n]]> & <x> \" \\ {{ x }} : - | $1 \u{1F600}"
        let text = try JSONText(encoding: hostile).text
        let id = try await place(database, "1", "create", try spec(more: ",\"user_data\": \(text)"))
        let row = try #require(
            try await database.query(
                "select u.content, o.spec ->> 'user_data' from hostal.orders o join hostal.server_user_data u on u.server_id = o.server_id where o.id = \(id)"
            ).first)
        #expect(try row.get(0, as: String.self) == hostile)
        #expect(try row.get(1, as: String.self) == "(kept apart)")
        await database.close()
    }

    @Test func anOrderIsComparedByTheSecretsThatItsRowDoesNotShow() async throws {
        let database = try await makeDatabase()
        let hash = "$6$salt$" + String(repeating: "x", count: 86)
        func request(_ secret: String) throws -> JSONText {
            try spec(more: #","user_data": "\#(secret)", "password_hash": "\#(hash)""#)
        }
        let id = try await place(database, "1", "create", try request("one"))
        let shown: String? = try await database.query("select spec::text from hostal.orders where id = \(id)").first?.get(0)
        #expect(shown?.contains("one") == false && shown?.contains(hash) == false, "\(shown ?? "no order")")
        #expect(try await place(database, "1", "create", try request("one")) == id)
        for other in ["two", "(kept apart)"] {
            let error = await #expect(throws: PostgresError.self) { try await place(database, "1", "create", try request(other)) }
            #expect(error?.sqlState == "HO002")
        }
        await database.close()
    }

    /// What a later migration makes is open to everybody until it says otherwise.
    @Test func billingSystemsMayPlaceOrdersAndReadTheirOwnAndNothingElse() async throws {
        let database = try await makeDatabase()
        let open = try await database.query(
            """
            select proname::text from pg_proc
             where pronamespace = 'hostal'::regnamespace and has_function_privilege('hostal_billing', oid, 'execute')
            union all
            select relname::text from pg_class
             where relnamespace = 'hostal'::regnamespace and relkind in ('r', 'v')
               and has_table_privilege('hostal_billing', oid, 'select, insert, update, delete, truncate')
            order by 1
            """)
        #expect(try open.map { try $0.get(0, as: String.self) } == ["my_orders", "place_order"])
        await database.close()
    }

    @Test func aBillingSystemSeesItsOwnOrdersAndNothingElse() async throws {
        let database = try await makeDatabase(connections: 1)
        _ = try await place(database, "1", "create", try spec())
        try await database.transaction { transaction in
            let role = "billing_\(Int.random(in: 0 ..< .max))"
            _ = try await transaction.query("create role \(unsafe: role) login in role hostal_billing")
            _ = try await transaction.query("set local session authorization \(unsafe: role)")
            #expect(try await transaction.query("select id from hostal.my_orders").isEmpty)
            _ = try await transaction.query("savepoint before")
            for statement in [
                "select * from hostal.orders", "select * from hostal.server_user_data", "select * from hostal.servers",
                "select * from hostal.job_steps", "select hostal.open_job(1, 1, null, 'create-server')",
            ] {
                let error = await #expect(throws: PostgresError.self) { try await transaction.query("\(unsafe: statement)") }
                #expect(error?.sqlState == "42501", "\(statement): \(String(describing: error))")
                _ = try await transaction.query("rollback to before")
            }
            let spec = try spec(name: "mine")
            _ = try await transaction.query("select hostal.place_order('own', '1', 'create', \(spec))")
            #expect(try await transaction.query("select id from hostal.my_orders").count == 1)
            _ = try await transaction.query("savepoint mine")
            let other = await #expect(throws: PostgresError.self) {
                try await transaction.query("select hostal.place_order('whmcs', '2', 'create', \(spec))")
            }
            #expect(other?.detail == "source")
            _ = try await transaction.query("rollback to mine")
            _ = try await transaction.query("reset session authorization")
            _ = try await transaction.query("drop role \(unsafe: role)")
        }
        await database.close()
    }

    @Test func aDeletionOfWhatIsGoneIsASuccess() async throws {
        let database = try await makeDatabase()
        _ = try await place(database, "1", "create", try spec())
        _ = try await database.query("update hostal.servers set state = 'deleted'")
        let id = try await place(database, "1-end", "delete", JSONText(text: #"{"service": "1"}"#))
        let state: String? = try await database.query("select state from hostal.orders where id = \(id)").first?.get(0)
        #expect(state == "succeeded")
        await database.close()
    }
}
