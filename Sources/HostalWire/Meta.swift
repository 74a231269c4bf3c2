/// What comes with a list.
package struct Meta: Codable, Hashable, Sendable {
    package var pagination: Pagination

    package init(
        pagination: Pagination
    ) {
        self.pagination = pagination
    }
}

/// Which part of a list this is. Pages count from 1.
package struct Pagination: Codable, Hashable, Sendable {
    package var page: Int
    package var perPage: Int
    @Nullable package var previousPage: Int?
    @Nullable package var nextPage: Int?
    @Nullable package var lastPage: Int?
    @Nullable package var totalEntries: Int?

    package init(
        page: Int, perPage: Int, previousPage: Int? = nil, nextPage: Int? = nil, lastPage: Int? = nil,
        totalEntries: Int? = nil
    ) {
        self.page = page
        self.perPage = perPage
        self.previousPage = previousPage
        self.nextPage = nextPage
        self.lastPage = lastPage
        self.totalEntries = totalEntries
    }
}

/// An object of a kind that Hostal does not have yet; it never appears.
package struct EmptyObject: Codable, Hashable, Sendable {
    package init() {}
}
