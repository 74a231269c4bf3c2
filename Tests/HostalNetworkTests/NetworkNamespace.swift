import Glibc
import HostalModel
import HostalNetwork
import HostalProvisioning
import HostalSystem
import Synchronization
import Testing

/// A network namespace of a test's own: nothing in it reaches the machine's network.
struct NetworkNamespace: Sendable {
    let name: String
    var prefix: [String] { ["ip", "netns", "exec", name] }

    private static let made = Atomic(0)

    /// Makes a namespace for `body` and removes it with all that is in it, however `body` ends.
    static func with<Value>(_ body: (NetworkNamespace) async throws -> Value) async throws -> Value {
        let number = made.add(1, ordering: .relaxed).newValue
        let namespace = NetworkNamespace(name: "hostal-test-\(getpid())-\(number)")
        _ = try await Command("ip", ["netns", "add", namespace.name]).run()
        let result: Result<Value, any Error>
        do { result = .success(try await body(namespace)) } catch { result = .failure(error) }
        _ = try await Command("ip", ["netns", "del", namespace.name]).run()
        return try result.get()
    }

    /// Runs a command in the namespace: words with single spaces between.
    @discardableResult
    func run(_ words: String) async throws -> String {
        try await run(words.split(separator: " ").map(String.init))
    }

    @discardableResult
    func run(_ words: [String], timeout: Duration = .seconds(60)) async throws -> String {
        try await Command("ip", ["netns", "exec", name] + words, timeout: timeout).run()
    }

    /// A link of the bridge with this name, as a guest's tap would be, and a far end for the test to hold.
    func plug(_ port: String, into bridge: String, farEnd: String) async throws {
        try await run("ip link add name \(port) type veth peer name \(farEnd)")
        try await run("ip link set dev \(port) master \(bridge) up")
        try await run("ip link set dev \(farEnd) up")
    }
}

/// A card as an order makes one; `number` tells guests apart.
func card(_ number: Int, bridge: String = "br0", addresses: [String]? = nil) throws -> GuestInterface {
    let high = String(number / 250, radix: 16)
    let low = String(number % 250 + 2, radix: 16)
    return GuestInterface(
        tap: "vps-\(number)", mac: try #require(MACAddress("02:00:00:00:0\(high):\(low.count < 2 ? "0" : "")\(low)")),
        bridge: bridge,
        addresses: addresses ?? ["10.66.\(number / 250).\(number % 250 + 2)", "fd66::\(String(number + 2, radix: 16))"])
}

/// Fails unless `body` throws a failure of this kind and code.
func refuses(
    _ kind: Failure.Kind, _ code: Failure.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async {
    do {
        try await body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch {
        let failure = error as? Failure
        #expect(failure?.kind == kind, "\(error)", sourceLocation: sourceLocation)
        #expect(failure?.code == code, "\(error)", sourceLocation: sourceLocation)
    }
}
