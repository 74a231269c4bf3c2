import ArgumentParser
import Glibc
import HostalDatabase
import HostalModel

struct OrderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order", abstract: "Orders: what was asked for, and how it goes.",
        subcommands: [List.self, Show.self, Watch.self, Retry.self, Cancel.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the newest orders.")
        @Option(help: "How many, 1 to 1000.") var limit = 20
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard (1...1_000).contains(limit) else { throw ValidationError("--limit is \(limit); 1 to 1000 are accepted") }
        }

        func run() async throws {
            let orders = try await database.use { try await OrderReader(database: $0).newest(limit) }
            let rows = orders.map { order in
                [
                    "\(order.id)", order.source, order.reference, order.kind, order.serverName ?? "-", order.state,
                    "\(order.progress) %", order.errorMessage ?? order.waitingFor ?? "",
                ]
            }
            print(Table(header: ["ID", "SOURCE", "REF", "KIND", "SERVER", "STATE", "DONE", "WHY"], rows: rows).text)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows an order with its steps.")
        @Argument(help: "The order's number.") var id: Int64
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let order = try await database.use { try await OrderReader(database: $0).order(OrderID(id)) }
            guard let order else { throw ValidationError("there is no order \(id)") }
            let view = OrderView(order: order)
            print(([view.headline] + view.steps + [view.outcome]).joined(separator: "\n"))
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends a stuck order on from where it stands.",
            discussion: "Mend the cause first: 'order show' has it. The step that failed runs again.")
        @Argument(help: "The order's number.") var id: Int64
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await database.use { try await OrderIntervention(database: $0).retry(OrderID(id)) }
            print("order \(id) goes on")
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends an order: one that waits fails, one that runs is undone.",
            discussion: "Past its point of no return an order is finished instead. A deletion cannot be cancelled.")
        @Argument(help: "The order's number.") var id: Int64
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            switch try await database.use({ try await OrderIntervention(database: $0).cancel(OrderID(id)) }) {
            case .ended: print("order \(id) will not happen")
            case .asked: print("order \(id) is being undone: 'hostalctl order watch \(id)' shows how it ends")
            }
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows an order's steps as they happen, until it is over.",
            discussion:
                "Exits with 0 when the order succeeded, 8 when it failed and everything was undone, 9 when an operator must look, 10 when the time is up."
        )
        @Argument(help: "The order's number.") var id: Int64
        @Option(help: "Give up after so many seconds.") var timeout = 1_800.0
        @OptionGroup var database: DatabaseOption

        static let pause = Duration.milliseconds(250)

        func run() async throws {
            let state = try await database.use { try await follow(OrderReader(database: $0)) }
            switch state {
            case "succeeded": return
            case "failed": throw ExitCode(8)
            case "stuck": throw ExitCode(9)
            default: throw ExitCode(10)
            }
        }

        /// Prints the headline, and each step's line when it is settled; on a terminal the running one is kept up to date in place.
        private func follow(_ reader: OrderReader) async throws -> String {
            let live = isatty(STDOUT_FILENO) == 1
            let end = ContinuousClock.now + .seconds(timeout)
            var printed: [String: String] = [:]
            var headline = false
            while true {
                guard let order = try await reader.order(OrderID(id)) else { throw ValidationError("there is no order \(id)") }
                let view = OrderView(order: order)
                if !headline {
                    print(view.headline)
                    headline = true
                }
                if live { print("\r\u{1B}[K", terminator: "") }
                for (step, line) in zip(order.steps, view.steps)
                where step.state != "intended" && printed[step.name] != step.state {
                    printed[step.name] = step.state
                    print(line)
                }
                if order.isOver {
                    print(view.outcome)
                    return order.state
                }
                if live, let line = view.steps.last { print(line, terminator: "") }
                fflush(nil)
                guard ContinuousClock.now < end else {
                    print("\(live ? "\n" : "")still running: \(view.outcome)")
                    return order.state
                }
                try await Task.sleep(for: Self.pause)
            }
        }
    }
}
