import CHostalShims
import FoundationEssentials
import Glibc
package import HostalModel
import HostalSystem

/// What runs guests' instructions: the processor, or QEMU's translator, which is many times slower.
package enum Accelerator: String, Sendable, Codable, CaseIterable { case kvm, tcg }

/// What was found of KVM on this host. /dev/kvm alone proves nothing: there are kernels where libvirt believes in it and guests hang.
package struct AcceleratorProbe: Hashable, Sendable {
    package enum Guest: Hashable, Sendable {
        case works
        /// /dev/kvm cannot be opened, or KVM cannot make a guest on it; the reason.
        case noDevice(String), noSetup(String)
        case failed, hung
        case notProbed(String)
    }

    /// What became of a 64-bit guest of a few instructions.
    package var guest: Guest
    /// The processor has VT-x or AMD-V. KVM without them runs only kernels that are made for it.
    package var hasExtensions: Bool

    package init(guest: Guest, hasExtensions: Bool) {
        self.guest = guest
        self.hasExtensions = hasExtensions
    }

    /// Milliseconds that the guest may take; it needs less than one where KVM works.
    private static let guestLimit: CInt = 500

    /// Runs the probe on a thread of its own: at most about 700 ms.
    package static func run() async -> AcceleratorProbe { await ProbeThread().probe() }

    /// Nil when KVM works; else why not.
    package var obstacle: String? {
        switch guest {
        case .noDevice(let reason): "/dev/kvm cannot be opened (\(reason))"
        case .noSetup(let reason): "/dev/kvm is there, but no guest can be made on it (\(reason))"
        case .failed, .hung: "/dev/kvm is there, but a 64-bit guest does not run on it"
        case .notProbed(let reason): "it could not be probed (\(reason))"
        case .works where !hasExtensions: "/dev/kvm is there, but the processor has neither VT-x nor AMD-V"
        case .works: nil
        }
    }

    /// What guests are run with, and why, in a sentence for the operator. Nil when the choice is KVM and KVM does not work.
    package func resolve(_ choice: AcceleratorChoice) -> (accelerator: Accelerator?, sentence: String) {
        switch (choice, obstacle) {
        case (.tcg, _): (.tcg, "using software emulation (TCG), as configured")
        case (_, nil): (.kvm, "using KVM: a 64-bit guest runs on /dev/kvm")
        case (.auto, let obstacle?): (.tcg, "KVM unusable: \(obstacle); using software emulation (TCG)")
        case (.kvm, let obstacle?): (nil, "KVM unusable: \(obstacle); the configuration asks for KVM and accepts nothing else")
        }
    }

    private actor ProbeThread {
        private let executor = ThreadExecutor(name: "kvm-probe")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        func probe() -> AcceleratorProbe {
            var number: CInt = 0
            let outcome = shims_probe_kvm(AcceleratorProbe.guestLimit, &number)
            let reason = String(cString: strerror(number)).lowercased()
            let guest: Guest =
                switch outcome {
                case SHIMS_KVM_WORKS: .works
                case SHIMS_KVM_NO_DEVICE: .noDevice(reason)
                case SHIMS_KVM_NO_SETUP: .noSetup(reason)
                case SHIMS_KVM_GUEST_FAILED: .failed
                case SHIMS_KVM_GUEST_HUNG: .hung
                default: .notProbed(reason)
                }
            return AcceleratorProbe(guest: guest, hasExtensions: Self.processorHasExtensions())
        }

        private static func processorHasExtensions() -> Bool {
            guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return false }
            let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
            return flags.split(separator: " ").contains { $0 == "vmx" || $0 == "svm" }
        }
    }
}
