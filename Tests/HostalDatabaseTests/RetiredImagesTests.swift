import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Synchronization
import Testing

/// What keeps an image, each reason alone, and that nothing brings one back while it is removed. On real connections.
@Suite struct RetiredImagesTests {
    /// A shop whose image `other`, of the digest below, is retired, and which never used it.
    private func withRetired(_ body: (ManageServerTests.Shop, RetiredImages, Digest) async throws -> Void) async throws {
        try await ManageServerTests.Shop.with { shop in
            let digest = try #require(Digest(hex: String(repeating: "b", count: 64)))
            #expect(try await RetiredImages(database: shop.database).unneeded() == [])
            try await shop.run("update hostal.images set active = false where name = 'other'")
            try await body(shop, RetiredImages(database: shop.database), digest)
        }
    }

    /// Neither listed nor removed.
    private func isKept(_ digest: Digest, _ images: RetiredImages) async throws -> Bool {
        let ran = Mutex(false)
        let removed = try await images.remove(digest) { ran.withLock { $0 = true } }
        let listed = try await images.unneeded().contains(digest)
        #expect(removed == listed && removed == ran.withLock { $0 })
        return !removed
    }

    @Test func aRetiredImageThatNothingUsesIsUnneeded() async throws {
        try await withRetired { shop, images, digest in
            #expect(try await images.unneeded() == [digest])
            #expect(try await !isKept(digest, images))
            // One that the database does not know is nobody's.
            let unknown = try #require(Digest(hex: String(repeating: "c", count: 64)))
            #expect(try await images.unneeded().contains(unknown) == false)
        }
    }

    @Test func whatAnotherNameOrAnAccountMayStillUseIsKept() async throws {
        try await withRetired { shop, images, digest in
            try await shop.run(
                """
                insert into hostal.images (name, digest, format, virtual_size, location)
                select 'again', digest, format, virtual_size, location from hostal.images where name = 'other'
                """)
            #expect(try await isKept(digest, images))
            try await shop.run("update hostal.images set active = false where name = 'again'")
            #expect(try await !isKept(digest, images))
        }
    }

    @Test func anAccountsImageIsKeptUntilItIsDeleted() async throws {
        try await withRetired { shop, images, digest in
            let snapshot = try await shop.snapshot(of: digest)
            #expect(try await isKept(digest, images))
            // Also where no order may name it, for whatever reason.
            try await shop.run("update hostal.images set active = false where id = \(snapshot)")
            #expect(try await isKept(digest, images))
            try await shop.run("select hostal.delete_image(1, \(snapshot))")
            #expect(try await !isKept(digest, images))
        }
    }

    @Test(arguments: ["active", "kept", "deleted"]) func anImageBelowADiskIsKeptUntilThatNeedsItNoMore(_ state: String)
        async throws
    {
        try await withRetired { shop, images, digest in
            try await shop.run(
                """
                update hostal.volumes v set image_id = i.id, state = \(state),
                       keep_until = case \(state) when 'active' then null else now() + interval '1 day' end,
                       disk = jsonb_set(disk, '{volume,backing}',
                                        '{"source": {"file": {"path": "/i/b.qcow2"}}, "format": "qcow2"}')
                  from hostal.images i where i.name = 'other'
                """)
            #expect(try await isKept(digest, images))
            try await shop.run("update hostal.volumes set disk = jsonb_set(disk, '{volume,backing}', 'null')")
            #expect(try await !isKept(digest, images))
            // What cannot be read is no proof of anything.
            try await shop.run(#"update hostal.volumes set disk = jsonb_set(disk, '{volume,backing}', '"image"')"#)
            #expect(try await isKept(digest, images))
            try await shop.run("update hostal.volumes set disk = disk #- '{volume,backing}'")
            #expect(try await !isKept(digest, images))
        }
    }

    @Test(arguments: ["open", "queued", "stuck"]) func anImageOfAnOrderIsKeptUntilThatIsOver(_ state: String) async throws {
        try await withRetired { shop, images, digest in
            try await shop.run("update hostal.images set active = true where name = 'other'")
            let order = try await shop.order("r", "reinstall", #""image": "other""#)
            try await shop.run("update hostal.images set active = false where name = 'other'")
            try await shop.run("update hostal.jobs set state = \(state) where order_id = \(order)")
            #expect(try await isKept(digest, images))
            try await shop.run("update hostal.jobs set state = 'failed', finished_at = now() where order_id = \(order)")
            #expect(try await !isKept(digest, images))
        }
    }

    /// A create names no image but its server's.
    @Test func anImageOfAServerIsKeptWhileAnOrderOfItIsUnderWay() async throws {
        try await withRetired { shop, images, digest in
            try await shop.run(
                "update hostal.servers s set image_id = i.id from hostal.images i where i.name = 'other'")
            #expect(try await !isKept(digest, images))
            let order = try await shop.order("r", "reboot")
            #expect(try await isKept(digest, images))
            try await shop.run("update hostal.jobs set state = 'succeeded', finished_at = now() where order_id = \(order)")
            #expect(try await !isKept(digest, images))
        }
    }

    @Test func aRetiredImageIsNamedByNoOrderAndListedWithWhatNeedsIt() async throws {
        try await ManageServerTests.Shop.with { shop in
            let catalog = ImageCatalog(database: shop.database)
            #expect(try await catalog.retire(name: "tiny"))
            #expect(try await !catalog.retire(name: "tiny"))
            // An account's is not the operator's to take off sale by name.
            _ = try await shop.snapshot(of: try #require(Digest(hex: String(repeating: "a", count: 64))))
            let snapshot: String = try await shop.database.only("select name from hostal.images where account_id is not null")
            #expect(try await !catalog.retire(name: snapshot))
            try await expectError("HO001") { try await shop.order("r", "reinstall", #""image": "tiny""#) }
            try await shop.order("b", "reboot")
            try await shop.run(#"update hostal.volumes set disk = jsonb_set(disk, '{volume,backing}', '{"format": "raw"}')"#)
            let listed = try await catalog.listAll().map {
                "\($0.name) \($0.isActive) \($0.disks) \($0.orders) \($0.images) \($0.digest.prefix(1))"
            }
            #expect(listed == ["other true 0 0 0 b", "tiny false 1 1 1 a"])
        }
    }

    // MARK: At the same time

    /// What is tried while the image is being removed waits for its end, on a connection of its own.
    private func waits(
        _ shop: ManageServerTests.Shop, _ digest: Digest, for text: String, _ what: @escaping @Sendable () async throws -> Void
    ) async throws {
        let images = RetiredImages(database: shop.database)
        let hasEnded = Flag()
        let late = Mutex<Task<Void, any Error>?>(nil)
        let removed = try await images.remove(digest) {
            let task = Task {
                try await what()
                #expect(hasEnded.isRaised)
            }
            late.withLock { $0 = task }
            try await eventually("it waits for the removal") {
                try await shop.database.only(
                    """
                    select count(*) > 0 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                       and query like '%' || \(text) || '%'
                    """)
            }
            hasEnded.raise()
        }
        #expect(removed)
        try await late.withLock { $0 }?.value
    }

    @Test func aReImportWaitsForTheRemovalUnderAnyName() async throws {
        for name in ["other", "new"] {
            try await withRetired { shop, images, digest in
                try await waits(shop, digest, for: "pg_advisory_xact_lock(") {
                    try await ImageCatalog(database: shop.database).register(
                        name: name, image: StoredImage(digest: digest, path: "/l", format: .qcow2, virtualSize: 1 << 20))
                }
                #expect(try await isKept(digest, images))
            }
        }
    }

    /// Whoever makes the image active by other means than an import.
    @Test func noOrderGetsTheImageWhileItIsRemoved() async throws {
        try await withRetired { shop, _, digest in
            try await waits(shop, digest, for: "for share") {
                try await shop.run("select id from hostal.images where name = 'other' for share")
            }
            try await waits(shop, digest, for: "set active = true") {
                try await shop.run("update hostal.images set active = true where name = 'other'")
            }
        }
    }

    /// The order has chosen the image, and is not written yet; the image is retired only then.
    @Test func aRemovalWaitsForAnOrderAndThenSeesIt() async throws {
        try await withRetired { shop, images, digest in
            try await shop.run("update hostal.images set active = true where name = 'other'")
            let removal = Mutex<Task<Bool, any Error>?>(nil)
            try await shop.database.transaction { transaction in
                let spec = JSONText(text: #"{"service": "web", "image": "other"}"#)
                _ = try await transaction.query("select hostal.place_order('whmcs', 'r', 'reinstall', \(spec))")
                removal.withLock { $0 = Task { try await images.remove(digest) {} } }
                try await eventually("the removal waits") { try await shop.database.running("order by id for update") == 1 }
                // As a retirement that waits for the order would, on the same rows.
                _ = try await transaction.query("update hostal.images set active = false where name = 'other'")
            }
            let task = try #require(removal.withLock { $0 })
            #expect(try await !task.value)
        }
    }

    /// As if it had come before.
    @Test func aRemovalWaitsForAnImportAndThenSeesIt() async throws {
        try await withRetired { shop, images, digest in
            let removal = Mutex<Task<Bool, any Error>?>(nil)
            try await shop.database.transaction { transaction in
                try await ImageCatalog(database: transaction).register(
                    name: "other", image: StoredImage(digest: digest, path: "/l", format: .qcow2, virtualSize: 1 << 20))
                removal.withLock { $0 = Task { try await images.remove(digest) {} } }
                try await eventually("the removal waits") {
                    try await shop.database.running("pg_advisory_xact_lock_shared") == 1
                }
            }
            let task = try #require(removal.withLock { $0 })
            #expect(try await !task.value)
        }
    }

    @Test func aRemovalThatTakesTooLongIsCancelledAndWaitedFor() async throws {
        try await withRetired { shop, _, digest in
            let images = RetiredImages(database: shop.database, removalLimit: .milliseconds(100))
            let ended = Mutex(false)
            let failure = await #expect(throws: Failure.self) {
                try await images.remove(digest) {
                    // Until it is cancelled, and without hearing why.
                    try? await Task.sleep(for: .seconds(60))
                    ended.withLock { $0 = true }
                    try Task.checkCancellation()
                }
            }
            #expect(failure?.kind == .temporary && failure?.code == .timeout)
            #expect(ended.withLock { $0 })
        }
    }

    // MARK: Files in the library

    @Test func theFileOfADeletedImageIsItsHostsToRemoveOnce() async throws {
        try await withRetired { shop, images, digest in
            let snapshot = ImageID(try await shop.snapshot(of: digest))
            let other = HostID(shop.host.value + 1)
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [])
            #expect(try await !images.removeFile(of: snapshot) { Issue.record("it is not deleted") })
            try await shop.run("select hostal.delete_image(1, \(snapshot))")
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [snapshot])
            #expect(try await images.deletedFiles(on: other, most: 10) == [])
            // An order that is not over may have to fetch it.
            let order = try await shop.order("r", "reboot")
            try await shop.run("update hostal.jobs set image_id = \(snapshot) where order_id = \(order)")
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [])
            #expect(try await !images.removeFile(of: snapshot) { Issue.record("an order needs it") })
            try await shop.run("update hostal.jobs set state = 'failed', finished_at = now() where order_id = \(order)")
            await #expect(throws: TestKitError.self) {
                try await images.removeFile(of: snapshot) { throw TestKitError("the library is away") }
            }
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [snapshot])
            #expect(try await images.removeFile(of: snapshot) {})
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [])
            #expect(try await !images.removeFile(of: snapshot) { Issue.record("it is gone") })
        }
    }

    /// Its order failed: nobody's library is known to have anything of it.
    @Test func whatWasNeverMadeIsAnyHostsToRemove() async throws {
        try await withRetired { shop, images, _ in
            let order = try await shop.order("c", "create_image")
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [])
            try await shop.run("update hostal.images set deleted_at = now() where order_id = \(order)")
            #expect(try await images.deletedFiles(on: shop.host, most: 10) == [])
            try await shop.run("update hostal.jobs set state = 'failed', finished_at = now() where order_id = \(order)")
            #expect(try await images.deletedFiles(on: HostID(shop.host.value + 1), most: 10).count == 1)
        }
    }
}

extension ManageServerTests.Shop {
    fileprivate func run(_ sql: SQL) async throws { _ = try await database.query(sql) }

    /// An image of the account's own, made of its server on this host.
    fileprivate func snapshot(of digest: Digest) async throws -> Int64 {
        let order = try await order("snapshot", "create_image")
        try await run("update hostal.jobs set state = 'succeeded', finished_at = now() where order_id = \(order)")
        return try await database.only(
            """
            update hostal.images set digest = \(digest.hex), format = 'qcow2', virtual_size = 1, location = '/library/1', bytes = 1,
                   host_id = \(host), active = true where order_id = \(order) returning id
            """)
    }
}

private final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
