import FoundationEssentials
import HostalModel
import HostalSystem
import Testing

@testable import HostalSeed

/// The guest's side of the report channel, run as in a guest with every path below a temporary directory.
@Suite struct ReportScriptTests {
    private static let shells = ["dash", "bash"]
    /// What the reader on the host takes, in bytes.
    private static let readerLimit = 64 << 10

    /// A guest after its boot. Nil leaves a file out.
    private func report(
        shell: String = "dash", result: String? = #"{"v1": {"datasource": "NoCloud", "errors": []}}"#, status: String? = nil,
        keys: [String: String] = [:], port: Bool = true
    ) async throws -> [GuestReport] {
        try await withDirectory { root in
            let channel = "\(root)/dev/virtio-ports/org.hostal.report.0"
            if port { try write("", to: channel) }
            if let result { try write(result, to: "\(root)/run/cloud-init/result.json") }
            if let status { try write(status, to: "\(root)/run/cloud-init/status.json") }
            for (name, key) in keys { try write(key, to: "\(root)/etc/ssh/\(name)") }
            try write("hostal-17-1\n", to: "\(root)/var/lib/cloud/data/instance-id")
            try write("0b1c2d3e-boot\n", to: "\(root)/proc/sys/kernel/random/boot_id")
            _ = try await Command(
                "env", ["HOSTAL_ROOT=\(root)", "HOSTAL_WAIT=0", shell, "\(shippedTemplates)/report.sh", "send"]
            ).run()
            guard port else {
                #expect(!FileManager.default.fileExists(atPath: channel))
                return []
            }
            let said = try read(channel)
            #expect(said.hasSuffix("\n"))
            #expect(said.utf8.count <= Self.readerLimit)
            return try said.split(separator: "\n").map { try decoded(GuestReport.self, from: String($0)) }
        }
    }

    @Test(arguments: shells)
    func aGoodBootIsOneLineThatSaysDone(shell: String) async throws {
        let reports = try await report(
            shell: shell, keys: ["ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA root@web1\n", "ssh_host_ed25519_key": "PRIVATE"])
        #expect(
            reports == [
                GuestReport(
                    instanceID: "hostal-17-1", bootID: "0b1c2d3e-boot", status: "done", errors: [],
                    hostKeys: ["ssh-ed25519 AAAA root@web1"])
            ])
    }

    @Test(arguments: shells)
    func hostileErrorsAndKeysArriveAsTheyWere(shell: String) async throws {
        let errors = hostileTexts.filter { $0.count <= 500 }.prefix(20)
        let json = String(decoding: try JSONEncoder().encode(["v1": ["errors": Array(errors)]]), as: UTF8.self)
        let comment = #"ssh-ed25519 AAAA "it's" $(reboot) `id` \n { } %s é"#
        let reports = try await report(shell: shell, result: json, keys: ["ssh_host_a_key.pub": comment + "\n"])
        #expect(reports.map(\.errors) == [Array(errors)])
        #expect(reports.map(\.hostKeys) == [[comment]])
        #expect(reports.map(\.status) == ["error"])
    }

    @Test(arguments: shells)
    func anAbsentResultIsAnErrorThatSaysSoAfterWhatTheStagesSaid(shell: String) async throws {
        #expect(
            try await report(shell: shell, result: nil).map(\.errors) == [["cloud-init left no result within 0 s of its end"]])
        let reports = try await report(
            shell: shell, result: nil, status: #"{"v1": {"stage": "modules-config", "init": {"errors": ["cannot \"mount\""]}}}"#)
        #expect(reports.map(\.errors) == [[#"cannot "mount""#, "cloud-init left no result within 0 s of its end"]])
        #expect(reports.map(\.status) == ["error"])
    }

    @Test(arguments: ["", "{", "[]", "null", #"{"v1": []}"#, #"{"v1": null}"#, #"{"v2": {}}"#, "\u{0}"])
    func aBrokenResultIsAnError(result: String) async throws {
        #expect(try await report(result: result).map(\.status) == ["error"])
    }

    @Test func warningsDegradeTheResult() async throws {
        let warned = #"{"v1": {"stage": null, "init": {"errors": [], "recoverable_errors": {"WARNING": ["x"]}}}}"#
        let quiet = #"{"v1": {"stage": null, "init": {"errors": [], "recoverable_errors": {}}}}"#
        #expect(try await report(status: warned).map(\.status) == ["degraded done"])
        #expect(try await report(status: quiet).map(\.status) == ["done"])
    }

    @Test func whatIsTooMuchIsCut() async throws {
        let errors = Array(repeating: String(repeating: "\u{1}", count: 600), count: 30)
        let json = String(decoding: try JSONEncoder().encode(["v1": ["errors": errors]]), as: UTF8.self)
        let keys = Dictionary(
            uniqueKeysWithValues: (1...12).map { ("ssh_host_\($0)_key.pub", String(repeating: "k", count: 2_000)) })
        let report = try #require(try await report(result: json, keys: keys).first)
        #expect(report.hostKeys.count == 8)
        #expect((1...20).contains(report.errors.count))
        #expect(report.errors.allSatisfy { $0.count == 500 })
    }

    @Test func keysThatAreNoOneLineAreLeftOut() async throws {
        let keys = [
            "ssh_host_a_key.pub": "one\ntwo\n", "ssh_host_b_key.pub": "",
            "ssh_host_c_key.pub": String(repeating: "k", count: 2_001),
        ]
        #expect(try await report(keys: keys).map(\.hostKeys) == [[]])
    }

    @Test func halfASurrogatePairDoesNotMakeTheLineUnreadable() async throws {
        #expect(try await report(result: #"{"v1": {"errors": ["a\ud800b"]}}"#).map(\.errors) == [["a?b"]])
    }

    @Test(arguments: shells)
    func withoutAPortNothingIsWrittenAnywhere(shell: String) async throws {
        #expect(try await report(shell: shell, port: false) == [])
    }
}
