/// Where a statement can run: in a transaction of its own, or in one that is open.
package protocol Querying: Sendable {
    func query(_ sql: SQL) async throws(PostgresError) -> Rows
}

extension Database: Querying {}
extension Transaction: Querying {}
