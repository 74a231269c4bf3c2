import HostalClient
import HostalTestKit
import Testing

/// What each command line prints, to the letter.
@Suite struct OutputTests {
    @Test func listsAreTables() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "list", "-o", "columns=id,name,status,plan,image,ipv4,ipv6,labels", at: standIn)
        #expect(
            run.output == """
                ID  NAME   STATUS   PLAN   IMAGE      IPV4        IPV6          LABELS
                17  web-1  running  large  debian-12  192.0.2.17  2001:db8::17  env=prod
                18  db-1   running  large  debian-12  192.0.2.18  2001:db8::18  -

                """)
        #expect(run.exit == 0 && run.errors == "")
    }

    @Test func headersCanBeLeftOut() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "list", "-o", "noheader", "-o", "columns=name,ipv4", at: standIn)
        #expect(run.output == "web-1  192.0.2.17\ndb-1   192.0.2.18\n")
    }

    @Test func plansKeysLocationsAndImagesAreListed() async throws {
        let standIn = try StandIn()
        #expect(
            try await Runs.hostal("plan", "list", at: standIn).output == """
                ID  NAME   CORES  MEMORY  DISK   MONTHLY  HOURLY
                1   small  1      1 GB    10 GB  4.94     4.94
                2   large  2      2 GB    20 GB  4.94     4.94

                """)
        #expect(
            try await Runs.hostal("location", "list", at: standIn).output
                == "ID  NAME  DESCRIPTION    COUNTRY  CITY\n1   fsn   the first one  DE       F\n")
        #expect(
            try await Runs.hostal("image", "list", "-o", "columns=name,disk", at: standIn).output
                == "NAME       DISK\ndebian-12  3 GB\n")
        #expect(
            try await Runs.hostal("ssh-key", "list", "-o", "columns=id,name,fingerprint", at: standIn).output
                == "ID  NAME    FINGERPRINT\n3   laptop  aa:bb\n4   3       aa:bb\n")
    }

    @Test func jsonIsTheAPIsObjectWithItsOrderAndDigits() async throws {
        let object = #"{"id":17,"name":"web-1","z":1.50,"a":[{"b":1e3}]}"#
        let standIn = try StandIn {
            $0.first = [.init(200, #"{"servers":[\#(object)],"meta":{}}"#)]
        }
        let run = try await Runs.hostal("server", "describe", "web-1", "-o", "json", at: standIn)
        #expect(try JSON(parsing: Array(run.output.utf8)).compact == object)
    }

    @Test func yamlSaysTheSame() async throws {
        let object = #"{"id":17,"name":"web-1","on":"yes","list":[{"a":1,"b":[]},"x: y"],"none":null,"text":"a\nb"}"#
        let standIn = try StandIn { $0.first = [.init(200, #"{"servers":[\#(object)],"meta":{}}"#)] }
        let run = try await Runs.hostal("server", "describe", "web-1", "-o", "yaml", at: standIn)
        #expect(
            run.output == """
                id: 17
                name: web-1
                "on": "yes"
                list:
                  - a: 1
                    b: []
                  - "x: y"
                none: null
                text: "a\\nb"

                """)
    }

    @Test func anAddressStandsAlone() async throws {
        let standIn = try StandIn()
        #expect(try await Runs.hostal("server", "ip", "web-1", at: standIn).output == "192.0.2.17\n")
        #expect(try await Runs.hostal("server", "ip", "17", "--ipv6", at: standIn).output == "2001:db8::17\n")
    }

    @Test func withoutATerminalStepsArePlainLinesAndTheResultIsAlone() async throws {
        let standIn = try StandIn {
            $0.looks = [
                StandInAccount.action(
                    "running", [("clone-volume", "done"), ("await-guest", "running")], waitingFor: "the guest's report"),
                StandInAccount.action("success", [("clone-volume", "done"), ("await-guest", "done")]),
            ]
        }
        let run = try await Runs.hostal("server", "reboot", "web-1", at: standIn)
        #expect(run.output == "server web-1 has restarted\n")
        #expect(
            run.errors == """
                reboot server web-1: action 99
                  ✓ clone volume  3 s
                  waiting for the guest's report
                  ✓ await guest   3 s

                """)
    }

    @Test func noWaitPrintsTheActionsIDAlone() async throws {
        let standIn = try StandIn { $0.rootPassword = "s3cret" }
        let run = try await Runs.hostal("server", "reset-password", "web-1", "--no-wait", at: standIn)
        #expect(run.output == "99\n" && run.errors == "root password: s3cret\n")
        #expect(!standIn.requests.contains { $0.path == "/v1/actions/99" })
    }

    @Test func aPasswordIsShownAlsoWhenTheWaitFails() async throws {
        let standIn = try StandIn {
            $0.rootPassword = "s3cret"
            $0.looks = [StandInAccount.action("running")]
        }
        let run = try await Runs.hostal("server", "reset-password", "web-1", "--wait-timeout", "1s", at: standIn)
        #expect(run.exit == 10 && run.errors.contains("root password: s3cret\n"))
    }

    @Test func aDryRunShowsWhatWouldHappenAndAsksNothing() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "reinstall", "web-1", "--dry-run", at: standIn)
        #expect(run.errors == "dry run: this would reinstall server web-1; nothing was changed\n")
        #expect(
            run.output == """
                downtime      until the new system has started
                irreversible  no
                keeps         ssh keys
                steps         clone volume
                              await guest

                """)
        #expect(standIn.changes.map(\.query) == ["dry_run=true"])
    }

    @Test func textsOfOthersDoNotSteerTheTerminal() async throws {
        let standIn = try StandIn {
            $0.first = [.init(200, #"{"servers":[{"id":1,"name":"\u001b]0;owned\u0007"}],"meta":{}}"#)]
        }
        let run = try await Runs.hostal("server", "list", "-o", "columns=name", at: standIn)
        #expect(run.output == "NAME\n\u{FFFD}]0;owned\u{FFFD}\n")
    }
}
