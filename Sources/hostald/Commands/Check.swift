import ArgumentParser
import HostalConfiguration
import HostalDatabase
import HostalLibvirt
import HostalSystem

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what of this host is ready and what is not, and why.",
        discussion: "Changes nothing. Exits with 1 when something that a worker needs is missing.")

    @OptionGroup var settings: SettingsOption

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        var failed = false
        for item in await HostCheck(settings: settings).run() {
            print("\(item.result.mark)  \(item.subject): \(item.finding)")
            failed = failed || item.result == .missing
        }
        if failed { throw ExitCode(1) }
    }
}
