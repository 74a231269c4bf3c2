/// What an order said of how its job is to be done, as `hostal.jobs.options` keeps it.
package struct JobOptions: Hashable, Sendable, Codable {
    package enum UserData: String, Sendable, Codable { case keep, drop, replace }

    /// The fate of the customer's cloud-init document in a reinstall.
    package var userData: UserData
    /// When a guest that does not shut down loses its power; nil: never.
    package var forceAfter: Duration?

    package init(userData: UserData = .keep, forceAfter: Duration? = nil) {
        self.userData = userData
        self.forceAfter = forceAfter
    }

    /// The names in the database's JSON.
    package enum CodingKeys: String, CodingKey {
        case userData = "user_data"
        case forceAfter = "force_after_seconds"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        userData = try fields.decodeIfPresent(UserData.self, forKey: .userData) ?? .keep
        forceAfter = try fields.decodeIfPresent(Int.self, forKey: .forceAfter).map { .seconds($0) }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(userData, forKey: .userData)
        try fields.encodeIfPresent(forceAfter?.components.seconds, forKey: .forceAfter)
    }
}

/// What only the worker may read. Never logged, never part of an intent, an output or an event; gone when the order is over.
package struct JobSecrets: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// A reinstall's new cloud-init document.
    package var userData: String?
    /// Root's password as crypt(3) hashes it.
    package var passwordHash: String?

    package init(userData: String? = nil, passwordHash: String? = nil) {
        self.userData = userData
        self.passwordHash = passwordHash
    }

    package var description: String { "(kept apart)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
