import FoundationEssentials

/// The static rules of every host, and how to tell which ones a host has loaded.
enum GuardRules {
    static let table = "hostal"
    static let versionChain = "version"

    /// Follows from the rules' text, so that nobody can change them and forget it: FNV-1a, 64 bits. It tells our own releases apart and
    /// protects against nobody.
    static let version: String = {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in PackageResources.guard_nft { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "guard \(String(hash, radix: 16))"
    }()

    /// Loads the rules and their version in one transaction; elements of sets stay.
    static let script = """
        \(String(decoding: PackageResources.guard_nft, as: UTF8.self))
        table bridge \(table) { chain \(versionChain) { return comment "\(version)"; }; }

        """
}
