import ArgumentParser
import Glibc

/// Runs one command line and ends with one of `Exit`'s codes: the result on standard output, everything else on standard error.
@main
enum Program {
    static func main() {
        do {
            var command = try Hostal.parseAsRoot(HiddenAliases.resolve(Array(CommandLine.arguments.dropFirst())))
            try command.run()
            exit(Exit.ok.rawValue)
        } catch let error as CommandError {
            Terminal.complain(error.description)
            exit(error.exit.rawValue)
        } catch let ended as ExitCode {
            exit(ended.rawValue)
        } catch {
            let text = Hostal.fullMessage(for: error)
            guard Hostal.exitCode(for: error) != .success else {
                // Help, a version, a completion: asked for, so they are the result.
                if !text.isEmpty { Terminal.result(text) }
                exit(Exit.ok.rawValue)
            }
            Terminal.complain(text.hasPrefix("Error: ") ? String(text.dropFirst("Error: ".count)) : text)
            exit(Exit.usage.rawValue)
        }
    }
}
