import HostalLibvirt
import HostalModel
import Testing

@Suite struct AcceleratorProbeTests {
    private let working = AcceleratorProbe(guest: .works, hasExtensions: true)
    private let hanging = AcceleratorProbe(guest: .hung, hasExtensions: true)

    @Test func aGuestThatRunsMakesKVMTheChoice() {
        #expect(working.resolve(.auto) == (.kvm, "using KVM: a 64-bit guest runs on /dev/kvm"))
        #expect(working.resolve(.kvm).accelerator == .kvm)
    }

    @Test func aGuestThatHangsLeavesEmulation() {
        let sentence = """
            KVM unusable: /dev/kvm is there, but a 64-bit guest does not run on it; using software emulation (TCG)
            """
        #expect(hanging.resolve(.auto) == (.tcg, sentence))
    }

    @Test func whoAsksForKVMGetsNothingElse() {
        #expect(hanging.resolve(.kvm).accelerator == nil)
        #expect(hanging.resolve(.kvm).sentence.hasSuffix("the configuration asks for KVM and accepts nothing else"))
    }

    @Test func whoAsksForEmulationGetsItOnAnyHost() {
        #expect(working.resolve(.tcg) == (.tcg, "using software emulation (TCG), as configured"))
    }

    @Test func aProcessorWithoutExtensionsIsAnObstacleThoughATinyGuestRuns() {
        let probe = AcceleratorProbe(guest: .works, hasExtensions: false)
        #expect(probe.resolve(.auto).accelerator == .tcg)
    }

    @Test func theProbeItselfEndsInTimeWhateverKVMDoes() async {
        let start = ContinuousClock.now
        let probe = await AcceleratorProbe.run()
        #expect(ContinuousClock.now - start < .seconds(5))
        if case .notProbed(let reason) = probe.guest { Issue.record("not probed: \(reason)") }
        print("this machine: \(probe.resolve(.auto).sentence)")
    }
}
