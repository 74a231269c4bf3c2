/// Words of other commands for the same things. They work, and no help or completion shows them: one thing has one name.
enum HiddenAliases {
    private static let nouns = [
        "vps": "server", "servers": "server", "actions": "action", "plans": "plan", "server-type": "plan", "images": "image",
        "locations": "location", "ssh-keys": "ssh-key", "primary-ips": "primary-ip", "contexts": "context",
        "--version": "version",
    ]
    private static let verbs = ["ls": "list", "get": "describe", "show": "describe", "rm": "delete"]
    private static let serverVerbs = [
        "rebuild": "reinstall", "change-type": "resize", "power-cycle": "reset", "start": "poweron", "stop": "poweroff",
        "rename": "update",
    ]

    /// The command line in our words. Only the noun and the verb are looked at, never an argument.
    static func resolve(_ words: [String]) -> [String] {
        guard let first = words.first else { return words }
        if first == "help" { return ["help"] + resolve(Array(words.dropFirst())) }
        var words = words
        words[0] = nouns[first] ?? first
        if words.count > 1 {
            words[1] = (words[0] == "server" ? serverVerbs[words[1]] : nil) ?? verbs[words[1]] ?? words[1]
        }
        return words
    }
}
