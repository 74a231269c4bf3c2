import ArgumentParser
import HostalClient

/// How a result is shown.
struct OutputOptions: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: ArgumentHelp("table, json, yaml, noheader, or columns=a,b.", valueName: "format"),
        completion: .list(["table", "json", "yaml", "noheader", "columns="]))
    var choices: [OutputChoice] = []

    /// As JSON or YAML: the API's object, whole.
    var isWhole: Bool { choices.contains { $0 == .json || $0 == .yaml } }

    func validate() throws {
        if choices.contains(.json), choices.contains(.yaml) {
            throw ValidationError("cannot show the result as json and as yaml")
        }
        if isWhole, choices.contains(where: { $0 != .json && $0 != .yaml }) {
            throw ValidationError("cannot choose columns of a whole object: json and yaml stand alone")
        }
    }

    func showWhole(_ value: JSON) { Terminal.result(choices.contains(.json) ? value.indented : value.yaml) }

    /// Shows a list as a table of the view's columns, or whole.
    func show(_ list: [JSON], as view: View) throws {
        if isWhole { return showWhole(.array(list)) }
        var columns = view.standard
        for case .columns(let names) in choices {
            columns = try names.map { name in
                guard let column = view.columns.first(where: { $0.name == name }) else {
                    throw CommandError(
                        .usage, "cannot show the column '\(name)': there are \(view.columns.map(\.name).joined(separator: ", "))")
                }
                return column
            }
        }
        var table = Table(
            header: choices.contains(.noHeader) ? nil : columns.map(\.title),
            rows: list.map { row in columns.map { $0.value(row) } })
        if Terminal.colorsResults {
            table.tint = { column, cell, padded in
                guard columns[column].name == "status", let color = Color(status: cell) else { return padded }
                return color.applied(to: padded)
            }
        }
        if let text = table.text { Terminal.result(text) }
    }

    /// Shows one thing: its facts, or the columns that were asked for, or whole.
    func show(one value: JSON, as view: View) throws {
        if isWhole { return showWhole(value) }
        if choices.contains(where: { $0 != .table }) { return try show([value], as: view) }
        Terminal.result(Table.facts(view.facts(value)))
    }
}

enum OutputChoice: ExpressibleByArgument, Hashable {
    case table, json, yaml, noHeader
    case columns([String])

    init?(argument: String) {
        switch argument {
        case "table": self = .table
        case "json": self = .json
        case "yaml": self = .yaml
        case "noheader": self = .noHeader
        default:
            guard argument.hasPrefix("columns=") else { return nil }
            let names = argument.dropFirst("columns=".count).split(separator: ",").map { $0.lowercased() }
            guard !names.isEmpty else { return nil }
            self = .columns(names)
        }
    }
}
