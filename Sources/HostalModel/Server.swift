/// Whether a guest has power.
package enum PowerState: String, Sendable, Codable { case on, off }

/// What a customer ordered, as it was when the order was placed: later changes of a plan or an image do not reach it.
package struct ServerSpec: Hashable, Sendable, Codable {
    package var id: ServerID
    package var guest: GuestID
    /// The host name that the customer chose: 1 to 63 letters, digits and hyphens.
    package var name: String
    /// What it has now; a resize's goal is its job's.
    package var plan: Plan
    /// What its disk is made from, or is to be made from by the job at hand.
    package var image: Image
    package var mac: MACAddress
    /// OpenSSH public keys, one line each, checked when the order was placed.
    package var sshKeys: [String]
    /// The customer's own cloud-init document, byte for byte; nil when there is none. Never logged.
    package var userData: String?

    package init(
        id: ServerID, guest: GuestID, name: String, plan: Plan, image: Image, mac: MACAddress, sshKeys: [String],
        userData: String?
    ) {
        self.id = id
        self.guest = guest
        self.name = name
        self.plan = plan
        self.image = image
        self.mac = mac
        self.sshKeys = sshKeys
        self.userData = userData
    }
}

/// The names that a server has on its host. All follow from the server, so that a step finds after a crash what it made before.
package struct GuestNames: Hashable, Sendable {
    package let server: ServerID
    package let guest: GuestID
    package init(server: ServerID, guest: GuestID) {
        self.server = server
        self.guest = guest
    }
    /// libvirt's name for the domain. For people: ownership is always checked by UUID.
    package var domain: String { "hostal-\(server)" }
    /// Every tap of a guest starts with this: the firewall's rules hang on it.
    package static let tapPrefix = "vps-"
    /// At most 15 characters, the kernel's limit, while server numbers stay below 10^11.
    package var tap: String { Self.tapPrefix + String(server.value) }
}
