import HostalDatabase
import HostalWire

extension Meta {
    init(_ page: PageRequest, total: Int) {
        let last = max(1, (total + page.perPage - 1) / page.perPage)
        self.init(
            pagination: Pagination(
                page: page.page, perPage: page.perPage, previousPage: page.page > 1 ? page.page - 1 : nil,
                nextPage: page.page < last ? page.page + 1 : nil, lastPage: last, totalEntries: total))
    }
}

extension Page {
    /// A part of a list that is small enough to be read whole.
    init(of entries: [Entry], _ page: PageRequest) {
        let start = min((page.page - 1) * page.perPage, entries.count)
        self.init(entries: Array(entries[start..<min(start + page.perPage, entries.count)]), total: entries.count)
    }
}
