/// The price list.
package struct Pricing: Codable, Hashable, Sendable {
    package var currency: String
    package var vatRate: String
    package var image: PricePerGB
    package var floatingIp: MonthlyPrice
    package var floatingIps: [EmptyObject]
    package var primaryIps: [PrimaryIPPrice]
    package var loadBalancerTypes: [EmptyObject]
    package var serverBackup: BackupPrice
    package var serverTypes: [ServerTypePrice]
    package var volume: VolumePrice

    package init(
        currency: String, vatRate: String = "0", image: PricePerGB, floatingIp: MonthlyPrice,
        floatingIps: [EmptyObject] = [], primaryIps: [PrimaryIPPrice] = [], loadBalancerTypes: [EmptyObject] = [],
        serverBackup: BackupPrice, serverTypes: [ServerTypePrice], volume: VolumePrice
    ) {
        self.currency = currency
        self.vatRate = vatRate
        self.image = image
        self.floatingIp = floatingIp
        self.floatingIps = floatingIps
        self.primaryIps = primaryIps
        self.loadBalancerTypes = loadBalancerTypes
        self.serverBackup = serverBackup
        self.serverTypes = serverTypes
        self.volume = volume
    }
}

/// The prices of one plan.
package struct ServerTypePrice: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var prices: [LocationPrice]

    package init(
        id: Int64, name: String, prices: [LocationPrice]
    ) {
        self.id = id
        self.name = name
        self.prices = prices
    }
}

/// The prices of one kind of address.
package struct PrimaryIPPrice: Codable, Hashable, Sendable {
    package var type: String
    package var prices: [EmptyObject]

    package init(
        type: String, prices: [EmptyObject] = []
    ) {
        self.type = type
        self.prices = prices
    }
}

/// What a GB of an image costs each month.
package struct PricePerGB: Codable, Hashable, Sendable {
    package var pricePerGbMonth: Price

    package init(
        pricePerGbMonth: Price
    ) {
        self.pricePerGbMonth = pricePerGbMonth
    }
}

/// What a GB of a volume costs each month.
package struct VolumePrice: Codable, Hashable, Sendable {
    package var pricePerGbMonth: Price

    package init(
        pricePerGbMonth: Price
    ) {
        self.pricePerGbMonth = pricePerGbMonth
    }
}

/// What something costs each month.
package struct MonthlyPrice: Codable, Hashable, Sendable {
    package var priceMonthly: Price

    package init(
        priceMonthly: Price
    ) {
        self.priceMonthly = priceMonthly
    }
}

/// What backups cost, in percent of the server's price.
package struct BackupPrice: Codable, Hashable, Sendable {
    package var percentage: String

    package init(
        percentage: String
    ) {
        self.percentage = percentage
    }
}
