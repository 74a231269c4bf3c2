import ArgumentParser
import HostalClient

struct ServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Servers: list, order, change and enter them.",
        groupedSubcommands: [
            CommandGroup(
                name: "Look and enter",
                subcommands: [
                    ServerList.self, ServerDescribe.self, ServerIP.self, ServerSSH.self, ServerConsole.self, ServerHolds.self,
                ]),
            CommandGroup(
                name: "Order and give back",
                subcommands: [ServerCreate.self, ServerDelete.self]),
            CommandGroup(
                name: "Power",
                subcommands: [
                    ServerPowerOn.self, ServerPowerOff.self, ServerShutdown.self, ServerReboot.self, ServerReset.self,
                ]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    ServerReinstall.self, ServerUndo.self, ServerResize.self, ServerResetPassword.self, ServerCreateImage.self,
                    ServerUpdate.self,
                    ServerAddLabel.self, ServerRemoveLabel.self, ServerEnableProtection.self, ServerDisableProtection.self,
                ]),
        ])
}

/// The server that a command is about.
struct ServerArgument: ParsableArguments {
    @Argument(help: "The server's name or number.", completion: .names(of: .server))
    var server: String
}
