/// One server.
package struct ServerAnswer: Codable, Hashable, Sendable {
    package var server: Server

    package init(
        server: Server
    ) {
        self.server = server
    }
}

/// A page of servers.
package struct ServerList: Codable, Hashable, Sendable {
    package var servers: [Server]
    package var meta: Meta

    package init(
        servers: [Server], meta: Meta
    ) {
        self.servers = servers
        self.meta = meta
    }
}

/// A server that was ordered. The password is given only when no SSH key was, and only in this one answer.
package struct ServerCreated: Codable, Hashable, Sendable {
    package var server: Server
    package var action: Action
    package var nextActions: [Action]
    @Nullable package var rootPassword: String?

    package init(
        server: Server, action: Action, nextActions: [Action] = [], rootPassword: String? = nil
    ) {
        self.server = server
        self.action = action
        self.nextActions = nextActions
        self.rootPassword = rootPassword
    }
}

/// One action.
package struct ActionAnswer: Codable, Hashable, Sendable {
    package var action: Action

    package init(
        action: Action
    ) {
        self.action = action
    }
}

/// An action that may have made a password, which is given in this one answer only.
package struct PasswordAnswer: Codable, Hashable, Sendable {
    package var action: Action
    @Nullable package var rootPassword: String?

    package init(
        action: Action, rootPassword: String? = nil
    ) {
        self.action = action
        self.rootPassword = rootPassword
    }
}

/// A page of actions.
package struct ActionList: Codable, Hashable, Sendable {
    package var actions: [Action]
    package var meta: Meta

    package init(
        actions: [Action], meta: Meta
    ) {
        self.actions = actions
        self.meta = meta
    }
}

/// One plan.
package struct ServerTypeAnswer: Codable, Hashable, Sendable {
    package var serverType: ServerType

    package init(
        serverType: ServerType
    ) {
        self.serverType = serverType
    }
}

/// A page of plans.
package struct ServerTypeList: Codable, Hashable, Sendable {
    package var serverTypes: [ServerType]
    package var meta: Meta

    package init(
        serverTypes: [ServerType], meta: Meta
    ) {
        self.serverTypes = serverTypes
        self.meta = meta
    }
}

/// One image.
package struct ImageAnswer: Codable, Hashable, Sendable {
    package var image: Image

    package init(
        image: Image
    ) {
        self.image = image
    }
}

/// A page of images.
package struct ImageList: Codable, Hashable, Sendable {
    package var images: [Image]
    package var meta: Meta

    package init(
        images: [Image], meta: Meta
    ) {
        self.images = images
        self.meta = meta
    }
}

/// An image that was ordered, and the action that makes it.
package struct ImageCreated: Codable, Hashable, Sendable {
    package var image: Image
    package var action: Action

    package init(
        image: Image, action: Action
    ) {
        self.image = image
        self.action = action
    }
}

/// One location.
package struct LocationAnswer: Codable, Hashable, Sendable {
    package var location: Location

    package init(
        location: Location
    ) {
        self.location = location
    }
}

/// A page of locations.
package struct LocationList: Codable, Hashable, Sendable {
    package var locations: [Location]
    package var meta: Meta

    package init(
        locations: [Location], meta: Meta
    ) {
        self.locations = locations
        self.meta = meta
    }
}

/// One data centre.
package struct DatacenterAnswer: Codable, Hashable, Sendable {
    package var datacenter: Datacenter

    package init(
        datacenter: Datacenter
    ) {
        self.datacenter = datacenter
    }
}

/// A page of data centres. `recommendation` is where a new server should go.
package struct DatacenterList: Codable, Hashable, Sendable {
    package var datacenters: [Datacenter]
    package var recommendation: Int64
    package var meta: Meta

    package init(
        datacenters: [Datacenter], recommendation: Int64, meta: Meta
    ) {
        self.datacenters = datacenters
        self.recommendation = recommendation
        self.meta = meta
    }
}

/// One SSH key.
package struct SSHKeyAnswer: Codable, Hashable, Sendable {
    package var sshKey: SSHKey

    package init(
        sshKey: SSHKey
    ) {
        self.sshKey = sshKey
    }
}

/// A page of SSH keys.
package struct SSHKeyList: Codable, Hashable, Sendable {
    package var sshKeys: [SSHKey]
    package var meta: Meta

    package init(
        sshKeys: [SSHKey], meta: Meta
    ) {
        self.sshKeys = sshKeys
        self.meta = meta
    }
}

/// One address.
package struct PrimaryIPAnswer: Codable, Hashable, Sendable {
    package var primaryIp: PrimaryIP

    package init(
        primaryIp: PrimaryIP
    ) {
        self.primaryIp = primaryIp
    }
}

/// A page of addresses.
package struct PrimaryIPList: Codable, Hashable, Sendable {
    package var primaryIps: [PrimaryIP]
    package var meta: Meta

    package init(
        primaryIps: [PrimaryIP], meta: Meta
    ) {
        self.primaryIps = primaryIps
        self.meta = meta
    }
}

/// The price list.
package struct PricingAnswer: Codable, Hashable, Sendable {
    package var pricing: Pricing

    package init(
        pricing: Pricing
    ) {
        self.pricing = pricing
    }
}

/// Events after a cursor, oldest first. `next` is the next cursor, the same as before when nothing is new.
package struct EventList: Codable, Hashable, Sendable {
    package var events: [Event]
    package var next: Int64

    package init(
        events: [Event], next: Int64
    ) {
        self.events = events
        self.next = next
    }
}

/// What a request with `?dry_run=true` would have done.
package struct DryRunAnswer: Codable, Hashable, Sendable {
    package var dryRun: DryRun

    package init(
        dryRun: DryRun
    ) {
        self.dryRun = dryRun
    }
}
