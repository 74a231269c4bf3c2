import FoundationEssentials
import HostalLibvirt
import HostalModel
import HostalProvisioning
import Testing

/// Reports as a guest writes them, hostile ones included. No libvirt is asked: none answers at this address.
@Suite struct GuestReportTests {
    private let hypervisor: LibvirtHypervisor
    private let guest = GuestID(UUID())
    private let scratch = Scratch()
    private var log: String { "\(scratch.path)/\(guest).log" }

    init() {
        hypervisor = LibvirtHypervisor(
            HypervisorSettings(uri: "qemu+unix:///system?socket=/nonexistent", accelerator: .tcg, reportDirectory: scratch.path))
    }

    @Test func thereIsNoReportBeforeTheGuestWroteOne() async throws {
        #expect(try await read() == nil)
        try write("", to: log)
        #expect(try await read() == nil)
    }

    @Test func theNewestReportOfTheInstanceWins() async throws {
        try write(line(status: "error") + line(status: "done") + line(instance: "i-2", status: "other"), to: log)
        #expect(try await read()?.status == "done")
        #expect(try await read("i-2")?.status == "other")
        #expect(try await read("i-3") == nil)
    }

    @Test func aHalfWrittenLineIsNotYetAReport() async throws {
        try write(line(status: "done") + String(line(status: "error").dropLast(9)), to: log)
        #expect(try await read()?.status == "done")
    }

    @Test func aReportThatWasCutByTheRotationIsReadWhole() async throws {
        let whole = line(status: "done")
        try write(String(whole.prefix(20)), to: log + ".0")
        try write(String(whole.dropFirst(20)), to: log)
        #expect(try await read()?.status == "done")
    }

    @Test func garbageAndLinesThatAreTooLongAreSkipped() async throws {
        let long = line(status: "error", errors: Array(repeating: String(repeating: "e", count: 900), count: 19))
        try write(line(status: "done") + "\u{0}\u{1}{\n[]\n{\"instance_id\":1}\n" + long, to: log)
        #expect(try await read()?.status == "done")
    }

    @Test func onlyTheLast64KiBAreRead() async throws {
        let filler = String(repeating: "x", count: 1023) + "\n"
        try write(line(status: "done") + String(repeating: filler, count: 60), to: log)
        #expect(try await read()?.status == "done")
        try write(line(status: "done") + String(repeating: filler, count: 64), to: log)
        #expect(try await read() == nil)
    }

    @Test func countsAndLengthsAreBounded() async throws {
        let errors = Array(repeating: String(repeating: "e", count: 600), count: 21)
        let keys = (1...9).map { "ssh-ed25519 AAAA\($0)" } + [String(repeating: "k", count: 1_001)]
        try write(line(status: "done", errors: errors, keys: keys.reversed()), to: log)
        let report = try #require(try await read())
        #expect(report.errors.count == 20)
        #expect(report.errors.allSatisfy { $0.count == 500 })
        #expect(report.hostKeys == Array(keys.dropLast().reversed().prefix(8)))
    }

    @Test func controlCharactersReachNobodysTerminal() async throws {
        try write(line(status: "done", errors: ["a\\u001b[2Jb"], keys: ["ssh\\u0007"]), to: log)
        let report = try #require(try await read())
        #expect(report.errors == ["a [2Jb"])
        #expect(report.hostKeys.isEmpty)
        try write(line(status: "do\\u001bne"), to: log)
        #expect(try await read() == nil)
    }

    @Test func aLinkInPlaceOfTheReportIsNotFollowed() async throws {
        try write(line(status: "done"), to: "\(scratch.path)/elsewhere")
        try FileManager.default.createSymbolicLink(atPath: log, withDestinationPath: "\(scratch.path)/elsewhere")
        await expectFailure(.temporary, "cannot read the reports of guest \(guest): the host's disk refused") {
            _ = try await read()
        }
    }

    @Test func discardingTakesEveryRotatedFileAndNobodyElsesTwice() async throws {
        let other = "\(scratch.path)/\(UUID().uuidString.lowercased()).log"
        for file in [log, log + ".0", log + ".1", other] { try write("x", to: file) }
        for _ in 1...2 { try await hypervisor.discardReports(of: guest) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [
                other.split(separator: "/").last.map(String.init)
            ])
    }

    @Test func aBootThatIsKnownIsNoNews() async throws {
        try write(line(status: "done") + line(instance: "i-2", status: "done").replacing("\"b\"", with: "\"c\""), to: log)
        #expect(try await hypervisor.report(of: guest, instanceID: "i-1", besides: nil)?.bootID == "b")
        #expect(try await hypervisor.report(of: guest, instanceID: "i-1", besides: "b") == nil)
        #expect(try await hypervisor.report(of: guest, instanceID: "i-1", besides: "c")?.bootID == "b")
        #expect(try await hypervisor.report(of: guest, instanceID: "i-2", besides: "b")?.bootID == "c")
    }

    private func read(_ instance: String = "i-1") async throws -> GuestReport? {
        try await hypervisor.report(of: guest, instanceID: instance)
    }

    private func write(_ text: String, to path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    /// The strings are put between quotes as they are.
    private func line(instance: String = "i-1", status: String, errors: [String] = [], keys: [String] = []) -> String {
        func list(_ texts: [String]) -> String { "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        return """
            {"instance_id":"\(instance)","boot_id":"b","status":"\(status)","errors":\(list(errors)),"host_keys":\(list(keys))}

            """
    }
}

/// A directory that goes with the test.
final class Scratch: Sendable {
    let path = "/tmp/hostal-\(UUID().uuidString)"
    init() { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}
