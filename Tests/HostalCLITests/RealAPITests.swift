import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalSystem
import HostalTestKit
import Testing

/// Against `hostald api` over PostgreSQL. There is no worker: what one would do to an order, the tests do to the database.
@Suite struct RealAPITests {
    private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6zMDGaqLhmwXdWqlf2Fj4lvxkYjtQ7b2v4k2zI7r1X me@here"

    @Test func anOperatorPutsAServerOnHoldAndMakesATokenOfTheirOwn() async throws {
        try await RealAPI.use { api in
            let create = ["server", "create", "--name", "web-1", "--plan", "small", "--image", "debian-12", "--no-wait"]
            #expect(try await api.hostal(create).exit == 0)
            try await api.finish(host: true)
            let server = "\(try await api.number(of: "web-1"))"
            let added = try await api.hostalctl("hold", "add", server, "--reason", "abuse", "--note", "spam")
            #expect(added.hasPrefix("server \(server) is on hold (abuse)\norder ") && added.contains("hostalctl order watch"))
            let list = try await api.hostalctl("hold", "list", "--server", server)
            #expect(list.contains("web-1") && list.contains("abuse") && list.contains("spam"))
            try await api.finish()
            let lifted = try await api.hostalctl("hold", "lift", server, "--reason", "abuse")
            #expect(lifted.hasPrefix("server \(server) is not on hold (abuse) any more"))
            await #expect(throws: (any Error).self) { try await api.hostalctl("hold", "add", "999", "--reason", "abuse") }

            let token = try await api.hostalctl("token", "create", "--operator", "--name", "ada").filter { !$0.isNewline }
            #expect(token.count == 64)
            #expect(try await api.hostalctl("token", "list", "--operator").contains("ada"))
            #expect(try await api.hostalctl("token", "list").contains("ada") == false)
            #expect(try await api.hostal(["server", "list"], token: token).exit == 3, "it is no customer's")
            await #expect(throws: (any Error).self) {
                try await api.hostalctl("token", "create", "--operator", "--account", "1", "--name", "both")
            }
            #expect(try await api.hostalctl("token", "revoke", "--operator", "1").contains("revoked"))
        }
    }

    @Test func aServerIsOrderedChangedAndGivenBack() async throws {
        try await RealAPI.use { api in
            #expect(
                try await api.hostal("plan", "list", "-o", "noheader", "-o", "columns=name,cores,disk,monthly").output
                    == "small  1  10 GB  4.15\n")
            let added = try await api.hostal(
                "ssh-key", "create", "--name", "laptop", "--public-key-from-file", "-", input: Self.key)
            #expect(added.exit == 0 && added.output.contains("laptop"))

            let create = [
                "server", "create", "--name", "web-1", "--plan", "small", "--image", "debian-12", "--ssh-key", "laptop",
                "--label", "env=prod",
            ]
            let dry = try await api.hostal(create + ["--dry-run"])
            #expect(dry.exit == 0 && dry.output.contains("steps         finding room"))
            #expect(try await api.hostal("server", "list", "-o", "noheader").output == "")

            let created = try await api.hostal(create) { _ in
                try await waitUntil("the order is there") { try await api.count("orders where state = 'queued'") == 1 }
                try await api.finish(host: true)
            }
            #expect(created.exit == 0 && created.output.contains("web-1 is running\nipv4    192.0.2.10\n"), "\(created.errors)")
            #expect(try await api.hostal("server", "ip", "web-1", "-6").output == "2001:db8::10\n")
            let list = try await api.hostal(
                "server", "list", "-l", "env=prod", "-o", "noheader", "-o", "columns=name,status,plan,image,location")
            #expect(list.output == "web-1  running  small  debian-12  default\n")
            let described = try await api.hostal("server", "describe", "web-1")
            #expect(described.output.contains("host key    ssh-ed25519 AAAAhost\n"))

            #expect(try await api.hostal("server", "add-label", "web-1", "tier=web").output.contains("env=prod, tier=web"))
            try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 1...4 {
                    group.addTask { try await api.hostal(["server", "add-label", "web-1", "n\(number)=x"]).exit }
                }
                for try await exit in group { #expect(exit == 0) }
            }
            let labelled = try await api.hostal("server", "list", "-o", "noheader", "-o", "columns=labels")
            #expect(labelled.output == "env=prod, n1=x, n2=x, n3=x, n4=x, tier=web\n", "of several at once all count")

            let server = try await api.number(of: "web-1")
            _ = try await HoldStore(api.database).add(.billing, to: server, note: "secret", by: "ada")
            let held = try await api.hostal("server", "holds", "web-1", "-o", "noheader", "-o", "columns=reason")
            #expect(held.output == "billing\n")
            let refused = try await api.hostal("server", "reboot", "web-1")
            #expect(refused.exit == 5 && refused.errors.contains("it is on hold (billing)"), "\(refused.errors)")
            #expect(try await api.hostal("server", "describe", "web-1").output.contains("on hold     billing"))
            _ = try await HoldStore(api.database).lift(.billing, from: server, by: "ada")
            try await api.finish()
            #expect(try await api.hostal("server", "holds", "web-1", "-o", "noheader").output == "")

            #expect(try await api.hostal("server", "enable-protection", "web-1", "delete").exit == 0)
            let protected = try await api.hostal("server", "delete", "web-1", "--yes")
            #expect(protected.exit == 6 && protected.errors.contains("protected against"), "\(protected.errors)")
            #expect(try await api.hostal("server", "disable-protection", "web-1", "delete").exit == 0)

            let rebooting = try await api.hostal("server", "reboot", "web-1", "--no-wait", "--idempotency-key", "once")
            let again = try await api.hostal("server", "reboot", "web-1", "--no-wait", "--idempotency-key", "once")
            #expect(rebooting.exit == 0 && again.output == rebooting.output)
            #expect(try await api.count("orders where kind = 'reboot'") == 1)
            try await api.finish()
            let reinstalling = try await api.hostal("server", "reinstall", "web-1", "--yes", "--no-wait")
            #expect(reinstalling.exit == 0, "\(reinstalling.errors)")
            let busy = try await api.hostal("server", "reset", "web-1", "--yes")
            #expect(busy.exit == 5 && busy.errors.contains("is not over yet"), "\(busy.errors)")
            try await api.finish()
            #expect(try await api.hostal("action", "wait", rebooting.output.filter(\.isNumber)).exit == 0)

            let deleted = try await api.hostal("server", "delete", "web-1", "--yes") { _ in
                try await waitUntil("the order is there") {
                    try await api.count("orders where kind = 'delete' and state = 'queued'") == 1
                }
                try await api.finish(deleting: true)
            }
            #expect(deleted.exit == 0 && deleted.output == "server web-1 is deleted\n", "\(deleted.errors)")
            #expect(try await api.hostal("server", "describe", "web-1").exit == 4)
        }
    }

    @Test func anImageIsMadeOfAServerUsedAndDeleted() async throws {
        try await RealAPI.use { api in
            let create = ["server", "create", "--plan", "small", "--no-wait", "--name"]
            #expect(try await api.hostal(create + ["web-1", "--image", "debian-12"]).exit == 0)
            try await api.finish(host: true)
            let made = try await api.hostal(
                ["server", "create-image", "web-1", "--description", "before", "--label", "env=prod"]
            ) { _ in
                try await waitUntil("the order is there") { try await api.count("orders where kind = 'create_image'") == 1 }
                try await api.finishImages()
            }
            #expect(made.exit == 0 && made.output == "image 2 is made of server web-1\n", "\(made.errors)")
            let list = try await api.hostal(
                "image", "list", "-o", "noheader", "-o", "columns=id,name,type,status,size,disk,server,description,labels")
            #expect(
                list.output == """
                    1  debian-12  system    available  -     3 GB  -      debian-12  -
                    2  -          snapshot  available  2 GB  4 GB  web-1  before     env=prod

                    """, "\(list.output)")

            #expect(try await api.hostal(create + ["web-2", "--image", "2"]).exit == 0)
            #expect(try await api.hostal(create + ["web-3", "--image", "3"]).exit == 4)
            try await api.finish()
            let servers = try await api.hostal("server", "list", "-o", "noheader", "-o", "columns=name,image")
            #expect(servers.output == "web-1  debian-12\nweb-2  image 2\n")

            try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 1...4 {
                    group.addTask { try await api.hostal(["image", "add-label", "2", "n\(number)=x"]).exit }
                }
                for try await exit in group { #expect(exit == 0) }
            }
            let described = try await api.hostal("image", "update", "2", "--description", "after")
            #expect(described.output == "image 2 is 'after', with labels env=prod, n1=x, n2=x, n3=x, n4=x\n")
            let providers = try await api.hostal("image", "delete", "debian-12", "--yes")
            #expect(providers.exit == 3 && providers.errors.contains("only images of your own"), "\(providers.errors)")

            #expect(try await api.hostal("image", "enable-protection", "2", "delete").exit == 0)
            #expect(try await api.hostal("image", "delete", "2", "--yes").exit == 6)
            #expect(try await api.hostal("image", "disable-protection", "2", "delete").exit == 0)
            #expect(try await api.hostal("image", "delete", "2", "--yes").output == "image 2 is deleted\n")
            #expect(try await api.hostal("image", "describe", "2").exit == 4)
            #expect(try await api.hostal("server", "describe", "web-2").output.contains("image       image 2\n"))
            let again = try await api.hostal("server", "reinstall", "web-2", "--yes")
            #expect(again.exit == 2 && again.errors.contains("choose one with --image"), "\(again.errors)")
        }
    }

    @Test func refusalsHaveTheirExitCodes() async throws {
        try await RealAPI.use { api in
            let create = ["server", "create", "--plan", "small", "--image", "debian-12", "--no-wait", "--name"]
            let unknown = try await api.hostal("server", "create", "--name", "a", "--plan", "huge", "--image", "debian-12")
            #expect(unknown.exit == 4 && unknown.errors.contains("there is no plan 'huge'; there are small"))
            let wrong = try await api.hostal(create + ["no_host_name"])
            #expect(wrong.exit == 2 && wrong.errors.contains("--name: ") && wrong.errors.contains("correlation id "))
            let first = try await api.hostal(create + ["a"])
            #expect(first.exit == 0 && first.errors.contains("root password: "))
            #expect(try await api.hostal(create + ["a"]).exit != 0)
            let readOnly = try await api.hostal(create + ["b"], token: api.readOnly)
            #expect(readOnly.exit == 3)
            #expect(try await api.hostal(["server", "list"], token: "nonsense").exit == 3)
            #expect(try await api.hostal(["server", "list", "-o", "noheader"], token: api.readOnly).output.contains("a"))
            #expect(try await api.hostal("server", "list", "-l", "=").exit == 2)
        }
    }

    @Test func failedAndStuckActionsAreToldApart() async throws {
        try await RealAPI.use { api in
            let create = ["server", "create", "--plan", "small", "--image", "debian-12", "--no-wait", "--name"]
            let failed = try await api.hostal(create + ["a"]).output.filter(\.isNumber)
            let stuck = try await api.hostal(create + ["b"]).output.filter(\.isNumber)
            try await api.end(failed, as: "failed")
            try await api.end(stuck, as: "stuck")
            let first = try await api.hostal("action", "watch", failed)
            #expect(first.exit == 8 && first.errors.contains("cannot place the server: no room\n  everything was undone"))
            #expect(try await api.hostal("action", "wait", stuck).exit == 9)
        }
    }
}
