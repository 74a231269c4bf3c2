import FoundationEssentials
import HostalSystem

/// `ip`, `nft` and `sysctl`, and what they say. Every text in their arguments has been checked by a type of this module.
struct NetworkTools: Sendable {
    /// Stands before every command: `ip netns exec NAME` takes them to a network namespace. Empty in production.
    let prefix: [String]
    /// For one command. They take milliseconds; what takes this long waits for a lock of the kernel's.
    static let timeout = Duration.seconds(30)

    @discardableResult
    func run(_ words: [String], input: String = "") async throws -> String {
        let all = prefix + words
        return try await Command(all[0], Array(all.dropFirst()), timeout: Self.timeout, input: input).run()
    }

    /// Runs one nftables script: all of it takes effect at once, or nothing.
    func nft(_ script: String) async throws {
        try await run(["nft", "-f", "-"], input: script)
    }

    /// Nil when the kernel knows no such link.
    func link(_ name: String) async throws -> Link? {
        do {
            return try await links(["dev", name]).first
        } catch let error as CommandError where error.saysLinkIsAbsent {
            return nil
        }
    }

    func ports(of bridge: String) async throws -> [Link] {
        try await links(["master", bridge])
    }

    private func links(_ selection: [String]) async throws -> [Link] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Link].self, from: Data(try await run(["ip", "-j", "-d", "link", "show"] + selection).utf8))
    }
}

/// A network link as `ip -j -d link` shows it.
struct Link: Decodable, Sendable {
    struct Info: Decodable, Sendable {
        struct Data: Decodable, Sendable {
            var type: String?
            var stpState: Int?
            var noLinklocalLearn: Int?
        }
        var infoKind: String?
        var infoData: Data?
    }
    var ifname: String
    var flags: [String]
    var ifalias: String?
    var linkinfo: Info?

    var isBridge: Bool { linkinfo?.infoKind == "bridge" }
    var isTap: Bool { linkinfo?.infoKind == "tun" && linkinfo?.infoData?.type == "tap" }
    var hasSpanningTree: Bool { linkinfo?.infoData?.stpState != 0 }
    var learnsFromControlFrames: Bool { linkinfo?.infoData?.noLinklocalLearn != 1 }
    var isUp: Bool { flags.contains("UP") }
}
