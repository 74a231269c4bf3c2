/// Something that a worker does again and again beside its jobs. A round that fails is told once and tried again at its next time.
struct Round: Sendable {
    static let purgesAtOnce = 10
    /// Hosts, as each flattens one disk at a time.
    static let flattensAtOnce = 100
    /// Guests wait at most this long for a storage server that is back.
    static let restoreInterval = Duration.seconds(5)

    var name: String
    var every: Duration
    var log: Log
    var body: @Sendable () async throws -> Void

    init(name: String, every: Duration, log: Log, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.every = every
        self.log = log
        self.body = body
    }

    /// Until the task is cancelled.
    func run() async {
        var isFailing = false
        while true {
            do { try await Task.sleep(for: every) } catch { return }
            do {
                try await body()
                if isFailing { log.line("can \(name) again") }
                isFailing = false
            } catch {
                if Task.isCancelled { return }
                if !isFailing { log.line("cannot \(name): \(error)") }
                isFailing = true
            }
        }
    }
}
