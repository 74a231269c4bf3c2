import FoundationEssentials
import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalSystem
import Testing

@Suite struct DomainXMLTests {
    private let scratch = Scratch()
    private func settings(_ accelerator: Accelerator) -> HypervisorSettings {
        HypervisorSettings(accelerator: accelerator, reportDirectory: "/srv/reports")
    }

    @Test func aGuestOnKVMIsWrittenToTheLastAttribute() throws {
        #expect(try DomainXML(.sample(), settings(.kvm)).text == goldenKVM)
    }

    @Test func emulationGetsNothingThatOnlyKVMCanUse() throws {
        let text = try DomainXML(.sample(), settings(.tcg)).text
        #expect(text.contains(#"<domain type="qemu">"#))
        #expect(text.contains(#"<driver name="qemu" type="qcow2" cache="writeback" io="threads" discard="unmap"/>"#))
        for word in ["iothread", "queues", "vhost", "host-passthrough"] { #expect(!text.contains(word)) }
    }

    @Test func libvirtsOwnSchemaAcceptsEveryKindOfDocument() async throws {
        for accelerator in Accelerator.allCases {
            try await validate(DomainXML(.sample(), settings(accelerator)))
            var block = try GuestDefinition.sample(disk: "/dev/vg/disk")
            block.root.backing = nil
            block.root.format = .raw
            block.vcpus = 1
            let document = try DomainXML(block, settings(accelerator))
            try await validate(document)
            #expect(document.text.contains(#"<disk type="block" device="disk">"#))
        }
    }

    @Test func roomToGrowIsWrittenOutAndAcceptedByLibvirt() async throws {
        for accelerator in Accelerator.allCases {
            var roomy = HypervisorSettings(accelerator: accelerator, reportDirectory: "/srv/reports", liveGrowth: 4)
            #expect(try !DomainXML(.sample(), roomy).text.contains("maxMemory"), "64 MiB would cost as much again")
            roomy.memoryGrowthFrom = Mebibytes(64)
            let document = try DomainXML(.sample(), roomy)
            try await validate(document)
            for part in [
                #"<maxMemory slots="16" unit="MiB">256</maxMemory>"#, #"<vcpu current="2">8</vcpu>"#,
                #"<cell id="0" cpus="0-7" memory="64" unit="MiB"/>"#,
            ] { #expect(document.text.contains(part), "\(part)") }
            var many = try GuestDefinition.sample()
            many.vcpus = 200
            #expect(try DomainXML(many, roomy).text.contains(#"<vcpu current="200">240</vcpu>"#))
            many.vcpus = 250
            #expect(try DomainXML(many, roomy).text.contains("<vcpu>250</vcpu>"))
        }
    }

    @Test(arguments: ["a'b", "a\"b", "a&b", "a]]>b", "<x/>", "a\nb", "a\tb", "é"])
    func aHostilePathArrivesAsItIs(name: String) async throws {
        let path = "/srv/disks/\(name)"
        let document = try DomainXML(.sample(disk: path, base: path, seed: path), settings(.tcg))
        if !name.contains("\n") { try await validate(document) }
        for place in ["disk[1]/source/@file", "disk[1]/backingStore/source/@file", "disk[2]/source/@file"] {
            #expect(try await query("string(/domain/devices/\(place))", document) == path)
        }
        #expect(try await query("count(//*)", document) == query("count(//*)", DomainXML(.sample(), settings(.tcg))))
    }

    @Test func aPathThatXMLCannotHoldIsRefusedInWords() async {
        await expectFailure(.permanent, "cannot define server 42: character U+1 cannot be written as XML") {
            _ = try DomainXML(.sample(disk: "/srv/\u{1}"), settings(.tcg))
        }
    }

    @Test func aTapsNameMayBeAsLongAsTheKernelAllowsAndNoLonger() async throws {
        var guest = try GuestDefinition.sample()
        guest.tap = "vps-12345678901"
        try await validate(DomainXML(guest, settings(.kvm)))
        guest.tap = "vps-123456789012"
        await expectFailure(.permanent, "its tap's name has 16 bytes; 1 to 15 are accepted") {
            _ = try DomainXML(guest, settings(.kvm))
        }
    }

    @Test func aGuestNeedsAProcessorAndMemory() async throws {
        var guest = try GuestDefinition.sample()
        guest.vcpus = 0
        await expectFailure(.permanent, "it has 0 vcpus; at least 1 is needed") { _ = try DomainXML(guest, settings(.kvm)) }
        guest.vcpus = 1
        guest.memory = Mebibytes(0)
        await expectFailure(.permanent, "it has 0 MiB of memory; at least 1 MiB is needed") {
            _ = try DomainXML(guest, settings(.kvm))
        }
    }

    @Test func theChecksumFollowsTheGuestAndNotTheEpoch() throws {
        var guest = try GuestDefinition.sample()
        let first = try DomainXML(guest, settings(.kvm)).mark
        guest.epoch += 1
        #expect(try DomainXML(guest, settings(.kvm)).mark.checksum == first.checksum)
        guest.memory = Mebibytes(65)
        #expect(try DomainXML(guest, settings(.kvm)).mark.checksum != first.checksum)
    }

    private func validate(_ document: DomainXML) async throws {
        try await withFile(document) { _ = try await Command("virt-xml-validate", [$0, "domain"]).run() }
    }

    private func query(_ path: String, _ document: DomainXML) async throws -> String {
        try await withFile(document) { String(try await Command("xmllint", ["--xpath", path, $0]).run().dropLast()) }
    }

    private func withFile<Value>(_ document: DomainXML, _ body: (String) async throws -> Value) async throws -> Value {
        let file = "\(scratch.path)/\(UUID().uuidString).xml"
        try Data(document.text.utf8).write(to: URL(filePath: file))
        return try await body(file)
    }
}
