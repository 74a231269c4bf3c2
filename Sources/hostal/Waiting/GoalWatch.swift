import HostalClient

/// Waits, after an action has succeeded, until its server can be reached from here.
struct GoalWatch {
    let client: APIClient
    let goal: WaitGoal
    /// From `start` on, the action's own time included.
    let limit: Duration
    let start: ContinuousClock.Instant

    private static let probeLimit = Duration.seconds(3)
    private static let pause = Duration.milliseconds(500)
    private static let sshPort: UInt16 = 22

    /// Throws a `CommandError` with code 10 when the time is up.
    func wait(for action: JSON, task: String) throws {
        guard goal == .network || goal == .ssh else { return }
        guard let id = action["resources"].elements.first(where: { $0["type"].string == "server" })?["id"].int else { return }
        let server = try doing(task) { try client.one(.server, id) }
        let addresses = ServerAddresses(server)
        guard let address = addresses.ipv4 ?? addresses.ipv6 else {
            throw CommandError(.other, "cannot reach server \(server.name.printable): it has no address")
        }
        let wanted = goal == .ssh ? Reachability.Finding.speaksSSH : .answers
        let reachability = Reachability(address: address, port: Self.sshPort)
        while reachability.probe(within: Self.probeLimit) < wanted {
            guard ContinuousClock.now - start < limit else {
                Terminal.redraw("")
                throw CommandError(
                    .stillRunning,
                    "cannot reach server \(server.name.printable) in \(ActionWatch.words(limit)): \(address) \(goal == .ssh ? "speaks no SSH on port \(Self.sshPort)" : "gives no answer") yet"
                )
            }
            Terminal.redraw("  … waiting for \(goal.rawValue) at \(address)  \(ActionWatch.words(ContinuousClock.now - start))")
            HostalClient.pause(for: Self.pause)
        }
        Terminal.redraw("")
    }
}
