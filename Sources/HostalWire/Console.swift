/// A serial line that was opened.
package struct Console: Codable, Hashable, Sendable {
    /// Of the session.
    package var id: Int64
    package var serverId: Int64
    /// Its output must be read from within this time.
    package var attachSeconds: Int64
    /// It ends when nothing was typed or said for so long.
    package var idleSeconds: Int64
    package var lifetimeSeconds: Int64

    package init(id: Int64, serverId: Int64, attachSeconds: Int64, idleSeconds: Int64, lifetimeSeconds: Int64) {
        self.id = id
        self.serverId = serverId
        self.attachSeconds = attachSeconds
        self.idleSeconds = idleSeconds
        self.lifetimeSeconds = lifetimeSeconds
    }
}

/// `POST /v1/servers/{id}/console`.
package struct OpenConsole: Codable, Hashable, Sendable {
    /// Ends whoever has it.
    package var force: Bool?

    package init(force: Bool? = nil) { self.force = force }
}

package struct ConsoleOpened: Codable, Hashable, Sendable {
    package var console: Console

    package init(console: Console) { self.console = console }
}
