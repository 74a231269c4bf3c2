import ArgumentParser
import HostalClient

/// What a server can be protected against.
enum Protection: String, ExpressibleByArgument, CaseIterable {
    case delete
    case reinstall

    init?(argument: String) {
        // The API's word for it.
        self.init(rawValue: argument == "rebuild" ? "reinstall" : argument)
    }

    fileprivate var field: String { self == .delete ? "delete" : "rebuild" }
}

struct ServerEnableProtection: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable-protection", abstract: "Refuses to delete or reinstall a server until the protection is lifted.",
        usage: "hostal server enable-protection <server> <against> ... [<options>]",
        discussion: "  hostal server enable-protection web-1 delete reinstall")
    @OptionGroup var argument: ServerArgument
    @Argument(help: "delete, reinstall or both.") var against: [Protection]
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws { try protect(argument.server, against, true, wait, options) }
}

struct ServerDisableProtection: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable-protection", abstract: "Lifts a protection.",
        usage: "hostal server disable-protection <server> <against> ... [<options>]",
        discussion: "  hostal server disable-protection web-1 delete")
    @OptionGroup var argument: ServerArgument
    @Argument(help: "delete, reinstall or both.") var against: [Protection]
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws { try protect(argument.server, against, false, wait, options) }
}

private func protect(_ text: String, _ against: [Protection], _ isOn: Bool, _ wait: WaitOptions, _ options: ChangeOptions) throws
{
    let client = try options.open()
    let server = try client.server(text, to: "change the protection of")
    var body: JSON = [:]
    for protection in against { body[protection.field] = .bool(isOn) }
    let words = against.map { $0 == .delete ? "deletion" : "reinstallation" }.joined(separator: " and ")
    try ServerChange(
        "change_protection", task: "change the protection of server \(server.name)",
        done: "server \(server.name) is \(isOn ? "" : "no longer ")protected against \(words)", server: server, body: body
    ).carryOut(options, wait, client)
}
