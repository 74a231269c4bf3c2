import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// What operators do to orders, on real jobs in a real PostgreSQL.
@Suite struct OrderInterventionTests {
    private static let blame = Failure(.needsOperator, .serviceError, "cannot go on: a test has said so", detail: "on this host")

    /// A database with one server and its create order, claimed.
    private func withClaimedOrder(_ body: (Database, JobStore, ClaimedJob) async throws -> Void) async throws {
        try await withDatabase { database in
            try await PlanCatalog(database: database).apply([Samples.plan])
            let image = try Samples.server().image
            try await ImageCatalog(database: database).register(
                name: "tiny",
                image: StoredImage(
                    digest: image.digest, path: image.location, format: image.format, virtualSize: image.virtualSize))
            let host = try await HostCatalog(database: database).put(
                name: "h", totals: HostTotals(vcpus: 8, memory: Mebibytes(8_192), disk: Gibibytes(100)))
            let spec = JSONText(text: #"{"account": "812", "name": "web", "plan": "small", "image": "tiny"}"#)
            _ = try await database.query("select hostal.place_order('whmcs', '1', 'create', \(spec))")
            let journal = JobStore(database: database, host: host, owner: "tests", settings: EngineSettings())
            let claimed = try #require(try await journal.claim(limit: 1).first)
            try await journal.begin(claimed.job.lease, workflow: .createServer())
            try await body(database, journal, claimed)
        }
    }

    @Test func aStuckOrderGoesOnAndMayBeStuckAgain() async throws {
        try await withClaimedOrder { database, journal, claimed in
            let order = claimed.job.order
            try await journal.stick(claimed.job.lease, step: nil, failure: Self.blame)
            #expect(try await journal.claim(limit: 1).isEmpty)
            try await OrderIntervention(database: database).retry(order)
            let summary = try #require(try await OrderReader(database: database).order(order))
            #expect(summary.state == "running")
            let again = try #require(try await journal.claim(limit: 1).first)
            #expect(again.job.id == claimed.job.id)
            #expect(again.attempt == 1)
            try await journal.stick(again.job.lease, step: nil, failure: Self.blame)
            let events = try await database.query("select kind from hostal.events order by id").map {
                try $0.get(0, as: String.self)
            }
            #expect(events == ["order.stuck", "order.retried", "order.stuck"])
        }
    }

    @Test func onlyAStuckOrderIsRetried() async throws {
        try await withClaimedOrder { database, _, claimed in
            let intervention = OrderIntervention(database: database)
            let error = await #expect(throws: OrderElsewhere.self) { try await intervention.retry(claimed.job.order) }
            #expect(error?.description == "order 1 is running; it must be stuck")
            await #expect(throws: OrderNotThere.self) { try await intervention.retry(OrderID(99)) }
        }
    }

    @Test func aRunningOrderIsAskedToUnwind() async throws {
        try await withClaimedOrder { database, journal, claimed in
            guard case .asked = try await OrderIntervention(database: database).cancel(claimed.job.order) else {
                Issue.record("it had begun")
                return
            }
            try await journal.handBack(claimed.job.lease)
            #expect(try await journal.claim(limit: 1).first?.cancelRequested == true)
        }
    }

    @Test func aStepThatIsUnderWayIsTalkedAboutAndToldOfACancellation() async throws {
        try await withClaimedOrder { database, journal, claimed in
            let lease = claimed.job.lease
            #expect(try await journal.attend(lease, waitingFor: "the copy of the disk, 45 % done") == false)
            #expect(
                try await OrderReader(database: database).order(claimed.job.order)?.waitingFor
                    == "the copy of the disk, 45 % done")
            _ = try await OrderIntervention(database: database).cancel(claimed.job.order)
            #expect(try await journal.attend(lease, waitingFor: nil))
            #expect(try await journal.attend(lease, waitingFor: "it"))
            try await journal.handBack(lease)
            #expect(try await OrderReader(database: database).order(claimed.job.order)?.waitingFor == nil)
            await #expect(throws: LeaseLost.self) { try await journal.attend(lease, waitingFor: "it") }
            await #expect(throws: LeaseLost.self) { try await journal.attend(lease, waitingFor: nil) }
        }
    }

    @Test func aDeletionAndWhatIsOverCannotBeCancelled() async throws {
        try await withClaimedOrder { database, journal, claimed in
            let intervention = OrderIntervention(database: database)
            let deletion: Int64 = try await database.only(
                "select hostal.place_order('whmcs', '2', 'delete', '{\"service\": \"1\"}')")
            await #expect(throws: OrderElsewhere.self) { try await intervention.cancel(OrderID(deletion)) }
            try await journal.fail(claimed.job.lease)
            await #expect(throws: OrderElsewhere.self) { try await intervention.cancel(claimed.job.order) }
        }
    }
}
