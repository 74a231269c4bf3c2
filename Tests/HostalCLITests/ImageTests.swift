import FoundationEssentials
import HostalTestKit
import HostalWire
import Testing

/// Images that an account makes of its servers.
@Suite struct ImageTests {
    private func body<Body: Decodable>(_ type: Body.Type, of request: AnswerServer.Request?) throws -> Body {
        try WireCoding.decoder().decode(type, from: Data(#require(request).body.utf8))
    }

    @Test func anImageIsMadeAndItsNumberTold() async throws {
        let standIn = try StandIn {
            $0.looks = [
                StandInAccount.action("running", [("copy-disk", "running")]),
                StandInAccount.action("success", [("copy-disk", "done")]),
            ]
        }
        let words = ["server", "create-image", "web-1", "--description", "before", "--label", "env=prod", "--label", "new"]
        let run = try await CommandRun.run(Runs.program, words, environment: Runs.environment(standIn))
        let sent = try #require(standIn.changes.first)
        #expect(sent.method == "POST" && sent.path == "/v1/servers/17/actions/create_image")
        #expect(
            try body(CreateImage.self, of: sent)
                == CreateImage(description: "before", labels: ["env": "prod", "new": ""], type: "snapshot"))
        #expect(run.exit == 0 && run.output == "image 7 is made of server web-1\n")
        #expect(run.errors == "make an image of server web-1: image 7, action 99\n  ✓ copy disk  3 s\n")
    }

    @Test func scriptsGetAnImagesNumberAlone() async throws {
        let standIn = try StandIn()
        let made = try await Runs.hostal(
            "server", "create-image", "web-1", "-o", "columns=id,size", "-o", "noheader", at: standIn)
        #expect(made.output == "7  1.23 GB\n")
        let action = try await Runs.hostal("server", "create-image", "web-1", "--no-wait", at: standIn)
        #expect(action.output == "99\n" && action.errors == "image 7\n")
        let whole = try await Runs.hostal("server", "create-image", "web-1", "-o", "json", at: standIn)
        #expect(whole.output.contains("\"status\": \"success\"") && whole.output.contains("\"image_size\""))
        #expect(try body(CreateImage.self, of: standIn.changes.first) == CreateImage(type: "snapshot"))
    }

    @Test func anImageThatCannotBeMadeIsAFailedCommand() async throws {
        let error = ActionError(code: "service_error", message: "the disk cannot be read")
        let standIn = try StandIn { $0.looks = [StandInAccount.action("error", [("copy-disk", "undone")], error: error)] }
        let run = try await Runs.hostal("server", "create-image", "web-1", at: standIn)
        #expect(run.exit == 8 && run.output == "")
        #expect(run.errors.contains("cannot make an image of server web-1: the disk cannot be read\n  everything was undone"))
    }

    @Test func aDryRunMakesNothing() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "create-image", "web-1", "--dry-run", at: standIn)
        #expect(run.exit == 0 && run.errors == "dry run: this would make an image of server web-1; nothing was changed\n")
        #expect(standIn.changes.map(\.query) == ["dry_run=true"])
    }

    @Test func imagesAreListedByKindAndShownByNumber() async throws {
        let standIn = try StandIn()
        let list = try await Runs.hostal(
            "image", "list", "--type", "snapshot", "-o", "columns=id,name,type,status,disk,description,server,labels", at: standIn
        )
        #expect(
            list.output == """
                ID  NAME  TYPE      STATUS     DISK   DESCRIPTION  SERVER  LABELS
                7   -     snapshot  available  10 GB  before       web-1   env=prod

                """)
        #expect(try await Runs.hostal("image", "list", "--type", "backup", at: standIn).exit == 2)
        let shown = try await Runs.hostal("image", "describe", "7", at: standIn)
        #expect(shown.output.contains("protection    none\n") && shown.output.contains("size          1.23 GB\n"))
        #expect(try await Runs.hostal("image", "describe", "8", at: standIn).exit == 4)
    }

    @Test func anImageIsDescribedAndLabelled() async throws {
        let standIn = try StandIn()
        let described = try await Runs.hostal("image", "update", "7", "--description", "after", at: standIn)
        #expect(described.output == "image 7 is 'after', with labels env=prod\n")
        #expect(try body(UpdateImage.self, of: standIn.changes.last) == UpdateImage(description: "after"))
        let labelled = try await Runs.hostal("image", "add-label", "7", "tier=web", at: standIn)
        #expect(labelled.output == "image 7 is 'after', with labels env=prod, tier=web\n")
        let sent = try body(UpdateImage.self, of: standIn.changes.last)
        #expect(sent == UpdateImage(labels: ["env": "prod", "tier": "web"], expectedLabels: ["env": "prod"]))
        let refused = try await Runs.hostal("image", "add-label", "7", "env=test", at: standIn)
        #expect(refused.exit == 5 && refused.errors.contains("cannot label image 7: the label env is 'prod'"))
        let removed = try await Runs.hostal(
            "image", "remove-label", "7", "env", "-o", "columns=labels", "-o", "noheader", at: standIn)
        #expect(removed.output == "tier=web\n")
        #expect(try await Runs.hostal("image", "remove-label", "7", "env", at: standIn).exit == 4)
    }

    @Test(arguments: [("enable-protection", true, "is"), ("disable-protection", false, "is no longer")])
    func anImageIsProtectedAgainstItsDeletion(_ verb: String, _ isOn: Bool, _ words: String) async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("image", verb, "7", "delete", at: standIn)
        #expect(standIn.changes.map(\.path) == ["/v1/images/7/actions/change_protection"])
        #expect(try body(ProtectImage.self, of: standIn.changes.first) == ProtectImage(delete: isOn))
        #expect(run.exit == 0 && run.output == "image 7 \(words) protected against deletion\n")
        #expect(try await Runs.hostal("image", verb, "7", at: standIn).exit == 0)
        #expect(try await Runs.hostal("image", verb, "7", "reinstall", at: standIn).exit == 2)
    }

    @Test func anImageIsDeletedOnceItsNumberIsTyped() async throws {
        let standIn = try StandIn()
        let refused = try await Runs.hostal("image", "delete", "7", at: standIn, input: "7\n")
        #expect(refused.exit == 6 && standIn.changes.isEmpty && refused.errors.contains("use --yes"))
        let tried = try await Runs.hostal("image", "delete", "7", "--dry-run", at: standIn)
        #expect(tried.exit == 0 && standIn.changes.map(\.query) == ["dry_run=true"])
        let typed = try await Runs.onTerminal(
            "image", "delete", "7", at: standIn, typing: [(after: "to delete image 7: ", text: "7\n")])
        #expect(typed.exit == 0 && typed.errors.contains("Image 7 (before) will be gone for good. Servers that were made of it"))
        #expect(try await Runs.hostal("image", "rm", "7", "--yes", at: standIn).output == "image 7 is deleted\n")
        #expect(standIn.changes.count == 3 && standIn.changes.allSatisfy { $0.method == "DELETE" && $0.path == "/v1/images/7" })
    }

    @Test func aSystemIsChosenByAnImagesNumber() async throws {
        let standIn = try StandIn()
        let created = try await Runs.hostal("server", "create", "--name", "a", "--plan", "small", "--image", "7", at: standIn)
        #expect(created.exit == 0)
        #expect(try body(CreateServer.self, of: standIn.changes.last).image == .number(7))
        let run = try await Runs.hostal("server", "reinstall", "web-1", "--image", "7", "--yes", at: standIn)
        #expect(run.output == "server web-1 runs a fresh copy of image 7\n")
        #expect(try body(Rebuild.self, of: standIn.changes.last).image == .number(7))
    }

    @Test func aServerShowsTheImageThatItWasMadeOfAndIsNotReinstalledWithOneThatIsDeleted() async throws {
        let server =
            #"{"servers":[{"id":17,"name":"web-1","image":{"id":7,"name":null,"deleted":"2026-01-01T00:00:00Z"}}],"meta":{}}"#
        let standIn = try StandIn { $0.first = Array(repeating: .init(200, server), count: 2) }
        let list = try await Runs.hostal("server", "list", "-o", "columns=name,image", "-o", "noheader", at: standIn)
        #expect(list.output == "web-1  image 7\n")
        let run = try await Runs.hostal("server", "reinstall", "web-1", "--yes", at: standIn)
        #expect(run.exit == 2 && run.errors.contains("its image is gone; choose one with --image") && standIn.changes.isEmpty)
    }

    /// As the script of a shell asks for them.
    @Test(arguments: [("delete", "7\n"), ("describe", "debian-12\n")])
    func aShellIsOfferedNumbersWhereThereIsNoName(_ verb: String, _ offered: String) async throws {
        let standIn = try StandIn()
        let run = try await CommandRun.run(
            Runs.program, ["---completion", "image", verb, "--", "positional@0", "3", "0", "hostal", "image", verb, ""],
            environment: Runs.environment(standIn).merging(["SAP_SHELL": "bash"]) { $1 })
        #expect(run.exit == 0 && run.output == offered, "\(run.output)")
    }
}
