import HostalWire

// Bodies of operators' requests and answers.

struct PutAccount: Decodable {
    var reference: String
    var source: String?
}
struct MakeToken: Decodable {
    var account: Int64
    var name: String
    var access: String?
    var expiresInDays: Int64?
}
struct PutHost: Decodable {
    var name: String
    var vcpus: Int
    var memoryMib: Int
    var diskGib: Int
    var location: String?
}
struct PutNetwork: Decodable {
    var name: String
    var bridge: String
    var host: String
    var nameServers: [String]?
}
struct AddRange: Decodable {
    var network: String
    var subnet: String
    var gateway: String
    var first: String
    var last: String
}
struct PlaceHold: Decodable {
    var reason: String
    var note: String?
}

struct OperatorAccounts: Encodable {
    var accounts: [OperatorAccount]
    var meta: Meta
}
struct AccountName: Encodable {
    var id: Int64
    var source: String
    var reference: String
}
struct AccountMade: Encodable { var account: AccountName }
struct OperatorTokens: Encodable {
    var tokens: [OperatorToken]
    var meta: Meta
}
struct TokenName: Encodable {
    var id: Int64
    var account: Int64
    var name: String
}
/// The token itself is in this one answer only.
struct TokenMade: Encodable {
    var token: TokenName
    var secret: String
}
struct OperatorHosts: Encodable { var hosts: [OperatorHost] }
struct OperatorHostAnswer: Encodable { var host: OperatorHost }
struct OperatorNetworks: Encodable { var networks: [OperatorNetwork] }
struct OperatorNetworkAnswer: Encodable { var network: OperatorNetwork }
struct OperatorImages: Encodable { var images: [OperatorImage] }
struct OperatorPlans: Encodable { var plans: [OperatorPlan] }
struct OperatorOrders: Encodable { var orders: [OperatorOrder] }
struct OperatorOrderAnswer: Encodable { var order: OperatorOrder }
struct OperatorHolds: Encodable { var holds: [OperatorHold] }
