/// A kind of thing that the API has: where it is, and what its bodies and people call it.
package struct Resource: Sendable, Hashable {
    /// In messages: `SSH key`.
    package let noun: String
    /// `ssh_keys`: the path below the root, and the name of a list in an answer.
    package let path: String
    /// `ssh_key`: the name of one in an answer.
    package let member: String

    /// Sold to everybody rather than an account's own: there are few, and their names are worth telling.
    var isShared: Bool { [.plan, .image, .location].contains(self) }

    package static let server = Resource(noun: "server", path: "servers", member: "server")
    package static let plan = Resource(noun: "plan", path: "server_types", member: "server_type")
    package static let image = Resource(noun: "image", path: "images", member: "image")
    package static let location = Resource(noun: "location", path: "locations", member: "location")
    package static let sshKey = Resource(noun: "SSH key", path: "ssh_keys", member: "ssh_key")
    package static let primaryIP = Resource(noun: "primary IP", path: "primary_ips", member: "primary_ip")
    package static let action = Resource(noun: "action", path: "actions", member: "action")
}
