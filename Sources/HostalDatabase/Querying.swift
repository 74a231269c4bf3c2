/// Where a statement can run: in a transaction of its own, or in one that is open.
package protocol Querying: Sendable {
    func query(_ sql: SQL) async throws(PostgresError) -> Rows
    /// Runs `body` in one transaction, as `Database.transaction` does; in one that is open it becomes a part of that.
    func transaction<T: Sendable>(_ body: @Sendable (Transaction) async throws -> T) async throws -> T
}

extension Database: Querying {}
extension Transaction: Querying {
    package func transaction<T: Sendable>(_ body: @Sendable (Transaction) async throws -> T) async throws -> T {
        try await body(self)
    }
}
