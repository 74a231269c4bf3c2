import ArgumentParser
import HostalClient

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Images: the systems to install, and those that you made of your servers.",
        discussion: "Images that you made have no name: they are told by their number.\nhostal server create-image makes one.",
        subcommands: [
            List.self, Describe.self, Update.self, Delete.self, AddLabel.self, RemoveLabel.self, EnableProtection.self,
            DisableProtection.self,
        ])

    /// Whose images there are.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case system, snapshot
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the images.", usage: "hostal image list [<options>]",
            discussion: "  hostal image list --type snapshot     # those that you made")
        @Option(help: "Only system ones, which are your provider's, or snapshots, which you made.") var type: Kind?
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ReadOptions

        func run() throws {
            try options.showList(.image, query: list.query + (type.map { [.init("type", $0.rawValue)] } ?? []))
        }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe", abstract: "Shows an image.", usage: "hostal image describe <image> [<options>]")
        @Argument(help: "The image's name or number.", completion: .names(of: .image)) var image: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.image, image) }
    }

    struct Update: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Gives an image another description.",
            usage: "hostal image update <image> --description <text> [<options>]",
            discussion: "  hostal image update 7 --description 'before the upgrade'")
        @OptionGroup var argument: MadeImageArgument
        @Option(help: ArgumentHelp("The new description.", valueName: "text")) var description: String
        @OptionGroup var options: ChangeOptions

        func run() throws {
            try argument.update("describe").carryOut(options) { _, _ in ["description": .string(description)] }
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Deletes an image. Servers that were made of it keep their disks.",
            usage: "hostal image delete <image> [<options>]")
        @OptionGroup var argument: MadeImageArgument
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var options: ChangeOptions

        func run() throws {
            let client = try options.open()
            let found = try argument.find(client, to: "delete")
            let task = "delete image \(found.name)"
            if !options.dryRun {
                let description = found["description"].text ?? ""
                try confirmation.confirm(
                    task, name: found.name,
                    consequence:
                        "Image \(found.name)\(description.isEmpty ? "" : " (\(description))") will be gone for good. Servers that were made of it keep their disks."
                )
            }
            let answer = try options.send(APIRequest(.delete, "/images/\(found["id"].int ?? 0)"), task, client).body
            if options.dryRun { return try options.showDryRun(answer, task) }
            if !options.output.isWhole { Terminal.result("image \(found.name.printable) is deleted") }
        }
    }

    struct AddLabel: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add-label", abstract: "Puts labels on an image.",
            usage: "hostal image add-label <image> <key=value> ... [<options>]",
            discussion: "  hostal image add-label 7 env=prod")
        @OptionGroup var argument: MadeImageArgument
        @Argument(help: "key=value, or key alone.") var labels: [Label]
        @Flag(help: "Change labels that are there with another value.") var overwrite = false
        @OptionGroup var options: ChangeOptions

        func run() throws { try argument.update("label").add(labels, overwrite: overwrite, options) }
    }

    struct RemoveLabel: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove-label", abstract: "Takes labels off an image.",
            usage: "hostal image remove-label <image> <key> ... [<options>]", discussion: "  hostal image remove-label 7 env")
        @OptionGroup var argument: MadeImageArgument
        @Argument(help: "The labels' keys.") var keys: [String]
        @OptionGroup var options: ChangeOptions

        func run() throws { try argument.update("take labels off").remove(keys, options) }
    }

    /// What an image can be protected against.
    enum Protection: String, ExpressibleByArgument, CaseIterable {
        case delete
    }

    struct EnableProtection: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable-protection", abstract: "Refuses to delete an image until the protection is lifted.",
            usage: "hostal image enable-protection <image> [delete] [<options>]",
            discussion: "  hostal image enable-protection 7")
        @OptionGroup var argument: MadeImageArgument
        @Argument(help: "delete, which is all that there is.") var against: [Protection] = [.delete]
        @OptionGroup(title: "Waiting") var wait: WaitOptions
        @OptionGroup var options: ChangeOptions

        func run() throws { try argument.protect(true, wait, options) }
    }

    struct DisableProtection: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable-protection", abstract: "Lifts a protection.",
            usage: "hostal image disable-protection <image> [delete] [<options>]",
            discussion: "  hostal image disable-protection 7")
        @OptionGroup var argument: MadeImageArgument
        @Argument(help: "delete, which is all that there is.") var against: [Protection] = [.delete]
        @OptionGroup(title: "Waiting") var wait: WaitOptions
        @OptionGroup var options: ChangeOptions

        func run() throws { try argument.protect(false, wait, options) }
    }
}

/// The image that a command changes.
struct MadeImageArgument: ParsableArguments {
    @Argument(help: "The number of an image that you made.", completion: .names(of: .image, [.init("type", "snapshot")]))
    var image: String

    /// Throws a `CommandError`.
    fileprivate func find(_ client: APIClient, to verb: String) throws -> JSON {
        try doing("\(verb) image \(image)") { try client.find(.image, image) }
    }

    fileprivate func update(_ verb: String) -> ObjectUpdate { ObjectUpdate(.image, image, verb) }

    fileprivate func protect(_ isOn: Bool, _ wait: WaitOptions, _ options: ChangeOptions) throws {
        let client = try options.open()
        let found = try find(client, to: "change the protection of")
        let request = APIRequest(
            .post, "/images/\(found["id"].int ?? 0)/actions/change_protection", body: ["delete": .bool(isOn)])
        try ServerChange(
            request: request, task: "change the protection of image \(found.name)",
            done: "image \(found.name) is \(isOn ? "" : "no longer ")protected against deletion"
        ).carryOut(options, wait, client)
    }
}
