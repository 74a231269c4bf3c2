import ArgumentParser

/// Whether and how long a command waits for what it asked for.
struct WaitOptions: ParsableArguments {
    @Flag(help: "Print the action's id and do not wait for it.")
    var noWait = false
    @Option(help: ArgumentHelp("How long to wait: 90s, 30m, 2h.", valueName: "time"))
    var waitTimeout = Span(.seconds(30 * 60))

    func validate() throws {
        guard waitTimeout.duration > .zero else { throw ValidationError("--wait-timeout must be more than 0") }
    }
}

/// A length of time on a command line: `90`, `90s`, `30m`, `2h`.
struct Span: ExpressibleByArgument {
    var duration: Duration
    static let longest: Int64 = 7 * 86_400

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let unit: Int64
        switch argument.last {
        case "s": unit = 1
        case "m": unit = 60
        case "h": unit = 3_600
        default: unit = 0
        }
        let digits = unit == 0 ? argument[...] : argument.dropLast()
        guard digits.utf8.count <= 6, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int64(digits) else {
            return nil
        }
        let seconds = number * max(1, unit)
        guard seconds <= Self.longest else { return nil }
        duration = .seconds(seconds)
    }

    var defaultValueDescription: String { "30m" }
}

/// What counts as done.
enum WaitGoal: String, ExpressibleByArgument, CaseIterable {
    /// The action has succeeded: the guest has said itself that it is up, and its cloud-init is over.
    case running
    /// Its address answers.
    case network
    /// An SSH server answers.
    case ssh
    case cloudInit = "cloud-init"
}
