import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Images that accounts have made of their servers' disks: who may use them, when, and what is left when they are not made.
@Suite struct MadeImageTests {
    typealias Shop = ManageServerTests.Shop

    private static func made() throws -> MadeImage {
        let digest = try #require(Digest(hex: String(repeating: "c", count: 64)))
        return MadeImage(
            stored: StoredImage(digest: digest, path: "/library/image.qcow2", format: .qcow2, virtualSize: 2 << 30),
            bytes: 5_000_000)
    }

    /// Orders an image of the server `web` and has it made; returns its number.
    private func capture(_ reference: String, in shop: Shop) async throws -> Int64 {
        try await shop.order(reference, "create_image", #""description": "before", "labels": {"a": "b"}"#)
        let job = try await shop.claim()
        try await shop.finish(job, [.imageMade(try Self.made(), wasQuiet: true)])
        return try #require(job.imageMade).value
    }

    private func create(_ name: String, account: String = "a", image: String, plan: String = "large", in shop: Shop) async throws
    {
        try await shop.place(
            name, "create", #"{"account": "\#(account)", "name": "\#(name)", "plan": "\#(plan)", "image": "\#(image)"}"#)
    }

    @Test func anImageIsNobodysToUseBeforeItIsWhole() async throws {
        try await Shop.with { shop in
            let order = try await shop.order("i", "create_image", #""description": "before""#)
            #expect(try await shop.order("i", "create_image", #""description": "before""#) == order)
            try await expectError("HO002") { try await shop.order("i", "create_image") }
            let number: Int64 = try await shop.database.only("select id from hostal.images where order_id = \(order)")
            let early = try await errorOf { try await create("early", image: "\(number)", in: shop) }
            #expect(early.sqlState == "HO001" && early.message.contains("there is no image \"\(number)\""), "\(early)")
            let job = try await shop.claim()
            #expect(job.imageMade == ImageID(number))
            try await shop.finish(job, [.imageMade(try Self.made(), wasQuiet: true)])
            try await create("late", image: "\(number)", in: shop)
            let row = try #require(
                try await shop.database.query(
                    """
                    select description, bytes, host_id, (select count(*) from hostal.events where kind = 'image.created')
                      from hostal.images where id = \(number)
                    """
                ).first)
            #expect(try row.get(0, as: String.self) == "before")
            #expect(try row.get(1, as: Int64.self) == 5_000_000)
            #expect(try row.get(2, as: HostID.self) == shop.host)
            #expect(try row.get(3, as: Int.self) == 1)
        }
    }

    @Test func anImageThatIsNotMadeIsGoneWithItsOrder() async throws {
        try await Shop.with { shop in
            try await shop.order("i", "create_image")
            let job = try await shop.claim()
            try await shop.finish(job, [], fails: true)
            let number = try #require(job.imageMade)
            try await expectError("HO001") { try await create("x", image: "\(number)", in: shop) }
            let row = try await shop.database.query(
                "select 1 from hostal.images where id = \(number) and deleted_at is not null and not active")
            #expect(row.count == 1)
        }
    }

    /// What another account is told is what it would be told of an image that was never there: not even a size leaks.
    @Test func nobodyElseEverSeesOrUsesAnAccountsImage() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let never = try await errorOf { try await create("x", account: "other", image: "999999", plan: "small", in: shop) }
            for plan in ["small", "large"] {
                let refused = try await errorOf {
                    try await create("x", account: "other", image: "\(number)", plan: plan, in: shop)
                }
                #expect(refused.sqlState == never.sqlState && refused.detail == never.detail)
                #expect(refused.message.replacing("\(number)", with: "999999") == never.message)
            }
            for name in ["snapshot-\(number)"] {
                try await expectError("HO001") { try await create("x", image: name, in: shop) }
            }
            try await create("theirs", account: "other", image: "other", in: shop)
            let theirs = try #require(try await shop.journal.claim(limit: 1).first).job
            _ = try await shop.capacity.reserve(for: theirs.server.id, plan: theirs.server.plan, lease: theirs.lease)
            try await shop.finish(
                theirs,
                [
                    .placed(shop.host),
                    .running(shop.report(theirs, "boot-x"), shop.disk(theirs, size: theirs.server.plan.disk)),
                ], times: 1)
            try await expectError("HO001") {
                try await shop.place("r", "reinstall", #"{"service": "theirs", "image": "\#(number)"}"#)
            }
            // Whatever places it: the rows themselves refuse.
            let account: Int64 = try await shop.database.only("select account_id from hostal.servers where name = 'theirs'")
            try await expectError("HO001") {
                try await shop.database.query("select hostal.delete_image(\(account), \(number))")
            }
        }
    }

    @Test func anAccountsOwnImageIsUsedByNumberAndFitsOrIsRefused() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let small = try await errorOf { try await shop.order("r", "reinstall", #""image": "\#(number)""#) }
            #expect(small.message.contains("needs a disk of 2 GiB; the disk has 1 GiB"), "\(small)")
            try await create("copy", image: "\(number)", in: shop)
            let job = try await shop.claim()
            #expect(job.server.image.id == ImageID(number))
            #expect(try job.server.image.location == Self.made().stored.path)
        }
    }

    @Test func aDeletedImageIsNamedByNoOrderAndAProtectedOneIsNotDeleted() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let account: Int64 = try await shop.database.only("select account_id from hostal.images where id = \(number)")
            func delete() async throws {
                _ = try await shop.database.query("select hostal.delete_image(\(account), \(number))")
            }
            _ = try await shop.database.query("update hostal.images set delete_protected = true where id = \(number)")
            try await expectError("HO004") { try await delete() }
            _ = try await shop.database.query("update hostal.images set delete_protected = false where id = \(number)")
            try await delete()
            try await expectError("HO001") { try await delete() }
            try await expectError("HO001") { try await create("x", image: "\(number)", in: shop) }
            try await shop.order("again", "create_image")
            let next: Int64 = try await shop.database.only("select max(id) from hostal.images")
            try await expectError("HO003") {
                try await shop.database.query("select hostal.delete_image(\(account), \(next))")
            }
        }
    }

    /// An order that is being placed has the image; one that comes later is told that it is gone.
    @Test func anImageIsNotDeletedUnderAnOrderThatIsBeingPlaced() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let account: Int64 = try await shop.database.only("select account_id from hostal.images where id = \(number)")
            let deletion = try await shop.database.transaction { transaction in
                _ = try await transaction.query(
                    """
                    select hostal.place_order('whmcs', 'slow', 'create',
                        jsonb_build_object('account', 'a', 'name', 'slow', 'plan', 'large', 'image', \(String(number))))
                    """)
                let deletion = Task { try await shop.database.query("select hostal.delete_image(\(account), \(number))") }
                try await eventually("the deletion waits") { try await shop.database.running("delete_image") == 1 }
                return deletion
            }
            _ = try await deletion.value
            #expect(try await shop.claim().server.image.id == ImageID(number))
            let gone: Bool = try await shop.database.only("select deleted_at is not null from hostal.images where id = \(number)")
            #expect(gone)
        }
    }

    @Test func aCopyKeepsOtherOrdersAwayAndBadOnesAreRefused() async throws {
        try await Shop.with { shop in
            for (field, more) in [
                ("description", #""description": 7"#),
                ("description", #""description": "\#(String(repeating: "x", count: 256))""#),
                ("description", #""description": "\u001b[2J""#), ("labels", #""labels": {"": "x"}"#),
                ("colour", #""colour": "red""#),
            ] {
                let error = try await errorOf { try await shop.order("bad", "create_image", more) }
                #expect(error.sqlState == "HO001" && error.detail == field, "\(more): \(error)")
            }
            #expect(
                try await shop.database.only("select count(*) from hostal.images where order_id is not null", as: Int.self) == 0)
            try await shop.order("i", "create_image")
            let busy = try await errorOf { try await shop.order("r", "reboot") }
            #expect(busy.sqlState == "HO003" && busy.message.contains("(create_image) is not over yet"), "\(busy)")
            try await expectError("HO003") { try await shop.order("j", "create_image") }
            try await shop.order("d", "delete")
            #expect(
                try await shop.database.only(
                    "select cancel_requested from hostal.jobs j join hostal.orders o on o.id = j.order_id where o.external_ref = 'i'",
                    as: Bool.self))
        }
    }

    @Test func anAccountHasAHundredImagesAtMost() async throws {
        try await Shop.with { shop in
            _ = try await capture("i", in: shop)
            _ = try await shop.database.query(
                """
                with made as (
                    insert into hostal.orders (source, external_ref, request_hash, kind, spec)
                    select 'whmcs', 'many-' || n, '', 'create_image', '{}' from generate_series(1, 99) n returning id)
                insert into hostal.images (name, active, account_id, order_id)
                select 'snapshot-x' || m.id, false, i.account_id, m.id from made m, hostal.images i where i.order_id is not null
                """)
            let error = try await errorOf { try await shop.order("j", "create_image") }
            #expect(error.message.contains("has 100 images already"), "\(error)")
            _ = try await shop.database.query("update hostal.images set deleted_at = now() where name like 'snapshot-x%'")
            try await shop.order("j", "create_image")
        }
    }

    @Test func flatteningGivesWayToEveryOtherOrder() async throws {
        try await Shop.with { shop in
            let server: ServerID = try await shop.database.only("select id from hostal.servers")
            func cancelled(_ order: OrderID) async throws -> Bool {
                try await shop.database.only("select cancel_requested from hostal.jobs where order_id = \(order)")
            }
            let first = try await DiskOrders(database: shop.database).flatten(server)
            #expect(try await cancelled(first) == false)
            try await shop.order("r", "reboot")
            #expect(try await cancelled(first))
            let job = try await shop.claim()
            #expect(job.order == first)
            try await shop.finish(job, [], fails: true)
            // One that comes behind others waits for them.
            let second = try await DiskOrders(database: shop.database).flatten(server)
            let reboot = try await shop.claim()
            #expect(reboot.order != second)
            try await shop.finish(reboot, [])
            var disk = try #require(reboot.active)
            disk.volume.source = .file(path: "/v/flat")
            let flatten = try await shop.claim()
            #expect(flatten.order == second)
            try await shop.finish(flatten, [.flattened(disk)])
            try await shop.order("s", "shutdown")
            #expect(try await shop.claim().active == disk)
            try await shop.order("d", "delete")
            try await expectError("HO005") { try await DiskOrders(database: shop.database).flatten(server) }
            try await expectError("HO001") { try await DiskOrders(database: shop.database).flatten(ServerID(999)) }
        }
    }

    /// One disk at a time on a host, only where the pool says so, and not again at once.
    @Test func disksOfPoolsThatSaySoAreFlattened() async throws {
        try await Shop.with { shop in
            let orders = DiskOrders(database: shop.database)
            func place() async throws -> Int { try await orders.placeFlattens(most: 10) }
            let image = try JSONText(encoding: VolumeBacking(source: .file(path: "/i/a"), format: .qcow2))
            _ = try await shop.database.query("update hostal.volumes set disk = jsonb_set(disk, '{volume,backing}', \(image))")
            #expect(try await place() == 0, "the pool does not say so")
            _ = try await shop.database.query(#"update hostal.pools set settings = '{"cloning": "flattened"}'"#)
            try await shop.order("r", "reboot")
            #expect(try await place() == 0, "the server is busy")
            try await shop.finish(try await shop.claim(), [])
            async let first = place()
            async let second = place()
            #expect(try await first + second == 1)
            #expect(try await place() == 0, "it is being done")
            let job = try await shop.claim()
            try await shop.finish(job, [], fails: true)
            #expect(try await place() == 0, "it was tried just now")
            func age(_ hours: Int) async throws {
                _ = try await shop.database.query(
                    "update hostal.orders set created_at = now() - make_interval(hours => \(hours)::int)")
            }
            try await age(2)
            #expect(try await place() == 0, "what failed is not tried every hour")
            _ = try await shop.database.query(#"update hostal.orders set error = '{"code": "cancelled"}' where kind = 'flatten'"#)
            #expect(try await place() == 1, "it gave way to another order")
            try await shop.finish(try await shop.claim(), [], fails: true)
            try await age(25)
            #expect(try await place() == 1)
            let again = try await shop.claim()
            var disk = try #require(again.active)
            disk.volume.backing = nil
            try await shop.finish(again, [.flattened(disk)])
            _ = try await shop.database.query("update hostal.orders set created_at = now() - interval '2 hours'")
            #expect(try await place() == 0, "it is flat")
        }
    }

    /// Its order waits behind another, and ends without ever having begun.
    @Test func anImageWhoseOrderEndsInTheQueueIsGivenUp() async throws {
        for end in ["suspend", "delete", "cancel"] {
            try await Shop.with { shop in
                try await shop.order("r", "reboot")
                let order = try await shop.order("i", "create_image")
                switch end {
                case "cancel": _ = try await OrderIntervention(database: shop.database).cancel(OrderID(order))
                case "suspend": try await shop.order("s", "suspend", #""reason": "billing""#)
                default: try await shop.order("d", "delete")
                }
                let left: Int = try await shop.database.only(
                    "select count(*) from hostal.images where order_id is not null and deleted_at is null")
                #expect(left == 0, "\(end)")
            }
        }
    }

    @Test func flatteningThatWaitsGivesWayTooAndNotToItself() async throws {
        try await Shop.with { shop in
            let server: ServerID = try await shop.database.only("select id from hostal.servers")
            try await shop.order("r", "reboot")
            let flatten = try await DiskOrders(database: shop.database).flatten(server)
            let again = try await DiskOrders(database: shop.database).flatten(server)
            func cancelled(_ order: OrderID) async throws -> Bool {
                try await shop.database.only("select cancel_requested from hostal.jobs where order_id = \(order)")
            }
            #expect(try await cancelled(flatten) == false)
            try await shop.order("s", "shutdown")
            #expect(try await cancelled(flatten))
            #expect(try await cancelled(again))
        }
    }

    /// What is read again when the import that it waited for is over.
    @Test func anOrderThatMeetsAnImportTakesTheNewImage() async throws {
        try await Shop.with { shop in
            let placed = try await shop.database.transaction { transaction in
                _ = try await transaction.query("update hostal.images set active = false where name = 'other'")
                _ = try await transaction.query(
                    """
                    insert into hostal.images (name, digest, format, virtual_size, location)
                    values ('other', repeat('d', 64), 'qcow2', 1048576, '/new')
                    """)
                let order = Task { try await shop.order("r", "reinstall", #""image": "other""#) }
                try await eventually("the order waits") { try await shop.database.running("place_order") == 1 }
                return order
            }
            _ = try await placed.value
            #expect(try await shop.claim().server.image.location == "/new")
        }
    }

    @Test func aBillingSystemLearnsTheNumberOfItsImageAndDeletesIt() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let row = try #require(
                try await shop.database.query(
                    "select image_id, image_consistent from hostal.my_orders where external_ref = 'i'"
                ).first)
            #expect(try row.get(0, as: Int64.self) == number && row.get(1, as: Bool.self))
            _ = try await shop.database.query("update hostal.images set delete_protected = true")
            let order = try await shop.place("gone", "delete_image", #"{"image": \#(number)}"#)
            #expect(try await shop.place("gone", "delete_image", #"{"image": \#(number)}"#) == order)
            for bad in [#"{"image": \#(number)}"#, #"{"image": 1}"#, #"{"image": "\#(number)"}"#, "{}"] {
                let error = try await errorOf { try await shop.place("bad", "delete_image", bad) }
                #expect(error.sqlState == "HO001" && error.detail == "image", "\(bad): \(error)")
            }
            let state: String = try await shop.database.only("select state from hostal.orders where id = \(order)")
            #expect(state == "succeeded")
            try await expectError("HO001") { try await create("x", image: "\(number)", in: shop) }
        }
    }

    @Test func anOperatorListsAndDeletesCustomersImages() async throws {
        try await Shop.with { shop in
            let number = try await capture("i", in: shop)
            let catalog = AccountImageCatalog(database: shop.database)
            let listed = try #require(try await catalog.list(most: 10).first)
            #expect(listed.id == ImageID(number) && listed.account == "whmcs/a" && listed.bytes == 5_000_000)
            _ = try await shop.database.query("update hostal.images set delete_protected = true")
            try await catalog.delete(listed.id)
            #expect(try await catalog.list(most: 10).isEmpty)
            try await expectError("HO001") { try await catalog.delete(listed.id) }
            // The provider's own is none of these.
            try await expectError("HO001") { try await catalog.delete(ImageID(1)) }
        }
    }

    /// Others are served meanwhile: copies take hours.
    @Test func aHostCopiesTwoDisksAtOnce() async throws {
        try await Shop.with { shop in
            for name in ["b", "c"] {
                try await create(name, image: "other", plan: "small", in: shop)
                let job = try await shop.claim()
                _ = try await shop.capacity.reserve(for: job.server.id, plan: job.server.plan, lease: job.lease)
                try await shop.finish(
                    job,
                    [.placed(shop.host), .running(shop.report(job, "boot-\(name)"), shop.disk(job, size: Samples.plan.disk))],
                    times: 1)
            }
            for service in ["web", "b", "c"] {
                try await shop.place("i-\(service)", "create_image", #"{"service": "\#(service)"}"#)
            }
            let first = try await shop.journal.claim(limit: 10)
            #expect(first.count == 2)
            #expect(try await shop.journal.claim(limit: 10).isEmpty)
            let waits = try await shop.database.query(
                "select external_ref from hostal.my_orders where waiting_for = 'the copies of other disks of its host'"
            ).map { try $0.get(0, as: String.self) }
            #expect(waits == ["i-c"], "it says what it waits for")
            try await create("d", image: "other", plan: "small", in: shop)
            #expect(try await shop.journal.claim(limit: 10).map(\.workflow) == ["create-server"])
            try await shop.finish(try #require(first.first).job, [], fails: true)
            #expect(try await shop.journal.claim(limit: 10).map(\.workflow) == ["capture-image"])
        }
    }
}
