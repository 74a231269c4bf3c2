/// What a guest says of itself over the report channel after a boot. The guest wrote it: nothing here is trusted beyond being shown
/// to its owner, and the reader bounds every length.
package struct GuestReport: Hashable, Sendable, Codable {
    /// Which seed the guest has run: `ServerSpec` and order make it, so that an earlier boot's report is never mistaken for this one's.
    package var instanceID: String
    /// The kernel's random id of this boot.
    package var bootID: String
    /// cloud-init's own word: `done`, `error` or `degraded done`.
    package var status: String
    /// cloud-init's errors, at most 20 of at most 500 characters.
    package var errors: [String]
    /// OpenSSH public host keys, one line each, at most 8.
    package var hostKeys: [String]

    package init(instanceID: String, bootID: String, status: String, errors: [String], hostKeys: [String]) {
        self.instanceID = instanceID
        self.bootID = bootID
        self.status = status
        self.errors = errors
        self.hostKeys = hostKeys
    }

    /// The names on the wire.
    package enum CodingKeys: String, CodingKey {
        case instanceID = "instance_id"
        case bootID = "boot_id"
        case status, errors
        case hostKeys = "host_keys"
    }
}
