import ArgumentParser
import HostalConfiguration

struct Initialise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a new host's directories and marks its disk pool.",
        discussion: """
            Once for each host, with the pool's storage mounted. A worker starts only where the mark is, so that an unmounted pool is never \
            taken for an empty one. Run again it changes nothing; a pool of another host is refused.
            """)

    @OptionGroup var settings: SettingsOption

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        try Assembly.initialise(settings)
        print("\(settings.stateDirectory) is ready for host '\(settings.host)'")
    }
}
