/// How a host runs its guests' instructions, as its operator asks for it.
package enum AcceleratorChoice: String, Sendable, Codable, CaseIterable {
    /// KVM where it works, else software emulation.
    case auto
    /// KVM, or the worker refuses to start.
    case kvm
    /// QEMU's translator, for machines without KVM: about ten times slower.
    case tcg
}
