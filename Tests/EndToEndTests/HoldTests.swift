import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Holds on a real host, by workers that die everywhere: whatever dies, a server on hold is off, and gets back the power that it had.
@Suite struct HoldTests {
    @Test(.timeLimit(.minutes(20))) func everyDeathOfAHoldEndsRight() async throws {
        try await TestHost.with("holds", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            let worker = try await host.startWorker()
            let created = try await host.finished(try await host.order("s"))
            #expect(created.state == "succeeded", "\(created)")
            await worker.kill9()

            let started = ContinuousClock.now
            var number = 0
            /// Places an order whose worker dies at `point`, and has another one finish it when the lease has run out.
            func survive(_ kind: String, _ point: String?) async throws {
                number += 1
                let order = try await host.order(kind, number, for: "s", ["reason": try JSONText(encoding: "abuse")])
                if let point {
                    let victim = try await host.startWorker(faults: ["\(point)=kill"])
                    #expect(try await victim.end(within: .seconds(60)) == .signal(SIGKILL), "\(point)")
                }
                let heir = try await host.startWorker()
                let end = try await host.finished(order)
                await heir.kill9()
                #expect(end.state == "succeeded", "\(point ?? kind): \(end)")
                let isOn = kind == "unsuspend"
                #expect(try await host.power() == (isOn ? "on" : "off"), "\(point ?? kind)")
                #expect(StandIn(directory: host.directory).running().count == (isOn ? 1 : 0), "\(point ?? kind)")
                let held = try await host.database.query("select 1 from hostal.holds").count
                #expect(held == (isOn ? 0 : 1), "\(point ?? kind)")
            }
            for workflow in [Workflow.suspendServer(), .resumeServer()] {
                for step in workflow.steps {
                    for moment in FaultMoment.forward {
                        let point = "\(workflow.name)/\(step.name)/\(moment.rawValue)"
                        let suspends = workflow.name == "suspend-server"
                        try await survive("suspend", suspends ? point : nil)
                        await #expect(throws: PostgresError.self) { try await host.order("poweron", 1_000 + number, for: "s") }
                        try await survive("unsuspend", suspends ? nil : point)
                    }
                }
            }
            print("holds: \(number) orders in \(ContinuousClock.now - started)")

            try await survive("suspend", nil)
            let last = try await host.startWorker()
            let deleted = try await host.finished(try await host.orderDeletion(of: "s"))
            #expect(deleted.state == "succeeded", "a hold keeps no provider from deleting: \(deleted)")
            await last.kill9()
            #expect(try await host.leftovers() == [])
            #expect(try await host.database.query("select 1 from hostal.holds").isEmpty)
        }
    }
}
