/// `POST /v1/servers`. Names and numbers are both accepted for image, plan, location and keys.
package struct CreateServer: Codable, Hashable, Sendable {
    package var name: String
    package var serverType: NameOrNumber
    package var image: NameOrNumber
    package var sshKeys: [NameOrNumber]?
    package var userData: String?
    package var labels: [String: String]?
    package var location: NameOrNumber?
    package var datacenter: NameOrNumber?
    /// Only true is accepted.
    package var startAfterCreate: Bool?
    /// Only an empty list is accepted, here and below.
    package var volumes: [Int64]?
    package var automount: Bool?
    package var networks: [Int64]?
    package var firewalls: [FirewallRef]?
    package var placementGroup: Int64?
    package var publicNet: PublicNetChoice?

    package init(
        name: String, serverType: NameOrNumber, image: NameOrNumber, sshKeys: [NameOrNumber]? = nil,
        userData: String? = nil, labels: [String: String]? = nil, location: NameOrNumber? = nil,
        datacenter: NameOrNumber? = nil, startAfterCreate: Bool? = nil, volumes: [Int64]? = nil, automount: Bool? = nil,
        networks: [Int64]? = nil, firewalls: [FirewallRef]? = nil, placementGroup: Int64? = nil,
        publicNet: PublicNetChoice? = nil
    ) {
        self.name = name
        self.serverType = serverType
        self.image = image
        self.sshKeys = sshKeys
        self.userData = userData
        self.labels = labels
        self.location = location
        self.datacenter = datacenter
        self.startAfterCreate = startAfterCreate
        self.volumes = volumes
        self.automount = automount
        self.networks = networks
        self.firewalls = firewalls
        self.placementGroup = placementGroup
        self.publicNet = publicNet
    }
}

/// A firewall that a client asks for.
package struct FirewallRef: Codable, Hashable, Sendable {
    package var firewall: Int64?

    package init(
        firewall: Int64? = nil
    ) {
        self.firewall = firewall
    }
}

/// Which public addresses a server gets. Only both, chosen by us, are accepted.
package struct PublicNetChoice: Codable, Hashable, Sendable {
    package var enableIpv4: Bool?
    package var enableIpv6: Bool?
    package var ipv4: Int64?
    package var ipv6: Int64?

    package init(
        enableIpv4: Bool? = nil, enableIpv6: Bool? = nil, ipv4: Int64? = nil, ipv6: Int64? = nil
    ) {
        self.enableIpv4 = enableIpv4
        self.enableIpv6 = enableIpv6
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }
}

/// `PUT /v1/servers/{id}`: what is left out stays. Labels are replaced as a whole.
package struct UpdateServer: Codable, Hashable, Sendable {
    package var name: String?
    package var labels: [String: String]?
    /// Ours: the labels that the change was made from. If the server has others by now, the request is refused, and changes nothing.
    package var expectedLabels: [String: String]?

    package init(
        name: String? = nil, labels: [String: String]? = nil, expectedLabels: [String: String]? = nil
    ) {
        self.name = name
        self.labels = labels
        self.expectedLabels = expectedLabels
    }
}

/// `POST …/actions/create_image`.
package struct CreateImage: Codable, Hashable, Sendable {
    /// At most 255 characters.
    package var description: String?
    package var labels: [String: String]?
    /// Only `snapshot` is accepted, here and below.
    package var type: String?

    package init(
        description: String? = nil, labels: [String: String]? = nil, type: String? = nil
    ) {
        self.description = description
        self.labels = labels
        self.type = type
    }
}

/// `PUT /v1/images/{id}`: what is left out stays. Labels are replaced as a whole.
package struct UpdateImage: Codable, Hashable, Sendable {
    package var description: String?
    package var labels: [String: String]?
    /// Ours, as for servers.
    package var expectedLabels: [String: String]?
    package var type: String?

    package init(
        description: String? = nil, labels: [String: String]? = nil, expectedLabels: [String: String]? = nil,
        type: String? = nil
    ) {
        self.description = description
        self.labels = labels
        self.expectedLabels = expectedLabels
        self.type = type
    }
}

/// `POST /v1/images/{id}/actions/change_protection`.
package struct ProtectImage: Codable, Hashable, Sendable {
    package var delete: Bool

    package init(
        delete: Bool
    ) {
        self.delete = delete
    }
}

/// `PUT /v1/ssh_keys/{id}`: what is left out stays. Labels are replaced as a whole.
package struct UpdateNamed: Codable, Hashable, Sendable {
    package var name: String?
    package var labels: [String: String]?

    package init(
        name: String? = nil, labels: [String: String]? = nil
    ) {
        self.name = name
        self.labels = labels
    }
}

/// `POST /v1/ssh_keys`.
package struct CreateSSHKey: Codable, Hashable, Sendable {
    package var name: String
    package var publicKey: String
    package var labels: [String: String]?

    package init(
        name: String, publicKey: String, labels: [String: String]? = nil
    ) {
        self.name = name
        self.publicKey = publicKey
        self.labels = labels
    }
}

/// `POST …/actions/change_type`.
package struct ChangeType: Codable, Hashable, Sendable {
    package var serverType: NameOrNumber
    /// A disk that has grown never shrinks again.
    package var upgradeDisk: Bool?

    package init(
        serverType: NameOrNumber, upgradeDisk: Bool? = nil
    ) {
        self.serverType = serverType
        self.upgradeDisk = upgradeDisk
    }
}

/// `POST …/actions/change_protection`.
package struct ChangeProtection: Codable, Hashable, Sendable {
    package var delete: Bool?
    package var rebuild: Bool?

    package init(
        delete: Bool? = nil, rebuild: Bool? = nil
    ) {
        self.delete = delete
        self.rebuild = rebuild
    }
}

/// `POST …/actions/shutdown`. Ours: when the guest does not obey in time, its power is cut.
package struct Shutdown: Codable, Hashable, Sendable {
    /// 1 to 3600.
    package var forceAfterSeconds: Int?

    package init(
        forceAfterSeconds: Int? = nil
    ) {
        self.forceAfterSeconds = forceAfterSeconds
    }
}

/// `POST …/actions/rebuild`. User-data that is left out stays; `null` takes it away.
package struct Rebuild: Codable, Hashable, Sendable {
    package var image: NameOrNumber
    package var userData: UserDataChoice

    package init(image: NameOrNumber, userData: UserDataChoice = .keep) {
        self.image = image
        self.userData = userData
    }

    private enum CodingKeys: String, CodingKey {
        case image, userData
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        image = try container.decode(NameOrNumber.self, forKey: .image)
        if !container.contains(.userData) {
            userData = .keep
        } else if let text = try container.decode(String?.self, forKey: .userData) {
            userData = .replace(text)
        } else {
            userData = .drop
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(image, forKey: .image)
        switch userData {
        case .keep: break
        case .drop: try container.encodeNil(forKey: .userData)
        case .replace(let text): try container.encode(text, forKey: .userData)
        }
    }
}

/// What a reinstallation does with the server's cloud-init document.
package enum UserDataChoice: Hashable, Sendable {
    case keep, drop
    case replace(String)
}
