import ArgumentParser
import Glibc
import HostalClient

/// Which API is asked, and on whose behalf: flags first, then the environment, then the context. `HOSTAL_TOKEN` beats every context.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The context to use.", valueName: "name"), completion: .custom { _, _, _ in LiveNames.contexts() })
    var context: String?
    @Option(help: ArgumentHelp("The API's address.", valueName: "url"))
    var endpoint: String?
    @Option(
        help: ArgumentHelp("A file of authorities to trust, in place of the system's.", valueName: "file"), completion: .file())
    var caFile: String?
    @Option(help: ArgumentHelp("The file of contexts.", valueName: "file"), completion: .file())
    var config: String?

    /// Throws a `CommandError` when something is missing or wrong. Asks nothing yet.
    func open() throws -> APIClient {
        let token = Terminal.environment("HOSTAL_TOKEN")
        let address = endpoint ?? Terminal.environment("HOSTAL_ENDPOINT")
        // With both given, a file that is broken or another's is nobody's business.
        let chosen = token != nil && address != nil ? nil : try chosenContext()
        guard let address = address ?? chosen?.endpoint else {
            throw CommandError(.usage, "cannot reach an API: none is named; use a context, --endpoint or HOSTAL_ENDPOINT")
        }
        guard let token = token ?? chosen?.token, !token.isEmpty else {
            throw CommandError(.notAllowed, "cannot use \(address): there is no token for it; use a context or HOSTAL_TOKEN")
        }
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandError(.notAllowed, "cannot use \(address): the token has characters in it that no token has")
        }
        // The context's own file is for the context's own address.
        let isElsewhere = endpoint != nil || Terminal.environment("HOSTAL_ENDPOINT") != nil
        return APIClient(
            endpoint: try Self.endpoint(address), token: token, userAgent: "hostal/\(Hostal.version)",
            authorities: try authorities ?? (isElsewhere ? nil : chosen?.caFile).map(Self.readable))
    }

    /// Of the flag or the environment, as an absolute path.
    var authorities: String? {
        get throws { try (caFile ?? Terminal.environment("HOSTAL_CA_FILE")).map(Self.readable) }
    }

    private static func readable(_ path: String) throws -> String {
        guard access(path, R_OK) == 0, let whole = realpath(path, nil) else {
            throw CommandError(.usage, "cannot read the authorities in \(path): \(String(cString: strerror(errno)))".printable)
        }
        defer { free(whole) }
        return String(cString: whole)
    }

    static func endpoint(_ address: String) throws -> Endpoint {
        do throws(Endpoint.Refused) {
            return try Endpoint(address, allowingPlainHTTP: Terminal.environment("HOSTAL_ALLOW_HTTP") == "1")
        } catch { throw CommandError(.usage, "\(error)".printable) }
    }

    var file: ConfigFile {
        get throws {
            if let path = config ?? Terminal.environment("HOSTAL_CONFIG") { return ConfigFile(path: path) }
            if let base = Terminal.environment("XDG_CONFIG_HOME") { return ConfigFile(path: base + "/hostal/cli.toml") }
            guard let home = Terminal.environment("HOME") else {
                throw CommandError(.usage, "cannot find the file of contexts: HOME is not set; use --config or HOSTAL_CONFIG")
            }
            return ConfigFile(path: home + "/.config/hostal/cli.toml")
        }
    }

    /// The name that was asked for by flag or environment, else the file's own choice.
    func chosenName(in config: Config) -> String? { context ?? Terminal.environment("HOSTAL_CONTEXT") ?? config.active }

    private func chosenContext() throws -> Config.Context? {
        let file = try file
        let config = try file.read()
        guard let name = chosenName(in: config) else {
            guard config.contexts.isEmpty else {
                throw CommandError(.usage, "cannot choose a context: none is in use; run hostal context use NAME")
            }
            return nil
        }
        guard let context = config.context(name) else {
            throw CommandError(.notFound, "cannot use the context '\(name)': \(file.path) has none of that name".printable)
        }
        return context
    }
}
