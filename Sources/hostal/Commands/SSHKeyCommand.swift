import ArgumentParser
import HostalClient

struct SSHKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh-key", abstract: "SSH keys that new servers let in.",
        subcommands: [List.self, Describe.self, Create.self, Update.self, Delete.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the keys.", usage: "hostal ssh-key list [<options>]")
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.sshKey, query: list.query) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe", abstract: "Shows a key.", usage: "hostal ssh-key describe <key> [<options>]")
        @Argument(help: "The key's name or number.", completion: .names(of: .sshKey)) var key: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.sshKey, key) }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Adds a public key.", usage: "hostal ssh-key create --name <name> [<options>]",
            discussion: "  hostal ssh-key create --name laptop \\\n    --public-key-from-file ~/.ssh/id_ed25519.pub")

        @Option(help: "What to call it.") var name: String
        @Option(help: ArgumentHelp("The public key.", valueName: "text")) var publicKey: String?
        @Option(
            help: ArgumentHelp("The file of the public key; - is standard input.", valueName: "file"),
            completion: .file(extensions: ["pub"]))
        var publicKeyFromFile: String?
        @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "key=value")) var label: [Label] = []
        @OptionGroup var options: ChangeOptions

        /// Bytes.
        private static let sizeLimit = 16_384

        func validate() throws {
            guard (publicKey == nil) != (publicKeyFromFile == nil) else {
                throw ValidationError("give either --public-key or --public-key-from-file")
            }
        }

        func run() throws {
            let text = try publicKey ?? InputFile.text(publicKeyFromFile ?? "-", limit: Self.sizeLimit)
            guard !text.contains("PRIVATE KEY") else {
                throw CommandError(.usage, "cannot add SSH key \(name): this is a private key; give the file that ends in .pub")
            }
            let body: JSON = [
                "name": .string(name), "public_key": .string(String(text.trimmed.split(separator: "\n").first ?? "")),
                "labels": label.json,
            ]
            let client = try options.open()
            let answer = try options.send(APIRequest(.post, "/ssh_keys", body: body), "add SSH key \(name)", client).body
            if options.dryRun { return try options.showDryRun(answer, "add SSH key \(name)") }
            try options.output.show(one: answer["ssh_key"], as: .sshKey)
        }
    }

    struct Update: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Gives a key another name.",
            usage: "hostal ssh-key update <key> --name <name> [<options>]")
        @Argument(help: "The key's name or number.", completion: .names(of: .sshKey)) var key: String
        @Option(help: "The new name.") var name: String
        @OptionGroup var options: ChangeOptions

        func run() throws {
            let task = "rename SSH key \(key)"
            let client = try options.open()
            let found = try doing(task) { try client.find(.sshKey, key) }
            let request = APIRequest(.put, "/ssh_keys/\(found["id"].int ?? 0)", body: ["name": .string(name)])
            let answer = try options.send(request, task, client).body
            if options.dryRun { return try options.showDryRun(answer, task) }
            try options.output.show(one: answer["ssh_key"], as: .sshKey)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Forgets a key. Servers that have it keep it.",
            usage: "hostal ssh-key delete <key> [<options>]")
        @Argument(help: "The key's name or number.", completion: .names(of: .sshKey)) var key: String
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var options: ChangeOptions

        func run() throws {
            let client = try options.open()
            let found = try doing("delete SSH key \(key)") { try client.find(.sshKey, key) }
            let task = "delete SSH key \(found.name)"
            if !options.dryRun {
                try confirmation.confirm(task, name: found.name, consequence: "New servers can no longer be given this key.")
            }
            let answer = try options.send(APIRequest(.delete, "/ssh_keys/\(found["id"].int ?? 0)"), task, client).body
            if options.dryRun { return try options.showDryRun(answer, task) }
            if !options.output.isWhole { Terminal.result("SSH key \(found.name.printable) is deleted") }
        }
    }
}
