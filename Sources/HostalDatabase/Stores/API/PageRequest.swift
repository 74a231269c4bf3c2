/// Which part of a list is asked for. Pages count from 1.
package struct PageRequest: Sendable, Hashable {
    package static let largest = 50
    package static let usual = 25
    /// Far more pages than an account can fill; a bound for the offset.
    package static let lastPage = 1_000_000

    package var page: Int
    package var perPage: Int

    /// Takes what is within bounds: pages from 1, at most `largest` entries.
    package init(page: Int = 1, perPage: Int = PageRequest.usual) {
        self.page = min(max(page, 1), Self.lastPage)
        self.perPage = min(max(perPage, 1), Self.largest)
    }

    var offset: Int { (page - 1) * perPage }
}

/// A part of a list, and how many entries the whole list has.
package struct Page<Entry: Sendable>: Sendable {
    package var entries: [Entry]
    package var total: Int
    package init(entries: [Entry], total: Int) {
        self.entries = entries
        self.total = total
    }
}

/// One of a fixed set of columns, and a direction.
package struct Ordering<Column: Sendable & Hashable>: Sendable, Hashable {
    package var column: Column
    package var descending: Bool
    package init(_ column: Column, descending: Bool = false) {
        self.column = column
        self.descending = descending
    }
    var direction: String { descending ? "desc" : "asc" }
}
