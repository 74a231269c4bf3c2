import ArgumentParser
import HostalClient

extension CompletionKind {
    /// Names of what the account has now.
    static func names(of resource: Resource, _ query: [APIRequest.Parameter] = []) -> CompletionKind {
        .custom { _, _, _ in LiveNames.of(resource, query) }
    }
}

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Prints a script that completes commands in your shell.",
        discussion: """
            Names of servers, plans, images and keys are the ones that exist when
            you press the key.

              source <(hostal completion bash)
              hostal completion zsh > ~/.zfunc/_hostal
              hostal completion fish > ~/.config/fish/completions/hostal.fish
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() throws {
        let shell: CompletionShell =
            switch self.shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Terminal.result(Hostal.completionScript(for: shell))
    }
}
