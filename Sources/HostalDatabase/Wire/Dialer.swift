import HostalSystem

/// Begins connections on a thread of its own, since libpq resolves host names there and then, which may block for seconds.
actor Dialer {
    static let shared = Dialer()
    private let executor = ThreadExecutor(name: "hostal-resolve")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func dial(_ settings: DatabaseSettings) -> sending LibpqHandle? { LibpqHandle(connectingWith: settings.keywords) }
}
