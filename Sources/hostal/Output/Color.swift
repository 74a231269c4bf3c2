/// What a status looks like on a terminal.
enum Color: String {
    case green = "32"
    case yellow = "33"
    case red = "31"

    init?(status: String) {
        switch status {
        case "running", "success", "available": self = .green
        case "initializing", "starting", "stopping", "migrating", "rebuilding", "creating": self = .yellow
        case "error", "deleting", "unavailable": self = .red
        default: return nil
        }
    }

    func applied(to text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
}
