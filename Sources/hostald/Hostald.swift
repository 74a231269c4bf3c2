import ArgumentParser

/// The platform's daemon: the worker of a KVM host.
@main
struct Hostald: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostald",
        abstract: "Provisions servers on this KVM host.",
        subcommands: [Serve.self, ServeAPI.self, Initialise.self, Migrate.self, Check.self])
}

/// Where every command finds its settings.
struct SettingsOption: ParsableArguments {
    @Option(name: [.short, .customLong("config")], help: "The settings of this host (docs/settings.md).")
    var config = "/etc/hostal/hostald.yaml"
}
