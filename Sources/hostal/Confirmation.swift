import ArgumentParser
import Glibc

/// Asks before something is destroyed.
struct ConfirmationOptions: ParsableArguments {
    @Flag(help: "Do not ask. Without a terminal it is needed.")
    var yes = false

    /// Returns when `--yes` was given or the name was typed. Throws a `CommandError` with code 6 otherwise.
    /// - Parameters:
    ///   - task: `delete server web-1`.
    ///   - consequence: a sentence on what is lost.
    func confirm(_ task: String, name: String, consequence: String) throws {
        if yes { return }
        guard Terminal.canAsk else {
            throw CommandError(.protected, "cannot \(task): it must be confirmed, and nobody is there to ask; use --yes")
        }
        Terminal.note(consequence.printable)
        Terminal.ask("Type \(name.printable) to \(task.printable): ")
        guard let typed = readLine(), typed.trimmed == name else {
            throw CommandError(.protected, "cannot \(task): what was typed is not its name; nothing was changed")
        }
    }
}
