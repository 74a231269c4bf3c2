import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Servers that may not be used: what billing systems and operators ask for, and what becomes of it in the database.
@Suite struct HoldTests {
    typealias Shop = ManageServerTests.Shop

    @Test func aServerOnHoldTakesNoOrderButItsDeletionByItsProvider() async throws {
        try await Shop.with { shop in
            try await shop.order("s", "suspend", #""reason": "billing""#)
            try await shop.finish(try await shop.claim(), [.suspended(before: .on)])
            let server = try await shop.database.only("select id from hostal.servers", as: Int64.self)
            let specs = [
                "reinstall": #""image": "other""#, "resize": #""plan": "large""#,
                "reset_password": #""password_hash": "$6$aaaaaaaa$bbbbbbbbbbbbbbbb""#,
            ]
            for kind in ["reboot", "reset", "shutdown", "poweron", "poweroff", "undo", "reinstall", "resize", "reset_password"] {
                let error = try await errorOf { try await shop.order(kind, kind, specs[kind] ?? "") }
                #expect(error.sqlState == "HO006", "\(kind): \(error)")
                #expect(error.message.hasSuffix("server \(server): it is on hold (billing) until the provider lifts that"))
            }
            let account: Int64 = try await shop.database.only("select account_id from hostal.servers")
            try await expectError("HO006") {
                try await shop.database.query(
                    "select hostal.place_account_order(\(account), 'x', 'delete', jsonb_build_object('server', \(server)))")
            }
            #expect(try await shop.database.only("select count(*) from hostal.orders where kind <> 'create'", as: Int.self) == 1)
            try await shop.order("d", "delete")
            try await shop.finish(try await shop.claim(), [.deleted(disksKeptFor: nil)])
            #expect(try await shop.database.only("select count(*) from hostal.holds", as: Int.self) == 0)
        }
    }

    @Test func theLastHoldThatIsLiftedGivesThePowerBack() async throws {
        try await Shop.with { shop in
            try await shop.order("1", "suspend", #""reason": "billing", "note": "two invoices""#)
            #expect(try await shop.state("1") == "queued suspend-server")
            try await shop.finish(try await shop.claim(), [.suspended(before: .on)])
            #expect(try await shop.power() == "off true")
            try await shop.order("2", "suspend", #""reason": "abuse""#)
            #expect(try await shop.state("2") == "succeeded -", "it is off already")
            try await shop.order("3", "unsuspend", #""reason": "billing""#)
            #expect(try await shop.state("3") == "succeeded -", "another hold stands")
            #expect(try await shop.power() == "off true")
            try await shop.order("4", "unsuspend", #""reason": "abuse""#)
            #expect(try await shop.state("4") == "queued resume-server")
            let job = try await shop.claim()
            #expect(job.resumesPower)
            try await shop.finish(job, [.resumed])
            #expect(try await shop.power() == "on false")
            try await shop.order("5", "unsuspend", #""reason": "abuse""#)
            #expect(try await shop.state("5") == "succeeded -", "a repeated one is a success")
            let events = try await shop.database.query(
                "select kind || ' ' || (data ->> 'reason') from hostal.events where kind like 'hold.%' order by id"
            ).map { try $0.get(0, as: String.self) }
            #expect(events == ["hold.placed billing", "hold.placed abuse", "hold.lifted billing", "hold.lifted abuse"])
            try await shop.order("6", "reboot")
        }
    }

    @Test func aServerThatWasOffStaysOff() async throws {
        try await Shop.with { shop in
            try await shop.order("off", "poweroff")
            try await shop.finish(try await shop.claim(), [.power(.off)])
            for kind in ["suspend", "unsuspend"] {
                try await shop.order(kind, kind, #""reason": "traffic""#)
                #expect(try await shop.state(kind) == "succeeded -")
                #expect(try await shop.power() == "off false")
            }
        }
    }

    /// What runs is finished, what waits is cancelled, and the hold stands from its order on.
    @Test func aHoldIsTakenWhateverIsBeingDone() async throws {
        try await Shop.with { shop in
            try await shop.order("1", "reboot")
            try await shop.order("2", "poweroff")
            try await shop.order("3", "reinstall", #""image": "other""#)
            try await shop.order("h", "suspend", #""reason": "abuse""#)
            #expect(try await shop.state("1") == "queued reboot-server")
            #expect(try await shop.state("2") == "failed stop-server")
            #expect(try await shop.state("3") == "failed reinstall-server")
            #expect(try await shop.state("h") == "queued suspend-server")
            #expect(
                try await shop.database.only(
                    "select error ->> 'message' from hostal.orders where external_ref = '3'", as: String.self)
                    == "cannot carry out the order: the server was put on hold")
            try await expectError("HO006") { try await shop.order("4", "poweron") }
            // Lifted before the power was cut: both happen, one after the other.
            try await shop.order("l", "unsuspend", #""reason": "abuse""#)
            try await shop.finish(try await shop.claim(), [])
            try await shop.finish(try await shop.claim(), [.suspended(before: .on)])
            let resume = try await shop.claim()
            #expect(resume.resumesPower)
            // On hold again while its power comes back.
            try await shop.order("h2", "suspend", #""reason": "abuse""#)
            try await shop.finish(resume, [.resumed])
            try await shop.finish(try await shop.claim(), [.suspended(before: .on)])
            #expect(try await shop.power() == "off true")
            try await shop.order("l2", "unsuspend", #""reason": "abuse""#)
            try await shop.order("h3", "suspend", #""reason": "billing""#)
            #expect(try await shop.claim().resumesPower == false, "it is on hold again")
        }
    }

    @Test func anOrderForAHoldHappensOnceAndABadOneNever() async throws {
        try await Shop.with { shop in
            let first = try await shop.order("1", "suspend", #""reason": "billing""#)
            #expect(try await shop.order("1", "suspend", #""reason": "billing""#) == first)
            try await expectError("HO002") { try await shop.order("1", "suspend", #""reason": "abuse""#) }
            try await expectError("HO002") { try await shop.order("1", "unsuspend", #""reason": "billing""#) }
            for (field, more) in [
                ("reason", ""), ("reason", #""reason": "operator""#), ("reason", #""reason": "spite""#),
                ("note", #""reason": "abuse", "note": 7"#), ("colour", #""reason": "abuse", "colour": "red""#),
                ("note", #""reason": "abuse", "note": "\#(String(repeating: "x", count: 501))""#),
            ] {
                let error = try await errorOf { try await shop.order("bad", "suspend", more) }
                #expect(error.sqlState == "HO001" && error.detail == field, "\(more): \(error)")
            }
            #expect(try await shop.database.only("select count(*) from hostal.holds", as: Int.self) == 1)
            #expect(
                try await shop.database.only("select count(*) from hostal.orders where external_ref = 'bad'", as: Int.self) == 0)
        }
    }

    @Test func suspendsAtOnceAreOneHold() async throws {
        try await Shop.with { shop in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...14 {
                    group.addTask { try await shop.order("s\(number)", "suspend", #""reason": "billing""#) }
                }
                try await group.waitForAll()
            }
            #expect(try await shop.database.only("select count(*) from hostal.holds", as: Int.self) == 1)
            #expect(
                try await shop.database.only("select count(*) from hostal.events where kind = 'hold.placed'", as: Int.self) == 1)
        }
    }

    @Test func anOperatorsHoldIsNoBillingSystemsToLift() async throws {
        try await Shop.with { shop in
            let server: Int64 = try await shop.database.only("select id from hostal.servers")
            let holds = HoldStore(shop.database)
            let order = try await holds.add(.operator, to: server, note: "court order 7", by: "ada")
            #expect(try await holds.add(.operator, to: server, note: "another", by: "bob") > order)
            let listed = try await holds.list(server: nil)
            #expect(
                listed.map(\.reason) == ["operator"] && listed.first?.note == "court order 7" && listed.first?.placedBy == "ada")
            try await expectError("HO001") { try await shop.order("u", "unsuspend", #""reason": "operator""#) }
            #expect(try await holds.list(server: server).count == 1)
            #expect(try await holds.list(server: server + 1).isEmpty)
            _ = try await holds.lift(.operator, from: server, by: "ada")
            #expect(try await holds.list(server: nil).isEmpty)
            try await expectError("HO001") { try await holds.add(.abuse, to: 999, note: "", by: "ada") }
            try await expectError("HO001") {
                try await holds.add(.abuse, to: server, note: String(repeating: "x", count: HoldStore.longestNote + 1), by: "ada")
            }
        }
    }

    @Test func aBillingSystemMayCallPlaceOrderAndNothingElse() async throws {
        try await Shop.with { shop in
            let callable = try await shop.database.query(
                """
                select p.proname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                 where n.nspname = 'hostal' and has_function_privilege('hostal_billing', p.oid, 'execute')
                """
            ).map { try $0.get(0, as: String.self) }
            #expect(callable == ["place_order"])
        }
    }
}

extension ManageServerTests.Shop {
    /// An order's state and its job's workflow.
    fileprivate func state(_ reference: String) async throws -> String {
        try await database.only(
            """
            select o.state || ' ' || coalesce(j.workflow, '-') from hostal.orders o left join hostal.jobs j on j.order_id = o.id
             where o.external_ref = \(reference)
            """)
    }

    /// Whether the server has power, and whether it gets it back.
    fileprivate func power() async throws -> String {
        try await database.only("select power || ' ' || resume_power from hostal.servers")
    }
}
